//! The door for browsers: objects by presigned URL, on the port and origin of the page itself.
//!
//! Whatever host name the browser used (the machine's name, an address on the local network, a
//! proxy), the URL was signed for [`FRONT_ENDPOINT`], and the request is verified as if it had come
//! there. Only presigned `GET`, `HEAD` and `UploadPart` pass, and of their headers only those listed
//! here, since SigV4 leaves headers that the signer did not name to the client. A URL can be in anybody's
//! hands, so that parts are taken within [`FrontLimits`].
//!
//! Objects are the uploader's bytes on the page's own origin, so answers are disarmed: the content
//! type comes from an allow-list of media types, nothing is sniffed, and a document that is opened
//! all the same runs in a sandbox.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use s3s::Body;
use tower_http::timeout::TimeoutBody;

use crate::EmbeddedS3;
use crate::cors::{Crossing, crossing};
use crate::part_writers::{FrontLimits, PartWriters};

/// The endpoint that URLs for the front are signed for. It resolves nowhere: what follows it is used
/// relative to the page's origin, or behind a base address that reaches the front.
pub const FRONT_ENDPOINT: &str = "http://assetlab.internal";

const FRONT_HOST: HeaderValue = HeaderValue::from_static("assetlab.internal");

const REQUEST_HEADERS: [HeaderName; 8] = [
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];

const RESPONSE_HEADERS: [HeaderName; 8] = [
    header::ACCEPT_RANGES,
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
];

/// Types that a browser plays or shows and in which nothing can run, with a file name extension that
/// means the same. All types that originals are stored with are among them.
const CONTENT_TYPES: [(&str, &str); 16] = [
    ("video/mp4", ".mp4"),
    ("video/webm", ".webm"),
    ("video/quicktime", ".mov"),
    ("video/x-matroska", ".mkv"),
    ("video/ogg", ".ogv"),
    ("video/mp2t", ".ts"),
    ("video/mpeg", ".mpg"),
    ("video/x-msvideo", ".avi"),
    ("video/x-flv", ".flv"),
    ("video/3gpp", ".3gp"),
    ("video/x-ms-wmv", ".wmv"),
    ("application/vnd.apple.mpegurl", ".m3u8"),
    ("text/vtt", ".vtt"),
    ("image/jpeg", ".jpg"),
    ("image/png", ".png"),
    ("image/webp", ".webp"),
];

/// A `tower` service that answers presigned requests for `/<bucket>/<key>` whose URLs were signed for
/// [`FRONT_ENDPOINT`].
#[derive(Clone)]
pub struct Front {
    s3: EmbeddedS3,
    idle_timeout: Duration,
    part_writers: PartWriters,
}

impl Front {
    pub(crate) fn new(s3: EmbeddedS3, limits: FrontLimits) -> Self {
        Self {
            s3,
            idle_timeout: limits.idle_timeout,
            part_writers: PartWriters::new(limits.part_writers),
        }
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        match crossing(&self.s3.backend, &request).await {
            Crossing::Preflight(answer) => answer,
            Crossing::Request(headers) => {
                let mut answer = self.fetch(request).await;
                answer.headers_mut().extend(headers);
                answer
            }
        }
    }

    async fn fetch(self, mut request: Request<Body>) -> Response<Body> {
        if !is_presigned(request.method(), request.uri().query().unwrap_or_default()) {
            return plain(StatusCode::FORBIDDEN, "This address needs a signed link.");
        }
        let path = request.uri().path().to_owned();
        let Some(uri) = request.uri().path_and_query().cloned() else {
            return plain(StatusCode::BAD_REQUEST, "The address has no path.");
        };
        *request.uri_mut() = Uri::from(uri);
        let mut headers = only(request.headers(), &REQUEST_HEADERS);
        headers.insert(header::HOST, FRONT_HOST);
        *request.headers_mut() = headers;
        request.extensions_mut().insert(self.part_writers.clone());
        match self.s3.protocol.call(request).await {
            Ok(response) => disarm(response, &path),
            Err(error) => {
                tracing::error!(?error, "an answer to a browser could not be built");
                plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The file cannot be read.",
                )
            }
        }
    }
}

