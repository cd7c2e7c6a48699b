//! `GET /api/video/{id}/hls/…`: playlists, written afresh for every request.
//!
//! The master names the media playlists below the same path; each of those names presigned URLs,
//! so that players need nothing but the playlist's own address.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use store::package::{MASTER_NAME, PLAYLIST_TYPE};
use store::{RungName, VideoId, index_of_subtitle_playlist};

use crate::App;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::rates::SigningRate;
use crate::video::{NO_STORE, VideoPath, status_of};

/// Which playlist the last component of the path names.
enum Wanted {
    Master,
    Media(RungName),
    Iframes(RungName),
    Subtitles(u32),
}

impl Wanted {
    fn parse(name: &str) -> Option<Self> {
        if name == MASTER_NAME {
            return Some(Self::Master);
        }
        if let Some(index) = index_of_subtitle_playlist(name) {
            return Some(Self::Subtitles(index));
        }
        let stem = name.strip_suffix(".m3u8")?;
        match stem.strip_suffix("-iframes") {
            Some(rung) => rung.parse().ok().map(Self::Iframes),
            None => stem.parse().ok().map(Self::Media),
        }
    }
}

errors!(PlaylistErrors: NotFound, NotReady, RateLimited, StorageUnavailable, Internal);

/// An HLS playlist: the master, a quality's, a quality's I-frames, or that of subtitles
#[utoipa::path(
    get,
    path = "/api/video/{id}/hls/{playlist}",
    params(
        ("id" = VideoId, Path),
        (
            "playlist" = String,
            Path,
            description = "`master.m3u8`, `<rung>.m3u8`, `<rung>-iframes.m3u8` or `subtitles-<n>.m3u8`",
            pattern = r"^(master|[0-9]{1,4}p(-iframes)?|subtitles-[0-9]{1,4})\.m3u8$",
        ),
    ),
    responses(
        (
            status = 200,
            body = String,
            content_type = PLAYLIST_TYPE,
            description = "An RFC 8216bis playlist; that of a quality names signed URLs of the MP4",
        ),
        PlaylistErrors,
    )
)]
pub(crate) async fn playlist(
    _: SigningRate,
    VideoPath { id, name }: VideoPath,
    State(app): State<Arc<App>>,
) -> Result<Response, ApiError> {
    let wanted = Wanted::parse(&name).ok_or(ApiError::NoSuchRung)?;
    let status = &status_of(&app, id).await?.value;
    if status.status != store::State::Done {
        return Err(ApiError::NotReady);
    }
    let text = match &wanted {
        Wanted::Master => app.store.master_playlist(status).await,
        Wanted::Media(rung) => app.store.media_playlist(status, rung).await,
        Wanted::Iframes(rung) => app.store.iframe_playlist(status, rung).await,
        Wanted::Subtitles(index) => {
            let uri = format!("../subtitles/{index}.vtt");
            app.store.subtitle_playlist(status, *index, &uri).await
        }
    };
    let text = text.map_err(|error| match error {
        store::Error::Missing(_) => ApiError::NoSuchRung,
        other => other.into(),
    })?;
    Ok((NO_STORE, [(CONTENT_TYPE, PLAYLIST_TYPE)], text).into_response())
}
