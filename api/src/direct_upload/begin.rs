//! Beginning an upload, and URLs for its parts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use store::metrics::{UPLOADS, UploadEnd};
use store::{DirectUpload, VideoId};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{OwnUpload, ended};
use crate::App;
use crate::auth::Uploader;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::json_body::JsonBody;
use crate::origin::LinkOrigin;
use crate::rates::UploadRate;
use crate::video::NO_STORE;

/// URLs in one answer. A part takes far longer to send than its URL to ask for.
const MOST_URLS: usize = 100;

/// A file that is to be uploaded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DirectUploadRequest)]
pub(crate) struct Wanted {
    /// Its name.
    #[serde(default)]
    #[schema(required = false)]
    filename: String,
    /// Its exact length.
    #[schema(minimum = 1)]
    len_bytes: u64,
}

/// A part, and where to PUT its bytes.
#[derive(Serialize, ToSchema)]
struct PartLink {
    /// From 1: bytes `[(number − 1) × part_size, number × part_size)` of the file.
    number: u16,
    /// Takes a body of exactly the part's length.
    #[schema(format = "uri")]
    url: String,
}

/// An upload that has begun.
#[derive(Serialize, ToSchema)]
#[schema(as = DirectUpload)]
struct Begun {
    id: VideoId,
    /// Where the original will lie in the raw bucket.
    key: String,
    /// Bytes of every part but the last, which holds the rest.
    part_size: u64,
    /// How many parts there are.
    part_count: u16,
    /// The first hundred.
    parts: Vec<PartLink>,
    /// When the URLs lapse.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    urls_expire_at: OffsetDateTime,
    /// When the upload does, unless URLs are asked for before.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
}

errors!(BeginErrors: BadHost, BadJson, Unauthorized, LinkExpired, LinkSpent, Gone, TooLarge, BodyTooLarge,
    OutOfRange, RateLimited, StorageUnavailable, Internal);

