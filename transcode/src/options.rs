//! What a caller can choose.

use std::str::FromStr;

use crate::error::InputError;
use crate::ladder::Ladder;

/// How to transcode. The default is what a video site wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The renditions to make, capped at the source.
    pub ladder: Ladder,
    /// x264's preset by name, `ultrafast` to `placebo`.
    pub preset: String,
    /// Length of a segment in milliseconds: a multiple of 2000, the distance of IDR frames where
    /// no rung is copied.
    pub segment_ms: u32,
    /// Whether a rung may be the original's own video.
    pub copy: CopyMode,
    /// Whether to make a poster and a storyboard, which the sink gets as [`Extra`](crate::Extra)s.
    pub pictures: bool,
    /// Cores to keep busy, at least 1: so many threads decode, and the encoders share out half as
    /// many again. The default is what the process may use, by its affinity and control group.
    pub threads: usize,
    /// What an original may ask for.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ladder: Ladder::default(),
            preset: "veryfast".into(),
            segment_ms: 4000,
            copy: CopyMode::Auto,
            pictures: true,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
        }
    }
}

/// Whether the top rung may be the original's own video, not encoded anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyMode {
    /// Copied where the file proves that it plays and switches as well as one of our own.
    #[default]
    Auto,
    /// Always encoded.
    Never,
}

impl FromStr for CopyMode {
    type Err = String;

    /// `auto` or `never`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "never" => Ok(Self::Never),
            _ => Err("write auto or never".into()),
        }
    }
}

/// What an original may ask for; passing one is [`InputError::Limit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Length of the file in bytes.
    pub len_bytes: u64,
    /// Duration in seconds of what comes out.
    pub duration_s: u64,
    /// Pixels of a coded picture.
    pub pixels: u64,
    /// Streams in the container.
    pub streams: u32,
    /// Bytes that may be read before the streams are known: indexes, for the most part.
    pub probe_bytes: u64,
    /// Wall time, in seconds, that decoding and filtering one second of video may take on average,
    /// as if every video were two seconds longer.
    pub decode_s_per_s: u32,
}

impl Default for Limits {
    /// 1 GiB, 6 hours, 8192×4320 pixels, 32 streams, 64 MiB of indexes, a minute a second.
    fn default() -> Self {
        Self {
            len_bytes: 1 << 30,
            duration_s: 6 * 3600,
            pixels: 8192 * 4320,
            streams: 32,
            probe_bytes: 64 << 20,
            decode_s_per_s: 60,
        }
    }
}

impl Limits {
    /// Whether a time, in seconds from the start, is so far off that it must be damage.
    pub(crate) fn is_wild(&self, seconds: f64) -> bool {
        let limit_s = self.duration_s as f64;
        !(-limit_s..=2.0 * limit_s).contains(&seconds)
    }

    pub(crate) fn check_duration(&self, seconds: f64) -> Result<(), InputError> {
        let found = seconds.max(0.0).round() as u64;
        self.check("its duration in seconds", found, self.duration_s)
    }

    pub(crate) fn check(
        &self,
        what: &'static str,
        found: u64,
        limit: u64,
    ) -> Result<(), InputError> {
        if found > limit {
            Err(InputError::Limit { what, found, limit })
        } else {
            Ok(())
        }
    }
}
