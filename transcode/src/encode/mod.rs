//! The encoders: x264 for each rung, AAC once for all, JPEG for still pictures.

mod audio;
mod jpeg;
mod video;

pub(crate) use audio::{AAC_CODEC, AudioEncoder, AudioSettings};
pub(crate) use jpeg::jpeg;
pub(crate) use video::{VideoEncoder, VideoSettings};
