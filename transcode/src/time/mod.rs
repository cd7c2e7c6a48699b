//! When each picture is shown: pure arithmetic on ticks, no libav.

mod clock;
mod grid;
mod pacer;

pub(crate) use clock::{Clock, MAX_FPS};
pub(crate) use grid::{Grid, GridCursor, Start};
pub(crate) use pacer::{Paced, Pacer};

/// A rational frame rate in frames per second, both parts positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    /// Frames …
    pub num: u32,
    /// … in so many seconds.
    pub den: u32,
}

impl FrameRate {
    /// `None` unless both parts are positive.
    #[must_use]
    pub fn new(num: i32, den: i32) -> Option<Self> {
        match (u32::try_from(num), u32::try_from(den)) {
            (Ok(num), Ok(den)) if num > 0 && den > 0 => Some(Self { num, den }),
            _ => None,
        }
    }

    /// One frame for each two.
    pub(crate) fn halved(self) -> Self {
        let den = self.den.saturating_mul(2);
        Self { den, ..self }
    }

    /// Frames per second.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

/// How regularly a source's pictures follow one another; decides the clock and the B-frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// Every picture stands for the same time.
    Constant(FrameRate),
    /// Gaps differ, by no more than a factor of two. The rate is the mean.
    Steady(FrameRate),
    /// Anything goes: screen recordings, streams that do not say. The rate is a mean or a guess.
    /// B-frames are off, so that the decode time of an IDR frame is its presentation time.
    Irregular(FrameRate),
}

impl Cadence {
    /// The constant, mean or guessed rate.
    #[must_use]
    pub fn frame_rate(self) -> FrameRate {
        match self {
            Cadence::Constant(rate) | Cadence::Steady(rate) | Cadence::Irregular(rate) => rate,
        }
    }
}
