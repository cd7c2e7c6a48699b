//! The two encoders: x264 for each rung, AAC once for all.

mod audio;
mod video;

pub(crate) use audio::{AAC_CODEC, AudioEncoder, AudioSettings};
pub(crate) use video::{VideoEncoder, VideoSettings};
