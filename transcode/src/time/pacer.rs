//! What is shown when.
//!
//! A [`Pacer`] stands between the decoder and the fan-out. Once, for every rung alike, it drops
//! what exceeds the frame-rate cap, repeats a picture that would stand for too long (an IDR frame
//! needs a picture to sit on), and decides which pictures start a fragment and a segment.

use super::clock::{Clock, MAX_FPS, MAX_HOLD_MS};
use super::grid::{Grid, GridCursor};

/// A picture with its place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paced<F> {
    /// The picture.
    pub(crate) frame: F,
    /// When it is shown, in ticks from the first.
    pub(crate) pts: i64,
    /// It is encoded as an IDR frame and begins a fragment.
    pub(crate) starts_fragment: bool,
    /// It begins a segment, too.
    pub(crate) starts_segment: bool,
}

impl<F> Paced<F> {
    /// The same place in time for another picture.
    pub(crate) fn with_frame<G>(&self, frame: G) -> Paced<G> {
        let Self {
            pts,
            starts_fragment,
            starts_segment,
            ..
        } = *self;
        Paced {
            frame,
            pts,
            starts_fragment,
            starts_segment,
        }
    }
}

/// Decides what is shown when. `push` gives back the picture before, now that its end is known.
#[derive(Debug)]
pub(crate) struct Pacer<F> {
    clock: Clock,
    cursor: GridCursor,
    held: Option<(F, i64)>,
}

impl<F: Clone> Pacer<F> {
    pub(crate) fn new(clock: Clock, grid: Grid) -> Self {
        Self {
            clock,
            cursor: grid.cursor(clock),
            held: None,
        }
    }

    /// Takes the next picture and hands out what is shown until then.
    pub(crate) fn push(&mut self, frame: F, pts: i64) -> Vec<Paced<F>> {
        // Whatever comes first is shown from the very beginning.
        let pts = if self.held.is_none() {
            0
        } else {
            self.clock.snap(pts)
        };
        match self.held.take() {
            // Too soon: beyond the cap, or a timestamp that does not advance.
            Some((held, since)) if !self.is_later(since, pts) => {
                self.held = Some((held, since));
                Vec::new()
            }
            Some((held, since)) => {
                self.held = Some((frame, pts));
                self.show(&held, since, pts)
            }
            None => {
                self.held = Some((frame, pts));
                Vec::new()
            }
        }
    }

    /// Hands out what is shown until `until`, if that is later than the next picture can be.
    pub(crate) fn hold(&mut self, until: i64) -> Vec<Paced<F>> {
        match self.held.take() {
            Some((held, since)) if until - since >= self.clock.nominal_ticks => {
                let until =
                    since + (until - since) / self.clock.nominal_ticks * self.clock.nominal_ticks;
                let shown = self.show(&held, since, until);
                self.held = Some((held, until));
                shown
            }
            held => {
                self.held = held;
                Vec::new()
            }
        }
    }

    /// The last pictures, up to `end`; nothing if there never was one.
    /// Gives the exact end as well: never before the last picture's own time has passed.
    pub(crate) fn finish(mut self, end: i64) -> (Vec<Paced<F>>, i64) {
        match self.held.take() {
            Some((held, since)) => {
                let end = end.max(since + 1);
                // At a constant rate, less than a frame more is that frame shown a little longer.
                let is_one = self
                    .clock
                    .frame_ticks
                    .is_some_and(|ticks| end < since + 2 * ticks);
                let until = if is_one { since + 1 } else { end };
                (self.show(&held, since, until), end)
            }
            None => (Vec::new(), 0),
        }
    }

    fn is_later(&self, since: i64, pts: i64) -> bool {
        let slot = |t: i64| {
            let scale = i64::from(self.clock.timescale);
            (t * i64::from(MAX_FPS) + scale / 2).div_euclid(scale)
        };
        pts > since && (!self.clock.capped || slot(pts) > slot(since))
    }

    /// One picture from `since` to `until`, as often as it takes.
    fn show(&mut self, frame: &F, since: i64, until: i64) -> Vec<Paced<F>> {
        let gap = until - since;
        let times = match self.clock.frame_ticks {
            Some(frame_ticks) => ((gap + frame_ticks / 2) / frame_ticks).max(1),
            None => {
                // A millisecond of grace keeps 10 fps with rounded timestamps as it is.
                let hold = (MAX_HOLD_MS + 1) * i64::from(self.clock.timescale) / 1000;
                (gap + hold - 1) / hold
            }
        };
        let frame_ticks = self.clock.frame_ticks;
        let at = |i| frame_ticks.map_or(gap * i / times, |ticks| i * ticks);
        (0..times)
            .map(|i| self.place(frame.clone(), since + at(i)))
            .collect()
    }

    fn place(&mut self, frame: F, pts: i64) -> Paced<F> {
        let (starts_fragment, starts_segment) = self.cursor.step(pts);
        Paced {
            frame,
            pts,
            starts_fragment,
            starts_segment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cadence, FrameRate};
    use super::*;

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate { num, den }
    }

    const GRID: Grid = Grid::Even {
        fragment_ms: 2000,
        segment_ms: 4000,
    };

    /// All that comes out for pictures at the given ticks.
    fn run(clock: Clock, times: impl IntoIterator<Item = i64>, end: i64) -> Vec<Paced<usize>> {
        let mut pacer = Pacer::new(clock, GRID);
        let mut out = Vec::new();
        for (index, pts) in times.into_iter().enumerate() {
            out.extend(pacer.push(index, pts));
        }
        out.extend(pacer.finish(end).0);
        out
    }

