//! `/api/tus/{id}`: how far an upload is, its next bytes, and its end.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use store::VideoId;

use crate::App;
use crate::auth::Continued;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::tus::receive::Incoming;
use crate::tus::{fields, header, state};

errors!(OffsetErrors: Unauthorized, NotFound, Gone, TusVersion, OffsetDiffers, TakenOver, RateLimited, Internal, StorageUnavailable);

/// Says how far a resumable upload is (tus 1.0)
#[utoipa::path(
    head,
    path = "/api/tus/{id}",
    operation_id = "tus_upload_offset",
    security(("bearer" = [])),
    params(
        ("id" = VideoId, Path),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses(
        (status = 200, description = "It goes on from there", headers(
            ("Upload-Offset" = u64, description = "Bytes that are stored"),
            ("Upload-Length" = Option<u64>, description = "As declared"),
            ("Upload-Defer-Length" = Option<String>, description = "`1` where the length is yet to be told"),
            ("Upload-Metadata" = Option<String>, description = "As sent"),
            ("Upload-Expires" = Option<String>, description = "When it is given up unless more comes"),
        )),
        OffsetErrors,
    )
)]
pub(crate) async fn offset(
    Continued(id): Continued,
    State(app): State<Arc<App>>,
) -> Result<Response, ApiError> {
    let progress = app.store.resumable(id).await?;
    if progress.was_queued {
        app.queued.notify_one();
    }
    let mut headers = state(&progress);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match progress.len_bytes {
        Some(len_bytes) => headers.insert(header::UPLOAD_LENGTH, len_bytes.into()),
        None => headers.insert(header::UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if !progress.metadata.is_empty() {
        let metadata = HeaderValue::from_str(&progress.metadata);
        let metadata = metadata.map_err(|error| ApiError::Internal(error.into()))?;
        headers.insert(header::UPLOAD_METADATA, metadata);
    }
    Ok(headers.into_response())
}

errors!(AppendErrors: BadHeader, Unauthorized, NotFound, OffsetDiffers, Gone, TusVersion, TooLarge, NotAnOffsetStream,
    NotAVideo, TakenOver, ChecksumMismatch, RateLimited, Internal, Busy, StorageUnavailable);

/// Appends to a resumable upload (tus 1.0)
#[utoipa::path(
    patch,
    path = "/api/tus/{id}",
    operation_id = "append_to_tus_upload",
    security(("bearer" = [])),
    params(
        ("id" = VideoId, Path),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "Bytes that are stored so far"),
        ("Upload-Length" = Option<u64>, Header, description = "The file's length, where it was deferred"),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1`, `md5` or `sha256`, and the body's sum in base64"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "What came is stored. With the last byte the video is queued", headers(
            ("Upload-Offset" = u64, description = "Bytes that are stored"),
            ("Upload-Expires" = Option<String>, description = "When it is given up unless more comes"),
        )),
        AppendErrors,
    )
)]
pub(crate) async fn append(
    Continued(id): Continued,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    fields::check_content_type(&parts.headers)?;
    let offset_bytes = fields::required_number(&parts.headers, header::UPLOAD_OFFSET)?;
    let len_bytes = fields::number(&parts.headers, header::UPLOAD_LENGTH)?;
    let incoming = Incoming::new(id, offset_bytes, len_bytes, &parts, body)?;
    let progress = incoming.append(&app).await?;
    Ok((StatusCode::NO_CONTENT, state(&progress)).into_response())
}

errors!(TerminateErrors: Unauthorized, NotFound, Gone, TusVersion, TakenOver, RateLimited, Internal, StorageUnavailable);

/// Ends an unfinished resumable upload (tus 1.0)
#[utoipa::path(
    delete,
    path = "/api/tus/{id}",
    operation_id = "end_tus_upload",
    security(("bearer" = [])),
    params(
        ("id" = VideoId, Path),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses(
        (status = 204, description = "Nothing of it is left. A complete one is none: its video is deleted by its own route"),
        TerminateErrors,
    )
)]
pub(crate) async fn terminate(
    Continued(id): Continued,
    State(app): State<Arc<App>>,
) -> Result<StatusCode, ApiError> {
    app.store.terminate_resumable(id).await?;
    app.writers.stop(id).await;
    Ok(StatusCode::NO_CONTENT)
}

errors!(ByPostErrors: BadHeader, Unauthorized, NotFound, MethodNotAllowed, OffsetDiffers, Gone, TusVersion, TooLarge,
    NotAnOffsetStream, NotAVideo, TakenOver, ChecksumMismatch, RateLimited, Internal, Busy, StorageUnavailable);

/// Does what `X-HTTP-Method-Override` says, for clients that can send nothing but POST (tus 1.0)
#[utoipa::path(
    post,
    path = "/api/tus/{id}",
    operation_id = "tus_upload_by_post",
    security(("bearer" = [])),
    params(
        ("id" = VideoId, Path),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("X-HTTP-Method-Override" = String, Header, description = "`PATCH`, `HEAD` or `DELETE`"),
    ),
    request_body(content = Option<Vec<u8>>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 200, description = "As to HEAD"),
        (status = 204, description = "As to PATCH or DELETE"),
        ByPostErrors,
    )
)]
pub(crate) async fn append_by_post(
    continued: Continued,
    state: State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    match fields::text(request.headers(), header::METHOD_OVERRIDE)? {
        Some("PATCH") => append(continued, state, request).await,
        Some("HEAD") => offset(continued, state).await,
        Some("DELETE") => terminate(continued, state)
            .await
            .map(IntoResponse::into_response),
        _ => Err(ApiError::MethodNotAllowed),
    }
}
