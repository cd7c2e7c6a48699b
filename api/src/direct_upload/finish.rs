//! How far an upload is, and its end.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::metrics::{UPLOAD_RECEIVED_BYTES, UPLOADS, UploadEnd};
use store::{Abort, Completion, DirectUpload, VideoId};
use time::OffsetDateTime;
use tracing::{Instrument, Span};
use utoipa::ToSchema;

use super::OwnUpload;
use crate::App;
use crate::arriving::Uploaded;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::video::NO_STORE;

/// A part that S3 holds.
#[derive(Serialize, ToSchema)]
struct HeldPart {
    /// From 1.
    number: u16,
    len_bytes: u64,
    etag: String,
}

/// How far an upload is.
#[derive(Serialize, ToSchema)]
#[schema(as = DirectUploadProgress)]
struct Progress {
    id: VideoId,
    /// Where the original will lie in the raw bucket, or lies.
    key: String,
    filename: String,
    /// The file's length.
    len_bytes: u64,
    /// Bytes of every part but the last, which holds the rest.
    part_size: u64,
    /// How many parts there are.
    part_count: u16,
    /// What S3 holds; none once the original was made of them.
    parts: Vec<HeldPart>,
    /// The numbers of the parts that have not arrived.
    missing: Vec<u16>,
    /// Whether the original is whole and its video queued.
    complete: bool,
    /// When the upload lapses, unless URLs are asked for before; once it is complete, never.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<OffsetDateTime>,
}

errors!(ProgressErrors: Unauthorized, NotFound, Gone, RateLimited, StorageUnavailable,
    Internal);

/// What S3 holds of an upload, and what is missing
#[utoipa::path(
    get,
    path = "/api/uploads/{id}",
    security(("bearer" = [])),
    params(("id" = VideoId, Path)),
    responses(
        (status = 200, body = Progress, description = "How far it is"),
        ProgressErrors,
    )
)]
pub(crate) async fn progress(own: OwnUpload) -> Result<Response, ApiError> {
    let upload = match own.upload {
        Some(upload) if upload.is_complete() => upload,
        upload => OwnUpload { upload, ..own }.open()?,
    };
    let complete = upload.is_complete();
    let (held, missing) = match complete {
        true => (Vec::new(), Vec::new()),
        false => upload.parts().await.map_err(ApiError::of_upload)?,
    };
    let parts = held.into_iter().map(|part| HeldPart {
        number: part.number,
        len_bytes: part.len_bytes,
        etag: part.etag,
    });
    let progress = Progress {
        id: upload.id(),
        key: upload.key().to_owned(),
        filename: upload.filename().to_owned(),
        len_bytes: upload.len_bytes(),
        part_size: upload.part_len_bytes(),
        part_count: upload.part_count(),
        parts: parts.collect(),
        missing,
        complete,
        expires_at: (!complete).then(|| upload.expires_at().into()),
    };
    Ok((NO_STORE, Json(progress)).into_response())
}

errors!(CompleteErrors: Unauthorized, NotFound, PartsMissing, Gone, RateLimited, StorageUnavailable,
    Internal);

/// Makes the original of its parts and queues the video
///
/// Asked again, it answers the same. A body is not read: S3 itself is asked which parts it holds.
#[utoipa::path(
    post,
    path = "/api/uploads/{id}/complete",
    security(("bearer" = [])),
    params(("id" = VideoId, Path)),
    responses(
        (status = 200, body = Uploaded, description = "The video is queued"),
        CompleteErrors,
    )
)]
pub(crate) async fn complete(
    own: OwnUpload,
    State(app): State<Arc<App>>,
) -> Result<Response, ApiError> {
    let id = own.id;
    let key = match own.upload {
        // Once begun, nothing that the client does keeps the job from the queue.
        Some(upload) => tokio::spawn(complete_now(upload, app).instrument(Span::current()))
            .await
            .unwrap_or_else(|panic| Err(ApiError::Internal(panic.into())))?,
        // Nothing of the upload is kept for long after it.
        None if app.store.status(id).await?.is_some() => store::original_key(id),
        None => return Err(ApiError::NoSuchUpload),
    };
    Ok((NO_STORE, Json(Uploaded { id, key })).into_response())
}

async fn complete_now(mut upload: DirectUpload, app: Arc<App>) -> Result<String, ApiError> {
    match upload.complete().await.map_err(ApiError::of_upload)? {
        Completion::Now => {
            UPLOADS.inc([UploadEnd::Stored.as_str()]);
            UPLOAD_RECEIVED_BYTES.add([], upload.len_bytes());
            app.queued.notify_one();
        }
        Completion::Before => {}
        Completion::PartsMissing(numbers) => return Err(ApiError::PartsMissing(numbers)),
    }
    Ok(upload.key().to_owned())
}

errors!(AbortErrors: Unauthorized, NotFound, UploadComplete, Gone, RateLimited, StorageUnavailable,
    Internal);

/// Gives an upload up
#[utoipa::path(
    delete,
    path = "/api/uploads/{id}",
    security(("bearer" = [])),
    params(("id" = VideoId, Path)),
    responses(
        (status = 204, description = "Nothing is left of it, also when asked again"),
        AbortErrors,
    )
)]
pub(crate) async fn abort(
    own: OwnUpload,
    State(app): State<Arc<App>>,
) -> Result<StatusCode, ApiError> {
    let aborted = match own.upload {
        Some(upload) => upload.abort().await?,
        None if app.store.status(own.id).await?.is_some() => Abort::Complete,
        // Of another kind, which ends by another route.
        None if app.store.upload_info(own.id).await?.is_some() => {
            return Err(ApiError::NoSuchUpload);
        }
        None => Abort::Nothing,
    };
    match aborted {
        Abort::Done => UPLOADS.inc([UploadEnd::Broken.as_str()]),
        Abort::Nothing => {}
        Abort::Complete => return Err(ApiError::UploadComplete),
    }
    Ok(StatusCode::NO_CONTENT)
}
