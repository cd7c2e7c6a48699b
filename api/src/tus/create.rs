//! `POST /api/tus`: begins an upload, and takes its first bytes where they come along.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use store::{Progress, UploadInfo, UploadKind, VideoId};

use crate::App;
use crate::auth::Uploader;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::rates::UploadRate;
use crate::tus::fields::{self, Creation};
use crate::tus::receive::Incoming;
use crate::tus::state;

errors!(CreateErrors: BadHeader, Unauthorized, LinkExpired, LinkSpent, OffsetDiffers, Gone, TusVersion, TooLarge,
    NotAnOffsetStream, NotAVideo, TakenOver, ChecksumMismatch, NotFound, RateLimited, Internal, Busy, StorageUnavailable);

/// Begins a resumable upload (tus 1.0)
#[utoipa::path(
    post,
    path = "/api/tus",
    operation_id = "begin_tus_upload",
    security(("bearer" = [])),
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = Option<u64>, Header, description = "The file's length in bytes"),
        ("Upload-Defer-Length" = Option<String>, Header, description = "`1` where the length is told later"),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename`, `filetype`: values in base64"),
        ("Upload-Checksum" = Option<String>, Header, description = "Of the first bytes, where they come along"),
    ),
    request_body(
        content = Option<Vec<u8>>, content_type = "application/offset+octet-stream",
        description = "The file's first bytes, or nothing"
    ),
    responses(
        (status = 201, description = "The upload has begun", headers(
            ("Location" = String, description = "Where its bytes go; it ends with the video's id"),
            ("Upload-Offset" = u64, description = "Bytes that are stored"),
            ("Upload-Expires" = String, description = "When it is given up unless more comes"),
        )),
        CreateErrors,
    )
)]
pub(crate) async fn create(
    uploader: Uploader,
    _: UploadRate,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let wanted = Creation::of(&parts.headers)?;
    let limit_bytes = uploader.max_bytes(&app);
    if wanted.len_bytes.is_some_and(|len| len > limit_bytes) {
        return Err(ApiError::TooLarge { limit_bytes });
    }
    let has_body = fields::has_body(&parts.headers);
    if has_body {
        fields::check_content_type(&parts.headers)?;
    }
    let id = uploader.begin(&app).await?;
    let mut first_bytes = Incoming::new(id, 0, None, &parts, body)?;
    let body_limit_bytes = wanted.len_bytes.unwrap_or(limit_bytes);
    if first_bytes.announced_bytes > Some(body_limit_bytes) {
        return Err(ApiError::TooLarge {
            limit_bytes: body_limit_bytes,
        });
    }
    let begun = begin(&app, id, &wanted, limit_bytes).await?;
    first_bytes.is_creation = matches!(begun, Begun::Now(_));
    let (Begun::Now(mut progress) | Begun::Before(mut progress)) = begun;
    if has_body && progress.offset_bytes == 0 && !progress.is_complete {
        progress = match first_bytes.append(&app).await {
            // They come again, when there is room for them.
            Err(ApiError::Busy) => progress,
            appended => appended?,
        };
    }
    // Relative: whatever address the client has for this server is the right one.
    let location = HeaderValue::from_str(&format!("/api/tus/{id}")).expect("an id is ASCII");
    Ok((
        StatusCode::CREATED,
        [(LOCATION, location)],
        state(&progress),
    )
        .into_response())
}

/// The upload that a creation asks for.
enum Begun {
    Now(Progress),
    /// By an earlier request, which may still be at work.
    Before(Progress),
}

async fn begin(
    app: &App,
    id: VideoId,
    wanted: &Creation,
    limit_bytes: u64,
) -> Result<Begun, ApiError> {
    let kind = UploadKind::Tus;
    let mut info = UploadInfo::new(kind, &wanted.filename, wanted.len_bytes, Some(limit_bytes));
    info.metadata.clone_from(&wanted.metadata);
    if let Some(begun) = app.store.create_resumable(id, info).await? {
        if begun.was_queued {
            app.queued.notify_one();
        }
        return Ok(Begun::Now(begun));
    }
    // The answer to the bearer of a link may have been lost, and with it where the upload is.
    match app.store.resumable(id).await {
        Ok(there) if there.is_same_file(wanted.len_bytes, &wanted.metadata) => {
            Ok(Begun::Before(there))
        }
        Ok(_) => Err(ApiError::LinkSpent),
        Err(store::ResumeError::Store(error)) => Err(error.into()),
        Err(_) => Err(ApiError::LinkSpent),
    }
}
