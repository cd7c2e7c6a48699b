//! `/api/video/…`: a video's status, links to its files, and its deletion.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, RawPathParams, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use store::{Absence, ExtraName, PresignedUrl, RungName, Status, Versioned, VideoId};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Admin;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::origin::absolute_url;
use crate::rates::SigningRate;
use crate::revalidation::unless_held;
use crate::{App, extras, filename};

/// Links are signed for a while only.
pub(crate) const NO_STORE: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// What a path below `/api/video/` names.
pub(crate) struct VideoPath {
    pub(crate) id: VideoId,
    /// What comes after it: a rung, a playlist or another file; empty where nothing does.
    pub(crate) name: String,
}

impl FromRequestParts<Arc<App>> for VideoPath {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::NoSuchVideo)?;
        let mut values = params.iter().map(|(_, value)| value);
        let id = values.next().unwrap_or_default();
        Ok(Self {
            id: id.parse().map_err(|_| ApiError::NoSuchVideo)?,
            name: values.next().unwrap_or_default().to_owned(),
        })
    }
}

pub(crate) async fn status_of(app: &App, id: VideoId) -> Result<Arc<Versioned<Status>>, ApiError> {
    let status = app.status_reads.read(id).await?;
    status.ok_or(ApiError::NoSuchVideo)
}

/// A link that a browser follows to the bucket.
#[derive(Serialize, ToSchema)]
pub(crate) struct Link {
    /// Absolute, and signed for a while.
    #[schema(format = "uri")]
    url: String,
}

impl Link {
    fn answer(app: &App, headers: &HeaderMap, url: &PresignedUrl) -> Result<Response, ApiError> {
        let url = absolute_url(app, headers, url)?;
        Ok((NO_STORE, Json(Self { url })).into_response())
    }
}

errors!(LinkErrors: BadHost, NotFound, RateLimited, StorageUnavailable, Internal);

/// Something to watch now: the original until `done`, then the top rendition
#[utoipa::path(
    get,
    path = "/api/video/{id}",
    params(("id" = VideoId, Path)),
    responses(
        (status = 200, body = Link, description = "Where the video is"),
        LinkErrors,
    )
)]
pub(crate) async fn link(
    _: SigningRate,
    VideoPath { id, .. }: VideoPath,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let status = &status_of(&app, id).await?.value;
    let url = match status.qualities.last() {
        Some(top) if status.status == store::State::Done => {
            app.store.rendition_url(status, top, None).await?
        }
        _ => app.store.original_url(id).await?,
    };
    Link::answer(&app, &headers, &url)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LinkQuery {
    /// `1`: a link that saves the file, under the name of the upload.
    #[serde(default)]
    #[param(required = false)]
    download: String,
}

errors!(RungErrors: BadHost, NotFound, NotReady, RateLimited, StorageUnavailable, Internal);

/// A quality's MP4, or a sheet of the storyboard
#[utoipa::path(
    get,
    path = "/api/video/{id}/{name}",
    params(
        ("id" = VideoId, Path),
        (
            "name" = String,
            Path,
            description = "`<rung>`, or `storyboard-<n>.jpg` as the storyboard names it",
            pattern = r"^([0-9]{1,4}p|storyboard-[0-9]{1,4}\.jpg)$",
        ),
        LinkQuery,
    ),
    responses(
        (
            status = 200,
            description = "Where the quality's MP4 is, or the sheet itself",
            content((Link = "application/json"), ([u8] = "image/jpeg")),
        ),
        (status = 304, description = "The client has the sheet"),
        RungErrors,
    )
)]
pub(crate) async fn rung_or_sheet(
    _: SigningRate,
    VideoPath { id, name }: VideoPath,
    State(app): State<Arc<App>>,
    query: Result<Query<LinkQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Ok(sheet @ ExtraName::StoryboardSheet(_)) = name.parse() {
        return extras::answer(&app, id, sheet, &headers).await;
    }
    let rung: RungName = name.parse().map_err(|_| ApiError::NoSuchRung)?;
    let status = &status_of(&app, id).await?.value;
    if !status.qualities.contains(&rung) {
        return Err(ApiError::NoSuchRung);
    }
    let download = query.is_ok_and(|query| query.download == "1");
    let save_as = download.then(|| filename::of_download(&status.filename));
    let url = app
        .store
        .rendition_url(status, &rung, save_as.as_deref())
        .await?;
    Link::answer(&app, &headers, &url)
}

errors!(DeleteErrors: Unauthorized, NotFound, RateLimited, StorageUnavailable, Internal);

/// Deletes a video and all that belongs to it, whatever is being done with it
#[utoipa::path(
    delete,
    path = "/api/video/{id}",
    params(("id" = VideoId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "It is gone, now or already"),
        DeleteErrors,
    )
)]
pub(crate) async fn delete(
    _: Admin,
    VideoPath { id, .. }: VideoPath,
    State(app): State<Arc<App>>,
) -> Result<StatusCode, ApiError> {
    let deleted = app.store.delete_video(id).await;
    app.status_reads.forget(id);
    match deleted {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(store::Error::Missing(_)) => Err(ApiError::NoSuchVideo),
        Err(error) => Err(error.into()),
    }
}

errors!(StatusErrors: NotFound, Deleted, Uploading, StorageUnavailable, Internal);

/// What is true about a video
#[utoipa::path(
    get,
    path = "/api/video/{id}/status",
    params(
        ("id" = VideoId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a status that the client has"),
    ),
    responses(
        (
            status = 200,
            body = Status,
            description = "The status",
            headers(("ETag" = String, description = "Names this version of the status")),
        ),
        (
            status = 304,
            description = "It has not changed",
            headers(("ETag" = String, description = "Names this version of the status")),
        ),
        StatusErrors,
    )
)]
pub(crate) async fn status(
    VideoPath { id, .. }: VideoPath,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(status) = app.status_reads.read(id).await? else {
        return Err(match app.store.absence(id).await? {
            Absence::Unknown => ApiError::NoSuchVideo,
            Absence::Uploading => ApiError::StillUploading,
            Absence::Deleted => ApiError::VideoDeleted,
        });
    };
    Ok(unless_held(&headers, &status.etag, || Json(&status.value)))
}
