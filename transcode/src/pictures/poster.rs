//! Which picture stands for the video.

use ffmpeg_next as ffmpeg;

use super::tile::Tile;
use crate::media_error::{Doing, MediaError};

/// A poster comes from the first quarter of its video, but not from less than this, nor from more …
const MIN_WINDOW_MS: u64 = 3000;
/// … than this.
const MAX_WINDOW_MS: u64 = 300_000;
const UNKNOWN_WINDOW_MS: u64 = 60_000;
/// Candidates are so far apart at the start …
const MIN_STEP_MS: u64 = 100;
/// … and so far later on.
const MAX_STEP_MS: u64 = 1000;
/// As long as nothing is worth so much, the search goes on to the end.
const GOOD: f64 = 0.35;
/// The first picture is often no more than an opening: another one has this much less to be worth.
const FIRST: f64 = 0.85;
/// What a picture that could not be decoded whole is worth.
const DAMAGED: f64 = 0.3;

/// The best picture so far.
pub(super) struct Choice<P> {
    window_ms: u64,
    due_ms: u64,
    best: Option<(f64, u64, P)>,
}

impl<P> Choice<P> {
    pub(super) fn new(duration_ms: Option<u64>) -> Self {
        let window_ms = match duration_ms {
            Some(ms) => (ms / 4).clamp(MIN_WINDOW_MS, MAX_WINDOW_MS),
            None => UNKNOWN_WINDOW_MS,
        };
        Self {
            window_ms,
            due_ms: 0,
            best: None,
        }
    }

    /// Whether it is worth the while to look at what is shown from then on.
    pub(super) fn is_due(&self, at_ms: u64) -> bool {
        let is_open = at_ms <= self.window_ms || self.worth() < GOOD;
        at_ms >= self.due_ms && is_open
    }

    fn worth(&self) -> f64 {
        self.best.as_ref().map_or(0.0, |(worth, ..)| *worth)
    }

    /// Takes a candidate if it is better than the best so far.
    pub(super) fn consider(
        &mut self,
        at_ms: u64,
        worth: f64,
        picture: impl FnOnce() -> Result<P, ffmpeg::Error>,
    ) -> Result<(), MediaError> {
        self.due_ms = at_ms + (at_ms / 4).clamp(MIN_STEP_MS, MAX_STEP_MS);
        let worth = if at_ms == 0 { worth * FIRST } else { worth };
        if self.best.is_none() || worth > self.worth() {
            let picture = picture().doing("sharing a picture")?;
            self.best = Some((worth, at_ms, picture));
        }
        Ok(())
    }

    /// When it is shown, and the picture.
    pub(super) fn best(self) -> Option<(u64, P)> {
        self.best.map(|(_, at_ms, picture)| (at_ms, picture))
    }
}

/// How well a picture stands for its video, from 0 (all of one colour) to 1: light and dark in many shades,
/// detail, some colour; neither nearly black nor nearly white.
pub(super) fn worth(tile: &Tile, is_damaged: bool) -> f64 {
    let luma = tile.luma();
    let looks = 0.6 * shades(luma) + 0.25 * detail(luma) + 0.15 * colour(tile.chroma());
    let damage = if is_damaged { DAMAGED } else { 1.0 };
    looks * exposure(luma) * damage
}

/// The entropy of the luma, as a share of what is possible.
fn shades(luma: &[u8]) -> f64 {
    const BITS: u32 = 6;
    let mut counts = [0u32; 1 << BITS];
    for value in luma {
        counts[usize::from(value >> (8 - BITS))] += 1;
    }
    let shares = counts.iter().map(|count| share(*count, luma.len()));
    let bits: f64 = shares
        .filter(|share| *share > 0.0)
        .map(|share| -share * share.log2())
        .sum();
    bits / f64::from(BITS)
}

fn share(count: u32, of: usize) -> f64 {
    f64::from(count) / of.max(1) as f64
}

/// How much neighbours in a row differ; scaled so that pictures full of things have about 1.
fn detail(luma: &[u8]) -> f64 {
    const RICH: f64 = 8.0;
    let steps = luma.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    let mean = share(steps.map(u32::from).sum(), luma.len());
    (mean / RICH).min(1.0)
}