impl<B> tower::Service<Request<B>> for Front
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let front = self.clone();
        let idle_timeout = self.idle_timeout;
        let request =
            request.map(|body| Body::http_body_unsync(TimeoutBody::new(idle_timeout, body)));
        Box::pin(async move { Ok(front.answer(request).await) })
    }
}

/// The signature itself is verified further in.
fn is_presigned(method: &Method, query: &str) -> bool {
    let has = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let allowed = match *method {
        Method::GET | Method::HEAD => true,
        Method::PUT => has("uploadId") && has("partNumber"),
        _ => false,
    };
    allowed && has("X-Amz-Signature")
}

fn disarm(response: Response<Body>, path: &str) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let filename_hint = parts.headers.get(header::CONTENT_DISPOSITION).cloned();
    let mut headers = only(&parts.headers, &RESPONSE_HEADERS);
    let content_type = if parts.status.is_success() {
        let stored = headers.get(header::CONTENT_TYPE);
        safe_content_type(stored, path, filename_hint.as_ref())
    } else {
        "text/plain; charset=utf-8"
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    harden(&mut headers);
    parts.headers = headers;
    Response::from_parts(parts, body)
}

/// The stored type if it is on the list, else the one that the name's extension stands for.
fn safe_content_type(
    stored: Option<&HeaderValue>,
    path: &str,
    filename_hint: Option<&HeaderValue>,
) -> &'static str {
    let stored = stored
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|essence| essence.trim().to_ascii_lowercase());
    let hint = filename_hint
        .and_then(|value| value.to_str().ok())
        .map(|value| value.trim_end_matches('"').to_ascii_lowercase());
    let extension_of = |name: &str, extension: &str| name.ends_with(extension);
    CONTENT_TYPES
        .iter()
        .find(|(content_type, _)| stored.as_deref() == Some(content_type))
        .or_else(|| {
            CONTENT_TYPES.iter().find(|(_, extension)| {
                extension_of(&path.to_ascii_lowercase(), extension)
                    || hint
                        .as_ref()
                        .is_some_and(|hint| extension_of(hint, extension))
            })
        })
        .map_or("application/octet-stream", |(content_type, _)| content_type)
}

fn plain(status: StatusCode, message: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(message.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    harden(headers);
    response
}

fn harden(headers: &mut HeaderMap) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox"),
    );
}

fn only(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    names
        .iter()
        .filter_map(|name| Some((name.clone(), headers.get(name)?.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_presigned_reads_and_parts_pass() {
        let signed = "X-Amz-Signature=abc";
        assert!(is_presigned(&Method::GET, signed));
        assert!(is_presigned(&Method::HEAD, signed));
        assert!(is_presigned(
            &Method::PUT,
            "partNumber=1&uploadId=2&X-Amz-Signature=abc"
        ));
        assert!(!is_presigned(&Method::PUT, signed));
        assert!(!is_presigned(&Method::DELETE, signed));
        assert!(!is_presigned(&Method::POST, signed));
        assert!(!is_presigned(&Method::GET, ""));
        assert!(!is_presigned(&Method::GET, "Signature=abc"));
    }

    #[test]
    fn content_types_come_from_the_list() {
        let of = |stored: &str, path: &str, hint: Option<&str>| {
            let stored = HeaderValue::from_str(stored).unwrap();
            let hint = hint.map(|hint| HeaderValue::from_str(hint).unwrap());
            safe_content_type(Some(&stored), path, hint.as_ref())
        };
        assert_eq!(of("video/mp4", "/raw/uploads/1.orig", None), "video/mp4");
        assert_eq!(
            of("Video/WebM; codecs=vp9", "/raw/1.orig", None),
            "video/webm"
        );
        assert_eq!(
            of("text/html", "/raw/1.orig", None),
            "application/octet-stream"
        );
        assert_eq!(
            of("image/svg+xml", "/raw/1.orig", None),
            "application/octet-stream"
        );
        assert_eq!(of("text/html", "/video/1/720p.mp4", None), "video/mp4");
        assert_eq!(
            of(
                "application/octet-stream",
                "/raw/1.orig",
                Some("attachment; filename=\"a.MOV\"")
            ),
            "video/quicktime"
        );
        assert_eq!(
            of(
                "text/html",
                "/raw/1.orig",
                Some("inline; filename=\"a.html\"")
            ),
            "application/octet-stream"
        );
    }
}
