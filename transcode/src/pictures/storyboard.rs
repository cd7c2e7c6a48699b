//! Which tiles a storyboard has, and when each stands for the video: pure arithmetic.

use super::tile::Tile;

/// Four sheets of them.
pub(super) const MAX_TILES: usize = 400;
const COLUMNS: u32 = 10;
const ROWS: u32 = 10;
const MIN_INTERVAL_MS: u64 = 1000;

/// The tiles so far, at least an interval apart. Where there are more than fit, every other one goes, and the
/// interval doubles.
pub(super) struct Tiles {
    interval_ms: u64,
    due_ms: u64,
    tiles: Vec<(u64, Tile)>,
}

/// A tile, and from when to when it stands for the video.
pub(super) struct Cue<'a> {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) tile: &'a Tile,
}

impl Tiles {
    /// The interval is a whole number of seconds, the shortest that will do for such a video.
    pub(super) fn new(duration_ms: Option<u64>) -> Self {
        let shortest_ms = duration_ms.unwrap_or(0).div_ceil(MAX_TILES as u64);
        Self {
            interval_ms: shortest_ms.next_multiple_of(1000).max(MIN_INTERVAL_MS),
            due_ms: 0,
            tiles: Vec::new(),
        }
    }

    pub(super) fn interval_ms(&self) -> u64 {
        self.interval_ms
    }

    /// Whether what is shown from then on is the first of an interval.
    pub(super) fn is_due(&self, at_ms: u64) -> bool {
        at_ms >= self.due_ms
    }

    pub(super) fn push(&mut self, at_ms: u64, tile: Tile) {
        self.tiles.push((at_ms, tile));
        if self.tiles.len() > MAX_TILES {
            let mut is_kept = false;
            self.tiles.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.interval_ms *= 2;
        }
        self.due_ms = (at_ms / self.interval_ms + 1) * self.interval_ms;
    }

    /// From zero to the end, each until the next.
    pub(super) fn cues(&self, duration_ms: u64) -> Vec<Cue<'_>> {
        let starts = self.tiles.iter().map(|(at_ms, _)| *at_ms).skip(1);
        // What would not be shown for a millisecond has no cue.
        let ends = starts.take_while(|at_ms| *at_ms < duration_ms);
        let ends = ends.chain(std::iter::once(duration_ms.max(1)));
        let mut start_ms = 0;
        self.tiles
            .iter()
            .zip(ends)
            .map(|((_, tile), end_ms)| Cue {
                start_ms: std::mem::replace(&mut start_ms, end_ms),
                end_ms,
                tile,
            })
            .collect()
    }
}

/// How tiles lie on sheets.
pub(super) struct Layout {
    pub(super) columns: u32,
    pub(super) rows: u32,
}

impl Layout {
    pub(super) fn of(tiles: usize) -> Self {
        let tiles = tiles as u32;
        Self {
            columns: tiles.clamp(1, COLUMNS),
            rows: tiles.div_ceil(COLUMNS).clamp(1, ROWS),
        }
    }

    pub(super) fn on_a_sheet(&self) -> usize {
        (self.columns * self.rows) as usize
    }

    /// The upper left corners of a sheet's tiles, in pixels.
    pub(super) fn places(
        &self,
        (width_px, height_px): (u32, u32),
    ) -> impl Iterator<Item = (u32, u32)> {
        let columns = self.columns;
        (0..).map(move |index| (index % columns * width_px, index / columns * height_px))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cues of a video whose pictures are shown at these times.
    fn cues(
        expected_ms: Option<u64>,
        times_ms: impl IntoIterator<Item = u64>,
        duration_ms: u64,
    ) -> (u64, Vec<(u64, u64)>) {
        let mut tiles = Tiles::new(expected_ms);
        for at_ms in times_ms {
            if tiles.is_due(at_ms) {
                tiles.push(at_ms, Tile::drawn(&[], 0));
                assert!(tiles.tiles.len() <= MAX_TILES);
            }
        }
        let cues = tiles.cues(duration_ms);
        let times = cues.iter().map(|cue| (cue.start_ms, cue.end_ms)).collect();
        (tiles.interval_ms(), times)
    }

    fn is_whole(cues: &[(u64, u64)], duration_ms: u64) -> bool {
        let is_seamless = cues.windows(2).all(|pair| pair[0].1 == pair[1].0);
        let is_forward = cues.iter().all(|(start, end)| start < end);
        let ends = (cues.first().map(|c| c.0), cues.last().map(|c| c.1));
        is_seamless && is_forward && ends == (Some(0), Some(duration_ms))
    }

    #[test]
    fn each_tile_stands_from_its_own_picture_to_the_next_ones() {
        let (interval_ms, cues) = cues(Some(3000), [0, 417, 834, 1251, 1668, 2085, 2502], 2919);
        assert_eq!(interval_ms, 1000);
        assert_eq!(cues, [(0, 1251), (1251, 2085), (2085, 2919)]);
    }

    #[test]
    fn long_videos_have_few_tiles_whether_their_length_is_known_or_not() {
        const HOURS_MS: u64 = 6 * 3_600_000;
        for (expected_ms, interval) in [(Some(HOURS_MS), 54_000), (None, 64_000), (Some(1), 64_000)]
        {
            let (interval_ms, cues) = cues(expected_ms, (0..HOURS_MS).step_by(100), HOURS_MS);
            assert_eq!(interval_ms, interval);
            assert!(is_whole(&cues, HOURS_MS), "{expected_ms:?}: {cues:?}");
            assert!(
                cues.iter().all(|(start, _)| start % interval_ms == 0),
                "{cues:?}"
            );
            assert_eq!(cues.len() as u64, HOURS_MS.div_ceil(interval_ms));
        }
    }

    #[test]
    fn the_shortest_has_one() {
        assert_eq!(cues(Some(40), [0], 40).1, [(0, 40)]);
        assert_eq!(cues(None, [0], 0).1, [(0, 1)]);
        assert_eq!(cues(Some(1000), [0, 1000], 1000).1, [(0, 1000)]);
    }

    #[test]
    fn sheets_are_no_larger_than_their_tiles() {
        let layout = |tiles| {
            let layout = Layout::of(tiles);
            (layout.columns, layout.rows)
        };
        assert_eq!(layout(1), (1, 1));
        assert_eq!(layout(9), (9, 1));
        assert_eq!(layout(11), (10, 2));
        assert_eq!(layout(399), (10, 10));
        let places: Vec<_> = Layout::of(11).places((160, 90)).take(11).collect();
        assert_eq!((places[9], places[10]), ((1440, 0), (0, 90)));
    }
}
