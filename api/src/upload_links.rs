//! `POST /api/upload-links`: lets someone without the admin token upload one video.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use store::VideoId;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::App;
use crate::auth::Admin;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::json_body::JsonBody;
use crate::link_token::{LinkToken, UploadLink};
use crate::origin::Origin;
use crate::rates::UploadRate;
use crate::video::NO_STORE;

const DEFAULT_LIFE_S: u64 = 24 * 3600;
/// Shorter than a tombstone lives: a link must not outlive the trace of the video that was uploaded with
/// it and deleted.
const LONGEST_LIFE_S: u64 = 7 * 24 * 3600;

/// What the link shall allow.
#[derive(Deserialize, ToSchema)]
#[schema(as = UploadLinkRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The largest file; `MAX_UPLOAD_BYTES` unless it says less.
    #[schema(minimum = 1)]
    max_bytes: Option<u64>,
    /// Until when the upload must have begun: a day unless it says otherwise, at most 7 days.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in_seconds: Option<u64>,
}

/// A link that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadLink)]
struct Made {
    /// The video that will be uploaded with it.
    id: VideoId,
    /// Sent as the admin token is.
    #[schema(value_type = String)]
    token: LinkToken,
    /// The upload page, with the token in its fragment.
    #[schema(format = "uri")]
    url: String,
    max_bytes: u64,
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
}

errors!(CreateErrors: BadHost, BadJson, Unauthorized, BodyTooLarge, OutOfRange, RateLimited, Internal);

/// Lets someone without the admin token upload one video
#[utoipa::path(
    post,
    path = "/api/upload-links",
    security(("bearer" = [])),
    request_body(content = Wanted, description = "Nothing at all is taken for `{}`"),
    responses(
        (status = 201, body = Made, description = "The link"),
        CreateErrors,
    )
)]
pub(crate) async fn create(
    _: Admin,
    _: UploadRate,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Response, ApiError> {
    let life_s = within(
        "expires_in_seconds",
        wanted.expires_in_seconds.unwrap_or(DEFAULT_LIFE_S),
        LONGEST_LIFE_S,
    )?;
    let max_bytes = within(
        "max_bytes",
        wanted.max_bytes.unwrap_or(app.max_upload_bytes),
        app.max_upload_bytes,
    )?;
    let origin = Origin::of_server(&app, &headers)?;
    let link = UploadLink {
        id: VideoId::new(),
        max_bytes,
        expires_at: whole_seconds(app.store.now()) + Duration::from_secs(life_s),
    };
    let token = app.link_key.sign(&link);
    let made = Made {
        id: link.id,
        url: format!("{origin}/#token={}", token.expose()),
        token,
        max_bytes,
        expires_at: link.expires_at.into(),
    };
    Ok((StatusCode::CREATED, NO_STORE, Json(made)).into_response())
}

fn within(field: &'static str, wanted: u64, max: u64) -> Result<u64, ApiError> {
    if (1..=max).contains(&wanted) {
        return Ok(wanted);
    }
    Err(ApiError::OutOfRange { field, min: 1, max })
}

/// As a token holds it.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
    SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.unwrap_or_default().as_secs())
}
