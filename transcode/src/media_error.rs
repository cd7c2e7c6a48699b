//! libav's errors with the step that met them.

use ffmpeg_next as ffmpeg;

/// A call into libav that failed, and what it was for.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed: {cause}")]
pub struct MediaError {
    doing: &'static str,
    #[source]
    cause: ffmpeg::Error,
}

/// Names the step in which libav failed.
pub(crate) trait Doing<T> {
    /// Turns libav's error into one that says what was being done.
    fn doing(self, doing: &'static str) -> Result<T, MediaError>;
}

impl<T> Doing<T> for Result<T, ffmpeg::Error> {
    fn doing(self, doing: &'static str) -> Result<T, MediaError> {
        self.map_err(|cause| MediaError { doing, cause })
    }
}
