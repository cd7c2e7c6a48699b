//! Bounds what of a form belongs to no field: the preamble, boundaries and the fields' headers
//! (RFC 2046 §5.1.1).
//!
//! The parser keeps all of it in memory until a field begins, so a form in which none ever does
//! could fill the memory up to the limit of the whole upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use futures::StreamExt;

/// Real forms need a few hundred bytes.
const LONGEST_GAP_BYTES: i64 = 64 << 10;

#[derive(Debug, thiserror::Error)]
#[error("the form goes on for more than {LONGEST_GAP_BYTES} bytes without a field")]
struct GapTooLong;

/// What may still come before the next field has to begin. One task alone counts and is counted.
#[derive(Clone)]
pub(crate) struct Gap {
    left_bytes: Arc<AtomicI64>,
}

impl Gap {
    /// The gap before the first field.
    pub(crate) fn new() -> Self {
        Self {
            left_bytes: Arc::new(AtomicI64::new(LONGEST_GAP_BYTES)),
        }
    }

    /// A field has begun: what comes now is taken as it comes.
    pub(crate) fn end(&self) {
        self.left_bytes.store(i64::MAX, Ordering::Relaxed);
    }

    /// The field has ended.
    pub(crate) fn begin(&self) {
        self.left_bytes.store(LONGEST_GAP_BYTES, Ordering::Relaxed);
    }

    /// The body, which breaks off when more comes after a gap that is too long already. So a large
    /// read that holds the end of the gap and the begin of a file does no harm.
    pub(crate) fn guard(&self, body: Body) -> Body {
        let gap = self.clone();
        let chunks = body.into_data_stream().map(move |chunk| {
            let chunk = chunk.map_err(axum::BoxError::from)?;
            let len_bytes = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
            if gap.left_bytes.fetch_sub(len_bytes, Ordering::Relaxed) < 0 {
                return Err(GapTooLong.into());
            }
            Ok::<_, axum::BoxError>(chunk)
        });
        Body::from_stream(chunks)
    }
}
