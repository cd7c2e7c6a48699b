//! A file of the built frontend, and the forms in which it is sent.

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::revalidation::{hex_of, unless_held};

/// Encodings that the build writes beside a file, the smallest first: what ends its name, and what HTTP calls it.
pub(super) const ENCODINGS: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];

/// A file, and what the build made of it for each encoding.
pub(super) struct BuiltFile {
    pub(super) bytes: Bytes,
    pub(super) encoded: [Option<Bytes>; ENCODINGS.len()],
    media_type: &'static str,
    /// Of the bytes, in whatever encoding: a weak one.
    etag: String,
}

impl BuiltFile {
    pub(super) fn new(name: &str, bytes: Bytes) -> Self {
        Self {
            etag: weak_etag(&bytes),
            bytes,
            encoded: Default::default(),
            media_type: media_type(name),
        }
    }

    /// In the best encoding that the client takes, kept for good or asked for anew each time.
    pub(super) fn answer(
        &self,
        headers: &HeaderMap,
        status: StatusCode,
        is_hashed: bool,
    ) -> Response {
        let accepted = headers.get(ACCEPT_ENCODING);
        let accepted = accepted.and_then(|value| value.to_str().ok());
        let encoded = ENCODINGS.iter().zip(&self.encoded);
        let best = encoded
            .filter_map(|((_, name), bytes)| Some((*name, bytes.as_ref()?)))
            .find(|(name, _)| takes(accepted.unwrap_or_default(), name));
        let body = || {
            let (encoding, bytes) = best.unzip();
            let encoding = encoding.map(|name| (CONTENT_ENCODING, HeaderValue::from_static(name)));
            let headers: HeaderMap = encoding.into_iter().collect();
            let bytes = bytes.unwrap_or(&self.bytes).clone();
            ([(CONTENT_TYPE, self.media_type)], headers, bytes)
        };
        let vary: [(HeaderName, &str); 1] = [(VARY, "accept-encoding")];
        // The build puts a hash of the content into the name: nothing else is ever found under it.
        if is_hashed {
            let caching = [
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (ETAG, &*self.etag),
            ];
            return (status, caching, vary, body()).into_response();
        }
        if status != StatusCode::OK {
            return (status, [(CACHE_CONTROL, "no-cache")], vary, body()).into_response();
        }
        (vary, unless_held(headers, &self.etag, body)).into_response()
    }
}

/// Names content that may be sent in several encodings.
pub(super) fn weak_etag(content: &[u8]) -> String {
    format!("W/\"{}\"", hex_of(&Sha256::digest(content)))
}

/// Whether an `Accept-Encoding` has this encoding, and not to say that it is refused (RFC 9110 §12.5.3).
fn takes(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=");
        name.trim().eq_ignore_ascii_case(encoding)
            && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_where_it_is_named_and_not_refused() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("BR;q=0.5", true),
            ("br;q=0", false),
            ("br;q=0.000, gzip", false),
            ("brotli", false),
            ("", false),
        ] {
            assert_eq!(takes(accepted, "br"), expected, "{accepted}");
        }
    }
}
