//! Where fragments and segments start: the same in every rung.

use super::Clock;

/// A picture that starts a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// When it is shown, in ticks from the first.
    pub(crate) pts: i64,
    /// It starts a segment, too.
    pub(crate) starts_segment: bool,
}

/// At which pictures IDR frames lie, and which of them start a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grid {
    /// Fragments start with the first picture at or after each multiple of `fragment_ms`, segments
    /// at each multiple of `segment_ms`, itself a multiple of `fragment_ms`.
    Even { fragment_ms: u32, segment_ms: u32 },
    /// At IDR frames that are there already, in order.
    At(Vec<Start>),
}

impl Clock {
    /// Of IDR frames (in ticks from the first) those that make fragments of no more than
    /// `fragment_ms`, and segments of no more than `segment_ms`, where they are close enough, and
    /// give or take a picture. The last of them lasts until `end`.
    pub(crate) fn starts_over(
        self,
        idrs: &[i64],
        end: i64,
        fragment_ms: u32,
        segment_ms: u32,
    ) -> Vec<Start> {
        let most = |ms: u32| ticks(self, ms) + self.nominal_ticks;
        let fragments = no_longer_than(most(fragment_ms), idrs, end);
        let mut segments = no_longer_than(most(segment_ms), &fragments, end)
            .into_iter()
            .peekable();
        let starts = fragments.into_iter().map(|pts| Start {
            pts,
            starts_segment: segments.next_if_eq(&pts).is_some(),
        });
        starts.collect()
    }
}

impl Grid {
    /// Goes through the pictures in order.
    pub(crate) fn cursor(self, clock: Clock) -> GridCursor {
        match self {
            Self::Even {
                fragment_ms,
                segment_ms,
            } => GridCursor::Even {
                ticks: [fragment_ms, segment_ms].map(|ms| ticks(clock, ms)),
                reached: [-1, -1],
            },
            Self::At(starts) => GridCursor::At { starts, passed: 0 },
        }
    }
}

fn ticks(clock: Clock, ms: u32) -> i64 {
    i64::from(ms.max(1)) * i64::from(clock.timescale) / 1000
}

/// Where to cut, out of where it is possible, so that no piece is longer than it must be.
fn no_longer_than(most: i64, cuts: &[i64], end: i64) -> Vec<i64> {
    let nexts = cuts.iter().skip(1).chain(std::iter::once(&end));
    let mut starts: Vec<i64> = Vec::new();
    for (cut, next) in cuts.iter().zip(nexts) {
        if starts.last().is_none_or(|start| next - start > most) {
            starts.push(*cut);
        }
    }
    starts
}

/// How far pictures have come along a grid.
#[derive(Debug)]
pub(crate) enum GridCursor {
    Even {
        /// Of a fragment and a segment.
        ticks: [i64; 2],
        /// Multiples of both.
        reached: [i64; 2],
    },
    At {
        starts: Vec<Start>,
        passed: usize,
    },
}

impl GridCursor {
    /// Whether the picture shown at `pts` starts a fragment, and a segment.
    pub(crate) fn step(&mut self, pts: i64) -> (bool, bool) {
        match self {
            Self::Even { ticks, reached } => {
                let mut is_new = |which: usize| {
                    let before = std::mem::replace(&mut reached[which], pts / ticks[which]);
                    reached[which] > before
                };
                (is_new(0), is_new(1))
            }
            Self::At { starts, passed } => {
                let here = starts[*passed..].iter().take_while(|s| s.pts <= pts);
                let (count, starts_segment) = here.fold((0, false), |(count, segment), start| {
                    (count + 1, segment || start.starts_segment)
                });
                *passed += count;
                (count > 0, starts_segment)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cadence, FrameRate};
    use super::*;

    fn clock(num: u32, den: u32) -> Clock {
        Clock::new(Cadence::Constant(FrameRate { num, den }), 1, 90_000)
    }

    /// In seconds, `|` before each that starts a segment.
    fn over(clock: Clock, idrs: &[f64], end: f64) -> String {
        let idrs: Vec<i64> = idrs.iter().map(|s| clock.ticks(*s)).collect();
        let starts = clock.starts_over(&idrs, clock.ticks(end), 2000, 4000);
        let shown = starts.iter().map(|start| {
            let bar = if start.starts_segment { "|" } else { " " };
            format!("{bar}{:.1}", clock.seconds(start.pts))
        });
        shown.collect()
    }

    #[test]
    fn fragments_and_segments_are_as_long_as_they_may_be() {
        let film = clock(24, 1);
        assert_eq!(
            over(film, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 6.0),
            "|0.0 2.0|4.0"
        );
        assert_eq!(over(film, &[0.0, 2.0, 4.0, 6.0], 7.0), "|0.0 2.0|4.0 6.0");
        assert_eq!(over(film, &[0.0, 4.0], 8.0), "|0.0|4.0");
        assert_eq!(
            over(film, &[0.0, 1.9, 5.8, 6.0], 9.0),
            "|0.0|1.9|5.8 6.0",
            "none longer than four seconds"
        );
        let ntsc = clock(30_000, 1001);
        let idrs = [0, 1, 2, 3].map(|i| f64::from(i) * 2.002);
        assert_eq!(over(ntsc, &idrs, 8.008), "|0.0 2.0|4.0 6.0");
    }

    #[test]
    fn a_picture_that_was_missed_hands_its_start_to_the_next() {
        let start = |pts, starts_segment| Start {
            pts,
            starts_segment,
        };
        let grid = Grid::At(vec![start(0, true), start(48, false), start(96, true)]);
        let mut cursor = grid.cursor(clock(24, 1));
        let steps = [0, 1, 50, 51, 96, 97].map(|pts| cursor.step(pts));
        let (fragment, segment, none) = ((true, false), (true, true), (false, false));
        assert_eq!(steps, [segment, none, fragment, none, segment, none]);
    }
}