    fn starts(paced: &[Paced<usize>], clock: Clock) -> Vec<(f64, bool)> {
        let at = |p: &Paced<usize>| (clock.seconds(p.pts), p.starts_segment);
        paced.iter().filter(|p| p.starts_fragment).map(at).collect()
    }

    #[test]
    fn rounded_timestamps_fall_into_place() {
        let clock = Clock::new(Cadence::Constant(rate(24000, 1001)), 1, 1000);
        let milliseconds = [0, 42, 83, 125, 167].map(|ms| ms * 24);
        let out = run(clock, milliseconds, 5 * 1001);
        assert_eq!(
            out.iter().map(|p| p.pts).collect::<Vec<_>>(),
            [0, 1001, 2002, 3003, 4004]
        );
    }

    #[test]
    fn fragments_start_at_the_first_picture_of_each_two_seconds() {
        let clock = Clock::new(Cadence::Constant(rate(30000, 1001)), 1, 30000);
        let out = run(clock, (0..300).map(|i| i * 1001), 300 * 1001);
        assert_eq!(out.len(), 300);
        let starts = starts(&out, clock);
        assert_eq!(
            starts.iter().map(|s| s.1).collect::<Vec<_>>(),
            [true, false, true, false, true]
        );
        for (k, (at, _)) in starts.iter().enumerate() {
            assert!(
                (0.0..1.0 / 29.0).contains(&(at - 2.0 * k as f64)),
                "{k}: {at}"
            );
        }
    }

    #[test]
    fn a_frozen_picture_is_repeated_and_the_grid_kept() {
        let clock = Clock::new(Cadence::Irregular(rate(30, 1)), 1, 1000);
        let out = run(clock, [0, 330, 50_000, 50_330], 50_660);
        assert!(
            out.windows(2)
                .all(|w| w[1].pts > w[0].pts && w[1].pts - w[0].pts <= 1010)
        );
        assert_eq!(starts(&out, clock).len(), 3);
        assert_eq!(out.last().map(|p| (p.frame, p.pts)), Some((3, 50_330)));
    }

    #[test]
    fn slow_motion_is_capped_at_sixty() {
        let clock = Clock::new(Cadence::Constant(rate(120, 1)), 1, 120);
        let out = run(
            clock,
            (0..240).map(|i| i * i64::from(clock.timescale) / 120),
            2 * i64::from(clock.timescale),
        );
        assert_eq!(out.len(), 120);
        let gaps: Vec<i64> = out.windows(2).map(|w| w[1].pts - w[0].pts).collect();
        assert!(
            gaps.iter().all(|gap| Some(*gap) == clock.frame_ticks),
            "{gaps:?}"
        );
    }

    #[test]
    fn sixty_with_rounded_timestamps_loses_nothing() {
        let clock = Clock::new(Cadence::Constant(rate(60000, 1001)), 1, 1000);
        let times = (0..600).map(|i| (i * 1001 + 30) / 60 * i64::from(clock.timescale) / 1000);
        assert_eq!(run(clock, times, 600 * 1001).len(), 600);
    }

    #[test]
    fn timestamps_that_go_back_are_dropped() {
        let clock = Clock::new(Cadence::Irregular(rate(25, 1)), 1, 1000);
        let out = run(clock, [0, 400, 200, 400, 800], 1200);
        assert_eq!(out.iter().map(|p| p.pts).collect::<Vec<_>>(), [0, 400, 800]);
    }

    #[test]
    fn one_picture_a_second_becomes_ten() {
        let clock = Clock::new(Cadence::Constant(rate(1, 1)), 1, 16384);
        let out = run(
            clock,
            (0..5).map(|i| i * i64::from(clock.timescale)),
            5 * i64::from(clock.timescale),
        );
        assert_eq!(out.len(), 50);
        assert!(out.windows(2).all(|w| w[1].frame >= w[0].frame));
    }

    #[test]
    fn a_late_first_picture_is_shown_from_the_start() {
        let clock = Clock::new(Cadence::Constant(rate(25, 1)), 1, 12800);
        let frame = clock.frame_ticks.unwrap();
        let out = run(clock, [10 * frame, 11 * frame], 12 * frame);
        assert_eq!(out.len(), 12);
        assert_eq!(out[10].frame, 0);
    }

    #[test]
    fn a_picture_held_is_a_picture_frozen() {
        let clock = Clock::new(Cadence::Constant(rate(25, 1)), 1, 12800);
        let frame = clock.frame_ticks.unwrap();
        let frozen = run(clock, [0, 50 * frame], 51 * frame);
        let mut pacer = Pacer::new(clock, GRID);
        let mut held = pacer.push(0, 0);
        for until in [-5, 3 * frame + 7, 4 * frame, 40 * frame + 1] {
            held.extend(pacer.hold(until));
        }
        // A picture that comes too late is not shown, and time does not go back.
        held.extend(pacer.push(7, 20 * frame));
        held.extend(pacer.push(1, 50 * frame));
        held.extend(pacer.finish(51 * frame).0);
        assert_eq!(held, frozen);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let clock = Clock::new(Cadence::Irregular(rate(25, 1)), 1, 1000);
        assert_eq!(run(clock, [], 1000), []);
    }
}
