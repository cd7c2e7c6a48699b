//! The boundary around every request: an id, one line in the log, and the reason of a failure.
//!
//! The path is logged, the query and the headers never: they carry signatures and tokens.

use std::any::Any;
use std::error::Error;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{Instrument, debug, error, info, info_span};
use uuid::Uuid;

use crate::error::{ApiError, Cause};
use crate::metrics::Counted;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs the request inside a span that names it, and writes down how it ended.
pub(crate) async fn log_request(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::new_v4().simple().to_string();
    let method = request.method().clone();
    let counted = Counted::begin(&request);
    let span = info_span!("request", %id, %method, path = request.uri().path());
    let mut response = next.run(request).instrument(span.clone()).await;

    counted.end(response.status());
    let _entered = span.enter();
    let status = response.status().as_u16();
    let duration_ms = started.elapsed().as_millis() as u64;
    match response.extensions_mut().remove::<Cause>() {
        Some(Cause(cause)) => error!(status, duration_ms, cause = chain(&*cause), "failed"),
        // Players and pages poll: what they read is worth a line only where it fails.
        None if method.is_safe() && status < 400 => debug!(status, duration_ms, "answered"),
        None => info!(status, duration_ms, "answered"),
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Makes a panic in a handler an answer like any other failure.
pub(crate) fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    ApiError::Internal(store::panic_words(&*panic).into()).into_response()
}

/// An error and what caused it, innermost last, on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        line.push_str(": ");
        line.push_str(&error.to_string());
        inner = error.source();
    }
    line
}
