//! `/api/tus`: resumable uploads (tus 1.0 with creation, creation-with-upload, creation-defer-length,
//! expiration, checksum and termination).
//!
//! What has come of an upload, only S3 knows ([`store::Append`]): any server goes on with what another
//! began. A task of its own reads each request's body, so that what came is recorded also when hyper drops
//! the handler because the client is gone.
//!
//! A request that appends takes the upload over from any older one: phones reconnect long before a server
//! notices that their last connection is dead.

mod checksum;
mod create;
mod fields;
mod receive;
mod upload;
mod writers;

use axum::extract::Request;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::{Progress, ResumeError};

use crate::error::ApiError;

pub(crate) use create::{__path_create, create};
pub(crate) use upload::{
    __path_append, __path_append_by_post, __path_offset, __path_terminate, append, append_by_post,
    offset, terminate,
};
pub(crate) use writers::Writers;

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: &str =
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination";

/// The headers of the protocol.
pub(crate) mod header {
    use axum::http::HeaderName;

    macro_rules! headers {
        ($($constant:ident $name:literal)*) => {
            $(pub(crate) const $constant: HeaderName = HeaderName::from_static($name);)*
            pub(crate) fn all() -> Vec<HeaderName> { vec![$($constant),*] }
        };
    }
    headers! {
        TUS_RESUMABLE "tus-resumable"
        TUS_VERSION "tus-version"
        TUS_EXTENSION "tus-extension"
        TUS_MAX_SIZE "tus-max-size"
        TUS_CHECKSUM_ALGORITHM "tus-checksum-algorithm"
        UPLOAD_LENGTH "upload-length"
        UPLOAD_DEFER_LENGTH "upload-defer-length"
        UPLOAD_OFFSET "upload-offset"
        UPLOAD_METADATA "upload-metadata"
        UPLOAD_CHECKSUM "upload-checksum"
        UPLOAD_EXPIRES "upload-expires"
        UPLOAD_CONCAT "upload-concat"
        METHOD_OVERRIDE "x-http-method-override"
    }
}

/// Refuses clients of another version.
pub(crate) async fn speak(request: Request, next: Next) -> Response {
    if request.headers().get(header::TUS_RESUMABLE) == Some(&VERSION) {
        return next.run(request).await;
    }
    let mut refusal = ApiError::TusVersion.into_response();
    refusal.headers_mut().insert(header::TUS_VERSION, VERSION);
    refusal
}

/// Says with each answer which version this is, and what this server can do to who asks by OPTIONS; a preflight
/// gets it too.
pub(crate) async fn describe(max_bytes: u64, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_tus = path == "/api/tus" || path.starts_with("/api/tus/");
    let is_asked = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if !is_tus {
        return response;
    }
    let headers = response.headers_mut();
    headers.insert(header::TUS_RESUMABLE, VERSION);
    if is_asked {
        headers.insert(header::TUS_VERSION, VERSION);
        headers.insert(header::TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS));
        headers.insert(header::TUS_MAX_SIZE, max_bytes.into());
        headers.insert(
            header::TUS_CHECKSUM_ALGORITHM,
            HeaderValue::from_static(checksum::ALGORITHMS),
        );
        // To pages of other origins, too: to the layer before, whatever is asked by OPTIONS is a preflight.
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            let told = "tus-version,tus-extension,tus-max-size,tus-checksum-algorithm";
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(told),
            );
        }
    }
    response
}

/// The headers that say how far an upload is.
fn state(progress: &Progress) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::UPLOAD_OFFSET, progress.offset_bytes.into());
    if !progress.is_complete {
        let expires = httpdate::fmt_http_date(progress.expires_at);
        let expires = HeaderValue::from_str(&expires).expect("a date is ASCII");
        headers.insert(header::UPLOAD_EXPIRES, expires);
    }
    headers
}

impl From<ResumeError> for ApiError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::NoSuchUpload => Self::NoSuchUpload,
            ResumeError::Gone => Self::Gone,
            ResumeError::OffsetDiffers { offset_bytes } => Self::OffsetDiffers { offset_bytes },
            ResumeError::TakenOver => Self::TakenOver,
            ResumeError::TooLarge { limit_bytes } => Self::TooLarge { limit_bytes },
            ResumeError::LengthDiffers => Self::BadHeader {
                header: header::UPLOAD_LENGTH,
                wanted: "the length declared before, and no less than what has come",
            },
            ResumeError::Store(error) => error.into(),
        }
    }
}

/// What is wrong with a header.
fn bad(header: HeaderName, wanted: &'static str) -> ApiError {
    ApiError::BadHeader { header, wanted }
}
