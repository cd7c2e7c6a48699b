//! Answers 304 to who has the same version already (RFC 9110 §13.1.2).

use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The answer with its version, or that it is the one that the client has.
pub(crate) fn unless_held<A: IntoResponse>(
    headers: &HeaderMap,
    etag: &str,
    answer: impl FnOnce() -> A,
) -> Response {
    let caching = [(CACHE_CONTROL, "no-cache"), (ETAG, etag)];
    if is_held(headers, etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, answer()).into_response()
}

/// Whether the client has this version.
pub(crate) fn is_held(headers: &HeaderMap, etag: &str) -> bool {
    let mut held = headers.get_all(IF_NONE_MATCH).iter();
    held.any(|held| names(held.as_bytes(), etag))
}

/// An ETag of what has no version of its own.
pub(crate) fn etag_of(answer: &impl Serialize) -> String {
    let json = serde_json::to_vec(answer).expect("an answer has only string keys");
    format!("\"{}\"", hex_of(&Sha256::digest(json)))
}

/// As much of a digest as tells versions apart.
pub(crate) fn hex_of(digest: &[u8]) -> String {
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether an If-None-Match names this version: a list or `*`, compared weakly.
fn names(held: &[u8], etag: &str) -> bool {
    let opaque = |etag| <[u8]>::strip_prefix(etag, b"W/").unwrap_or(etag);
    held.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|held| held == b"*" || opaque(held) == opaque(etag.as_bytes()))
}
