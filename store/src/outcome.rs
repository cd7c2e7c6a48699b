//! What came of a finished job: what went in and what came out, as the status tells it.

use serde::{Deserialize, Serialize};

use crate::{Extras, RungName};

/// What an original turned out to be.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceSummary {
    /// The container, as its content tells.
    pub container: String,
    /// The video codec.
    pub video_codec: String,
    /// The audio codec, if there is sound.
    pub audio_codec: Option<String>,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Frames a second.
    pub frame_rate: f64,
}

/// A rendition as the status lists it. Rates are in bits per second.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenditionSummary {
    /// Its rung.
    pub name: RungName,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// RFC 6381 codecs, as in the master playlist.
    pub codecs: String,
    /// Measured peak.
    pub bandwidth: u64,
    /// Measured average.
    pub average_bandwidth: u64,
    /// Frames a second.
    pub frame_rate: f64,
    /// Length of the file.
    pub bytes: u64,
    /// Whether the video was copied from the original without re-encoding.
    pub copied: bool,
}

/// What a finished job hands to the commit point.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The video's length.
    pub duration_ms: u64,
    /// For the uploader: what is not quite right with the file.
    pub warnings: Vec<String>,
    /// What was uploaded.
    pub source: SourceSummary,
    /// What came out, lowest rung first.
    pub renditions: Vec<RenditionSummary>,
    /// What stands beside them.
    pub extras: Extras,
}
