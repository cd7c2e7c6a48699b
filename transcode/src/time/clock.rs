//! The output's clock.

use super::{Cadence, FrameRate};

/// Most frames a second that come out.
pub(crate) const MAX_FPS: u32 = 60;
/// The rate from which the cap acts: 59.94 and a jittery 60 pass untouched.
const CAP_FROM_FPS: f64 = 60.5;
/// A picture shown for longer is repeated.
pub(super) const MAX_HOLD_MS: i64 = 100;
/// Timescales below are multiplied by the muxer, which would make our ticks not its ticks.
const MIN_TIMESCALE: u32 = 10_000;
const MAX_TIMESCALE: u32 = 1_000_000;
const FALLBACK_TIMESCALE: u32 = 90_000;

/// The output's clock: ticks per second and, at a constant rate, ticks per frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Ticks per second.
    pub(crate) timescale: u32,
    /// Ticks from one picture to the next, if that is always the same.
    pub(crate) frame_ticks: Option<i64>,
    /// Whether more pictures than [`MAX_FPS`] may come in.
    pub(super) capped: bool,
    /// What the last picture is shown for when nothing says so.
    pub(super) nominal_ticks: i64,
}

impl Clock {
    /// The clock for a source with timestamps in units of `num / den` seconds.
    #[must_use]
    pub(crate) fn new(cadence: Cadence, time_base_num: i32, time_base_den: i32) -> Self {
        let rate = cadence.frame_rate();
        let capped = rate.as_f64() > CAP_FROM_FPS || matches!(cadence, Cadence::Irregular(_));
        let multiplied = |timescale: u32| timescale * MIN_TIMESCALE.div_ceil(timescale).max(1);
        let constant = match cadence {
            Cadence::Constant(_) if rate.as_f64() > CAP_FROM_FPS => Some(FrameRate {
                num: MAX_FPS,
                den: 1,
            }),
            Cadence::Constant(rate) => Some(rate),
            _ => None,
        };
        // A picture that stands for longer than the hold is repeated at a constant rate, too.
        let copies = (1000.0 / (rate.as_f64() * MAX_HOLD_MS as f64))
            .ceil()
            .max(1.0) as u32;
        let constant = constant.and_then(|rate| {
            let num = rate.num.checked_mul(copies)?;
            (num <= MAX_TIMESCALE).then_some(FrameRate { num, ..rate })
        });
        match constant {
            Some(rate) => {
                let timescale = multiplied(rate.num);
                let frame_ticks = i64::from(timescale / rate.num) * i64::from(rate.den);
                Self {
                    timescale,
                    frame_ticks: Some(frame_ticks),
                    capped,
                    nominal_ticks: frame_ticks * i64::from(copies),
                }
            }
            None => {
                let timescale = match u32::try_from(time_base_den) {
                    Ok(den) if time_base_num == 1 && (1..=MAX_TIMESCALE).contains(&den) => {
                        multiplied(den)
                    }
                    _ => FALLBACK_TIMESCALE,
                };
                let fps = rate.as_f64().clamp(1.0, f64::from(MAX_FPS));
                let nominal_ticks = (f64::from(timescale) / fps).round() as i64;
                Self {
                    timescale,
                    frame_ticks: None,
                    capped,
                    nominal_ticks,
                }
            }
        }
    }

    /// A duration in ticks, rounded.
    #[must_use]
    pub(crate) fn ticks(&self, seconds: f64) -> i64 {
        (seconds * f64::from(self.timescale)).round() as i64
    }

    /// Ticks in seconds.
    #[must_use]
    pub(crate) fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }

    /// What the last picture is shown for when nothing says so.
    #[must_use]
    pub(crate) fn nominal_ticks(&self) -> i64 {
        self.nominal_ticks
    }

    /// At a constant rate, the frame's place on the grid; timestamps that were rounded on the
    /// way (Matroska's milliseconds) fall into place, others stay what they are.
    pub(super) fn snap(&self, pts: i64) -> i64 {
        match self.frame_ticks {
            Some(frame) => {
                let snapped = (pts + frame / 2).div_euclid(frame) * frame;
                if self.capped || (snapped - pts).abs() <= frame / 4 {
                    snapped
                } else {
                    pts
                }
            }
            None => pts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate { num, den }
    }

    #[test]
    fn a_constant_rate_keeps_its_exact_duration() {
        let clock = Clock::new(Cadence::Constant(rate(30000, 1001)), 1, 30000);
        assert_eq!((clock.timescale, clock.frame_ticks), (30000, Some(1001)));
        let clock = Clock::new(Cadence::Constant(rate(24, 1)), 1, 1000);
        assert_eq!((clock.timescale, clock.frame_ticks), (10008, Some(417)));
    }
}
