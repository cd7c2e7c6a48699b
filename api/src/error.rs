//! What a client is told when something is wrong: one JSON shape and a closed set of codes.
//!
//! `{"error": {"code": "not_found", "message": "…"}}`. Codes are for programs and never change their
//! meaning; messages are for people. What went wrong inside is not told: it travels with the
//! response as a [`Cause`] to the request log, which writes it down once, next to the request's id.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::error_code::{ErrorAnswer, ErrorCode, ErrorDetail};

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(
        "Send the admin token, or to upload that of a link, as `Authorization: Bearer <token>`."
    )]
    Unauthorized,
    #[error("The upload link has expired: ask for a new one.")]
    LinkExpired,
    #[error("The upload link has been used already: ask for a new one.")]
    LinkSpent,
    #[error("There is nothing at this address.")]
    NotFound,
    #[error("There is no video with this id.")]
    NoSuchVideo,
    #[error("The video was deleted.")]
    VideoDeleted,
    #[error("The video is still being uploaded.")]
    StillUploading,
    #[error("There is no upload with this id.")]
    NoSuchUpload,
    #[error("The video has no such quality.")]
    NoSuchRung,
    #[error("The video has no such picture or text.")]
    NoSuchExtra,
    #[error("The video is not ready yet: its status says when it is.")]
    NotReady,
    #[error("This address does not answer to this method.")]
    MethodNotAllowed,
    #[error("The request has no usable Host header: send one, or set PUBLIC_URL on the server.")]
    BadHost,
    #[error(
        "The upload is not a form: send `multipart/form-data` with the video in the field `file`."
    )]
    NotAForm,
    #[error("The form breaks off or cannot be read: send it again.")]
    BrokenForm,
    #[error("Nothing of the upload came for {} s: send it again.", .0.as_secs())]
    Idle(Duration),
    #[error("The form has no file: put the video in the field `file`.")]
    NoFile,
    #[error("The form has several files: send one video per upload.")]
    SeveralFiles,
    #[error("The file is not a video that can be read: it looks like a .{looks_like} file.")]
    NotAVideo {
        /// As a file name's extension.
        looks_like: &'static str,
    },
    #[error("The file is larger than the limit of {limit_bytes} bytes.")]
    TooLarge { limit_bytes: u64 },
    #[error("The query cannot be read: {0}.")]
    BadQuery(String),
    #[error("The request's JSON cannot be read: {0}.")]
    BadJson(String),
    #[error("The request is larger than {limit_bytes} bytes.")]
    BodyTooLarge { limit_bytes: usize },
    #[error("`{field}` must be a whole number from {min} to {max}.")]
    OutOfRange {
        field: &'static str,
        min: u64,
        max: u64,
    },
    #[error("Too many requests: try again in {retry_after_s} s.")]
    RateLimited {
        /// Then one more is let through.
        retry_after_s: u64,
    },
    #[error("Ask for the URLs of 1 to {most} parts at a time.")]
    PartsAtATime { most: usize },
    #[error("Parts of the upload are missing, or were sent with another length: send them again.")]
    PartsMissing(Vec<u16>),
    #[error("The upload is complete: delete its video in its place.")]
    UploadComplete,
    #[error("Speak tus 1.0: send `Tus-Resumable: 1.0.0`.")]
    TusVersion,
    #[error("The header `{header}` is missing or cannot be taken: send {wanted}.")]
    BadHeader {
        header: HeaderName,
        wanted: &'static str,
    },
    #[error("The bytes are no `application/offset+octet-stream`: say so in `Content-Type`.")]
    NotAnOffsetStream,
    #[error("The upload stands at {offset_bytes} bytes: go on from there.")]
    OffsetDiffers { offset_bytes: u64 },
    #[error("Another request goes on with this upload: ask how far it is.")]
    TakenOver,
    #[error("The bytes do not have the sum that came with them: send them again.")]
    ChecksumMismatch,
    #[error("There is no other format than `json`.")]
    OtherFormat,
    #[error("The server is receiving as many uploads as it can: try again in a moment.")]
    Busy,
    #[error(
        "The server sends as many event streams as it can, in all or to one address: try again in a moment."
    )]
    TooManyStreams,
    #[error(
        "The video was deleted, or its upload expired or was begun anew, before it had arrived."
    )]
    Gone,
    #[error("The storage does not answer: try again in a moment.")]
    StorageUnavailable(#[source] Reason),
    #[error("Something went wrong on the server.")]
    Internal(#[source] Reason),
}

pub(crate) type Reason = Box<dyn StdError + Send + Sync>;

/// The inner reason of a failed request, attached to its response for the request log.
#[derive(Clone)]
pub(crate) struct Cause(pub(crate) Arc<dyn StdError + Send + Sync>);

impl ApiError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthorized => ErrorCode::Unauthorized,
            Self::LinkExpired => ErrorCode::LinkExpired,
            Self::LinkSpent => ErrorCode::LinkSpent,
            Self::NotFound
            | Self::NoSuchVideo
            | Self::NoSuchUpload
            | Self::NoSuchRung
            | Self::NoSuchExtra => ErrorCode::NotFound,
            Self::VideoDeleted => ErrorCode::Deleted,
            Self::StillUploading => ErrorCode::Uploading,
            Self::NotReady => ErrorCode::NotReady,
            Self::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            Self::BadHost => ErrorCode::BadHost,
            Self::NotAForm => ErrorCode::NotAForm,
            Self::BrokenForm => ErrorCode::BrokenForm,
            Self::Idle(_) => ErrorCode::IdleTimeout,
            Self::NoFile => ErrorCode::NoFile,
            Self::SeveralFiles => ErrorCode::SeveralFiles,
            Self::NotAVideo { .. } => ErrorCode::NotAVideo,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::BadQuery(_) => ErrorCode::BadQuery,
            Self::BadJson(_) => ErrorCode::BadJson,
            Self::BodyTooLarge { .. } => ErrorCode::BodyTooLarge,
            Self::OutOfRange { .. } => ErrorCode::OutOfRange,
            Self::PartsAtATime { .. } => ErrorCode::PartsAtATime,
            Self::PartsMissing(_) => ErrorCode::PartsMissing,
            Self::UploadComplete => ErrorCode::UploadComplete,
            Self::OtherFormat => ErrorCode::OtherFormat,
            Self::Busy | Self::TooManyStreams => ErrorCode::Busy,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::TusVersion => ErrorCode::TusVersion,
            Self::BadHeader { .. } => ErrorCode::BadHeader,
            Self::NotAnOffsetStream => ErrorCode::NotAnOffsetStream,
            Self::OffsetDiffers { .. } => ErrorCode::OffsetDiffers,
            Self::TakenOver => ErrorCode::TakenOver,
            Self::ChecksumMismatch => ErrorCode::ChecksumMismatch,
            Self::Gone => ErrorCode::Gone,
            Self::StorageUnavailable(_) => ErrorCode::StorageUnavailable,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

impl ApiError {
    /// What S3 misses of an upload under way was taken from it by a delete, by the sweep, or by a newer one.
    pub(crate) fn of_upload(error: store::Error) -> Self {
        match error {
            store::Error::Missing(_) | store::Error::Deleted(_) => Self::Gone,
            error => error.into(),
        }
    }

    /// Whether the client could have done nothing about it.
    pub(crate) fn is_servers_fault(&self) -> bool {
        self.code().status().is_server_error()
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        if error.is_transient() {
            Self::StorageUnavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.code();
        let body = ErrorAnswer {
            error: ErrorDetail {
                code,
                message: self.to_string(),
                missing: match &self {
                    Self::PartsMissing(numbers) => Some(numbers.clone()),
                    _ => None,
                },
            },
        };
        let mut response = (code.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Unauthorized | Self::LinkExpired => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::RateLimited { retry_after_s } => {
                headers.insert(header::RETRY_AFTER, retry_after_s.into());
            }
            Self::Busy | Self::TooManyStreams => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::StorageUnavailable(reason) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
                response.extensions_mut().insert(Cause(reason.into()));
            }
            Self::Internal(reason) => {
                response.extensions_mut().insert(Cause(reason.into()));
            }
            _ => {}
        }
        response
    }
}