/// Begins an upload whose parts go straight to S3
///
/// PUT each part to its URL, in any order, several at a time, as often as it takes; then complete the upload.
#[utoipa::path(
    post,
    path = "/api/uploads",
    security(("bearer" = [])),
    request_body = Wanted,
    responses(
        (status = 201, body = Begun, description = "The upload has begun",
            headers(("Location" = String, description = "The upload"))),
        (status = 200, body = Begun, description = "It had begun before with the same link, and goes on",
            headers(("Location" = String, description = "The upload"))),
        BeginErrors,
    )
)]
pub(crate) async fn begin(
    uploader: Uploader,
    _: UploadRate,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Response, ApiError> {
    let origin = LinkOrigin::of(&app, &headers)?;
    match begin_or_resume(&uploader, &app, &wanted).await {
        Ok((status, upload)) => begun(status, &upload, &origin).await,
        Err(error) => {
            UPLOADS.inc([UploadEnd::from(&error).as_str()]);
            Err(error)
        }
    }
}

async fn begin_or_resume(
    uploader: &Uploader,
    app: &App,
    wanted: &Wanted,
) -> Result<(StatusCode, DirectUpload), ApiError> {
    let limit_bytes = uploader.max_bytes(app);
    match wanted.len_bytes {
        0 => {
            return Err(ApiError::OutOfRange {
                field: "len_bytes",
                min: 1,
                max: limit_bytes,
            });
        }
        len_bytes if len_bytes > limit_bytes => return Err(ApiError::TooLarge { limit_bytes }),
        _ => {}
    }
    if let Some(upload) = begun_before(uploader, app, wanted).await? {
        return Ok((StatusCode::OK, upload));
    }
    let id = uploader.begin(app).await?;
    let (filename, len_bytes) = (&wanted.filename, wanted.len_bytes);
    let upload = app
        .store
        .begin_direct_upload(id, filename, len_bytes)
        .await
        .map_err(spent)?;
    if let Some(upload) = upload {
        return Ok((StatusCode::CREATED, upload));
    }
    // Another request with the same link, such as an impatient client's first, has just begun it.
    let upload = begun_before(uploader, app, wanted).await?;
    upload
        .map(|upload| (StatusCode::OK, upload))
        .ok_or(ApiError::LinkSpent)
}

/// The same upload, if it was begun with the same link and goes on.
async fn begun_before(
    uploader: &Uploader,
    app: &App,
    wanted: &Wanted,
) -> Result<Option<DirectUpload>, ApiError> {
    let Uploader::Link(link) = uploader else {
        return Ok(None);
    };
    let upload = app.store.direct_upload(link.id).await.map_err(spent)?;
    let Some(mut upload) = upload else {
        return Ok(None);
    };
    let is_same = upload.is_open() && upload.len_bytes() == wanted.len_bytes;
    Ok((is_same && upload.renew().await?).then_some(upload))
}

/// What a link was for may be deleted.
fn spent(error: store::Error) -> ApiError {
    match error {
        store::Error::Deleted(_) => ApiError::LinkSpent,
        error => ApiError::of_upload(error),
    }
}

async fn begun(
    status: StatusCode,
    upload: &DirectUpload,
    origin: &LinkOrigin,
) -> Result<Response, ApiError> {
    let first = (1..=upload.part_count()).take(MOST_URLS);
    let (parts, urls_expire_at) = part_links(upload, first, origin).await?;
    let location = [(LOCATION, format!("/api/uploads/{}", upload.id()))];
    let begun = Begun {
        id: upload.id(),
        key: upload.key().to_owned(),
        part_size: upload.part_len_bytes(),
        part_count: upload.part_count(),
        parts,
        urls_expire_at,
        expires_at: upload.expires_at().into(),
    };
    Ok((status, NO_STORE, location, Json(begun)).into_response())
}

async fn part_links(
    upload: &DirectUpload,
    numbers: impl IntoIterator<Item = u16>,
    origin: &LinkOrigin,
) -> Result<(Vec<PartLink>, OffsetDateTime), ApiError> {
    let (urls, lapse_at) = upload.part_urls(numbers).await?;
    let links = urls.iter().map(|part| PartLink {
        number: part.number,
        url: origin.absolute(&part.url),
    });
    Ok((links.collect(), lapse_at.into()))
}

/// The parts of which URLs are asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartLinksRequest)]
pub(crate) struct WantedParts {
    #[schema(min_items = 1, max_items = 100)]
    numbers: Vec<u64>,
}

/// Fresh URLs.
#[derive(Serialize, ToSchema)]
#[schema(as = PartLinks)]
struct FreshParts {
    parts: Vec<PartLink>,
    /// When the URLs lapse.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    urls_expire_at: OffsetDateTime,
    /// When the upload does, unless URLs are asked for before.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
}

errors!(PartsErrors: BadHost, BadJson, Unauthorized, NotFound, UploadComplete, Gone, BodyTooLarge, PartsAtATime,
    OutOfRange, RateLimited, StorageUnavailable, Internal);

/// Fresh URLs for parts of an upload
///
/// The upload lives for `UPLOAD_EXPIRY` from then on.
#[utoipa::path(
    post,
    path = "/api/uploads/{id}/parts",
    security(("bearer" = [])),
    params(("id" = VideoId, Path)),
    request_body = WantedParts,
    responses(
        (status = 200, body = FreshParts, description = "The URLs, in the order of the numbers"),
        PartsErrors,
    )
)]
pub(crate) async fn parts(
    upload: OwnUpload,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<WantedParts>,
) -> Result<Response, ApiError> {
    let origin = LinkOrigin::of(&app, &headers)?;
    let mut upload = upload.open()?;
    if !(1..=MOST_URLS).contains(&wanted.numbers.len()) {
        return Err(ApiError::PartsAtATime { most: MOST_URLS });
    }
    let part_count = upload.part_count();
    let numbers: Result<Vec<_>, _> = wanted
        .numbers
        .iter()
        .map(|number| {
            let number = u16::try_from(*number).ok();
            number
                .filter(|number| (1..=part_count).contains(number))
                .ok_or(ApiError::OutOfRange {
                    field: "numbers",
                    min: 1,
                    max: part_count.into(),
                })
        })
        .collect();
    let numbers = numbers?;
    if !upload.renew().await? {
        return Err(ended(&upload));
    }
    let (parts, urls_expire_at) = part_links(&upload, numbers, &origin).await?;
    let fresh = FreshParts {
        parts,
        urls_expire_at,
        expires_at: upload.expires_at().into(),
    };
    Ok((NO_STORE, Json(fresh)).into_response())
}
