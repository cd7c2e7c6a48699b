//! What stands beside a video's renditions: its poster, its storyboard and its subtitles.
//!
//! The bytes themselves, not a link or a redirect: pages show them as they are, link previews need an address
//! that stays, and the storyboard names its sheets by addresses beside its own.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use store::{ExtraName, VideoId};

use crate::App;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::rates::SigningRate;
use crate::revalidation::is_held;
use crate::video::{VideoPath, status_of};

/// They change with the take alone, but a video can be deleted.
const CACHING: &str = "public, max-age=600";

errors!(ExtraErrors: NotFound, NotReady, RateLimited, StorageUnavailable, Internal);

/// A picture to show before the video plays
#[utoipa::path(
    get,
    path = "/api/video/{id}/poster.jpg",
    params(("id" = VideoId, Path)),
    responses(
        (status = 200, body = [u8], content_type = "image/jpeg", description = "A JPEG of at most 1280 pixels a side"),
        (status = 304, description = "The client has it"),
        ExtraErrors,
    )
)]
pub(crate) async fn poster(
    _: SigningRate,
    VideoPath { id, .. }: VideoPath,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, id, ExtraName::Poster, &headers).await
}

/// Which part of which sheet to show for each time while one seeks
#[utoipa::path(
    get,
    path = "/api/video/{id}/storyboard.vtt",
    params(("id" = VideoId, Path)),
    responses(
        (
            status = 200,
            body = String,
            content_type = "text/vtt",
            description = "WebVTT whose cues are `storyboard-<n>.jpg#xywh=x,y,width,height`",
        ),
        (status = 304, description = "The client has it"),
        ExtraErrors,
    )
)]
pub(crate) async fn storyboard(
    _: SigningRate,
    VideoPath { id, .. }: VideoPath,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, id, ExtraName::Storyboard, &headers).await
}

/// The subtitles of a track, as its number in the status names them
#[utoipa::path(
    get,
    path = "/api/video/{id}/subtitles/{track}",
    params(
        ("id" = VideoId, Path),
        ("track" = String, Path, description = "`<n>.vtt`", pattern = r"^[0-9]{1,4}\.vtt$"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/vtt", description = "WebVTT, as long as the video"),
        (status = 304, description = "The client has it"),
        ExtraErrors,
    )
)]
pub(crate) async fn subtitles(
    _: SigningRate,
    VideoPath { id, name }: VideoPath,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let track = format!("subtitles-{name}").parse();
    let track = track.map_err(|_| ApiError::NoSuchExtra)?;
    answer(&app, id, track, &headers).await
}

/// A file beside a video's renditions, unless the client has it.
pub(crate) async fn answer(
    app: &App,
    id: VideoId,
    name: ExtraName,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let status = &status_of(app, id).await?.value;
    if status.status != store::State::Done {
        return Err(ApiError::NotReady);
    }
    let missing = |error| match error {
        store::Error::Missing(_) => ApiError::NoSuchExtra,
        other => other.into(),
    };
    let etag = format!("\"{}\"", status.take_with_extra(name).map_err(missing)?);
    let caching = [(CACHE_CONTROL, CACHING), (ETAG, etag.as_str())];
    if is_held(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let bytes = app.store.extra(status, name).await.map_err(missing)?;
    Ok((caching, [(CONTENT_TYPE, name.content_type())], bytes).into_response())
}
