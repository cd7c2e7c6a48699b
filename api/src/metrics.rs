//! `GET /metrics`: what this process counts, for Prometheus.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::metrics::{self, HTTP_REQUESTS, OneMore, UPLOADS, UPLOADS_IN_FLIGHT, UploadEnd};

use crate::App;
use crate::error::ApiError;
use crate::error_code::errors;

errors!(MetricsErrors: Internal);

/// What this process counts, for Prometheus
///
/// What S3 does not tell in time is left out.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (
            status = 200,
            body = String,
            content_type = metrics::CONTENT_TYPE,
            description = "Prometheus's text format",
        ),
        MetricsErrors,
    )
)]
pub(crate) async fn show(State(app): State<Arc<App>>) -> Response {
    let text = metrics::render_api(app.backlog.look().await);
    let mut response = text.into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A request that is under way, by what is bounded of it: never its path, which clients choose.
pub(crate) struct Counted {
    route: Option<MatchedPath>,
    method: &'static str,
}

impl Counted {
    pub(crate) fn begin(request: &Request) -> Self {
        Self {
            route: request.extensions().get::<MatchedPath>().cloned(),
            method: match *request.method() {
                Method::GET => "GET",
                Method::HEAD => "HEAD",
                Method::POST => "POST",
                Method::PATCH => "PATCH",
                Method::DELETE => "DELETE",
                Method::OPTIONS => "OPTIONS",
                _ => "other",
            },
        }
    }

    pub(crate) fn end(&self, status: StatusCode) {
        let route = self.route.as_ref().map_or("pages", MatchedPath::as_str);
        let status = match status.as_u16() {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        HTTP_REQUESTS.inc([route, self.method, status]);
    }
}

/// An upload, counted until all who work on it have let go. How it ended, say whoever knows; where nobody
/// did, the client went away.
pub(crate) struct UploadInFlight {
    end: OnceLock<UploadEnd>,
    _counted: OneMore,
}

impl UploadInFlight {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self {
            end: OnceLock::new(),
            _counted: UPLOADS_IN_FLIGHT.one_more(),
        })
    }

    /// What is said first counts.
    pub(crate) fn ended(&self, end: impl Into<UploadEnd>) {
        let _ = self.end.set(end.into());
    }
}

impl Drop for UploadInFlight {
    fn drop(&mut self) {
        let end = self.end.get().copied().unwrap_or(UploadEnd::Broken);
        UPLOADS.inc([end.as_str()]);
    }
}

impl From<&ApiError> for UploadEnd {
    fn from(error: &ApiError) -> Self {
        match error {
            ApiError::BrokenForm | ApiError::Idle(_) => Self::Broken,
            ApiError::Busy => Self::Busy,
            error if error.is_servers_fault() => Self::Failed,
            _ => Self::Refused,
        }
    }
}