/// How far from grey; scaled likewise.
fn colour(chroma: &[u8]) -> f64 {
    const RICH: f64 = 12.0;
    let distances = chroma.iter().map(|value| u32::from(value.abs_diff(128)));
    (share(distances.sum(), chroma.len()) / RICH).min(1.0)
}

/// 1, but less for what is nearly black or nearly white on the whole.
fn exposure(luma: &[u8]) -> f64 {
    const DARK: f64 = 0.12;
    const BRIGHT: f64 = 0.1;
    let mean = share(luma.iter().map(|value| u32::from(*value)).sum(), luma.len());
    let light = ((mean - 16.0) / 219.0).clamp(0.0, 1.0);
    (light / DARK).min((1.0 - light) / BRIGHT).clamp(0.05, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 160 * 90;

    fn drawn(luma: impl Fn(usize) -> u8, chroma: u8) -> Tile {
        Tile::drawn(&(0..SIZE).map(luma).collect::<Vec<_>>(), chroma)
    }

    /// Shapes, lit from the left: what a camera sees, more or less.
    fn scene(light: f64) -> Tile {
        let luma = |at: usize| {
            let (x, y) = (at % 160, at / 160);
            let object = if (x / 9 + y / 7) % 3 == 0 { 0.5 } else { 1.0 };
            (16.0 + 219.0 * light * object * (0.2 + 0.8 * x as f64 / 160.0)) as u8
        };
        drawn(luma, 140)
    }

    #[test]
    fn a_scene_is_worth_more_than_black_white_a_title_or_a_fade() {
        let scene_worth = worth(&scene(0.8), false);
        assert!(scene_worth > GOOD, "{scene_worth}");
        let title = |at: usize| {
            let is_letter = (40..50).contains(&(at / 160)) && at % 160 % 12 < 5;
            if is_letter { 235 } else { 16 }
        };
        for (name, poor) in [
            ("black", drawn(|_| 16, 128)),
            ("white", drawn(|_| 235, 128)),
            ("blue", drawn(|_| 41, 240)),
            ("a title", drawn(title, 128)),
            ("a fade", scene(0.1)),
        ] {
            let found = worth(&poor, false);
            assert!(found < GOOD && found < scene_worth, "{name}: {found}");
        }
        assert!(worth(&scene(0.8), true) < scene_worth);
    }

    /// The chosen one of pictures with these worths, one each 100 ms.
    fn chosen(duration_ms: Option<u64>, worth: impl Fn(u64) -> f64, until_ms: u64) -> u64 {
        let mut choice = Choice::new(duration_ms);
        for at_ms in (0..until_ms).step_by(100) {
            if choice.is_due(at_ms) {
                choice.consider(at_ms, worth(at_ms), || Ok(())).unwrap();
            }
        }
        choice.best().unwrap().0
    }

    #[test]
    fn the_best_of_the_first_part_is_chosen_and_the_first_for_want_of_a_better_one() {
        let bright = |at_ms| if at_ms >= 2000 { 0.6 } else { 0.5 };
        let at_ms = chosen(Some(8000), bright, 8000);
        assert!((2000..3000).contains(&at_ms), "{at_ms}");
        assert_eq!(chosen(Some(8000), |_| 0.5, 8000), 100, "all are alike");
        assert_eq!(chosen(Some(90), |_| 0.5, 90), 0, "there is one");
        assert_eq!(chosen(Some(8000), |_| 0.0, 8000), 0, "all are black");
        let late = |at_ms| if at_ms >= 7000 { 0.9 } else { 0.5 };
        assert_eq!(chosen(Some(8000), late, 8000), 100, "good enough before");
    }

    #[test]
    fn what_begins_black_for_long_is_searched_to_its_end() {
        let black = |at_ms| if at_ms >= 500_000 { 0.5 } else { 0.0 };
        let at_ms = chosen(Some(600_000), black, 600_000);
        assert!((500_000..502_000).contains(&at_ms), "{at_ms}");
        let at_ms = chosen(None, black, 600_000);
        assert!((500_000..502_000).contains(&at_ms), "{at_ms}");
    }
}
