//! A poster and a storyboard, out of the pictures that pass on their way to the rungs.
//!
//! Now and then one is scaled down to a tile. A tile tells what its picture is worth as a poster, of which the
//! best so far is held, by reference; and each interval's first becomes part of the storyboard. What is held is
//! bounded: one picture, and [`storyboard::MAX_TILES`] tiles.

mod poster;
mod storyboard;
mod tile;

use std::fmt::Write;

use ffmpeg_next::{format, frame};

use crate::control::CancelToken;
use crate::encode::jpeg;
use crate::ffi;
use crate::filter::{JpegColors, Scaler};
use crate::media_error::{Doing, MediaError};
use crate::report::{Poster, Storyboard};
use crate::sink::Extra;
use crate::subtitles::timestamp;
use poster::Choice;
use storyboard::Tiles;
use tile::Tile;

/// Longest side of a poster.
const POSTER_PX: u32 = 1280;
/// Longest side of a tile.
const TILE_PX: u32 = 160;
/// libavcodec's scale of a JPEG's quality, from 2 (best) to 31.
const POSTER_QUANTIZER: u32 = 3;
const SHEET_QUANTIZER: u32 = 5;

/// Looks at the pictures of one video.
pub(crate) struct Pictures {
    /// Of the pictures that pass.
    size: (u32, u32),
    tile_size: (u32, u32),
    scaler: Scaler,
    choice: Choice<frame::Video>,
    tiles: Tiles,
}

/// What came of it.
pub(crate) struct Made {
    pub(crate) poster: Poster,
    pub(crate) storyboard: Storyboard,
    pub(crate) extras: Vec<Extra>,
}

impl Pictures {
    /// For pictures of this size, upright and in the rungs' colours.
    pub(crate) fn new(size: (u32, u32), duration_ms: Option<u64>) -> Result<Self, MediaError> {
        let tile_size = shrink(size, TILE_PX);
        Ok(Self {
            size,
            tile_size,
            scaler: Scaler::new(size, tile_size)?,
            choice: Choice::new(duration_ms),
            tiles: Tiles::new(duration_ms),
        })
    }

    /// Looks at a picture that is shown from `at_ms` on; times never go back, and begin at zero.
    pub(crate) fn look(&mut self, picture: &frame::Video, at_ms: u64) -> Result<(), MediaError> {
        let (is_candidate, is_tile) = (self.choice.is_due(at_ms), self.tiles.is_due(at_ms));
        // What is of another size or form came through no filter, and is damaged.
        let is_alike = (picture.width(), picture.height()) == self.size
            && picture.format() == format::Pixel::YUV420P;
        if !(is_candidate || is_tile) || !is_alike {
            return Ok(());
        }
        let mut small = ffi::share(picture).doing("sharing a picture")?;
        self.scaler.scale(&mut small)?;
        let tile = Tile::of(&small);
        if is_candidate {
            let is_damaged = picture.is_corrupt() || picture.has_decode_errors();
            let worth = poster::worth(&tile, is_damaged);
            self.choice.consider(at_ms, worth, || ffi::share(picture))?;
        }
        if is_tile {
            self.tiles.push(at_ms, tile);
        }
        Ok(())
    }

    /// Encodes what was chosen; none if there was not one picture, or the work is cancelled.
    pub(crate) fn finish(
        self,
        duration_ms: u64,
        cancel: &CancelToken,
    ) -> Result<Option<Made>, MediaError> {
        let Some((time_ms, picture)) = self.choice.best() else {
            return Ok(None);
        };
        let poster_size = shrink(self.size, POSTER_PX);
        let mut extras = vec![Extra {
            name: "poster.jpg".to_owned(),
            bytes: encode(picture, poster_size, POSTER_QUANTIZER)?,
        }];
        let cues = self.tiles.cues(duration_ms);
        let layout = storyboard::Layout::of(cues.len());
        let mut vtt = String::from("WEBVTT\n");
        for (number, sheet) in cues.chunks(layout.on_a_sheet()).enumerate() {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let name = format!("storyboard-{number}.jpg");
            for (cue, (x, y)) in sheet.iter().zip(layout.places(self.tile_size)) {
                let (width, height) = self.tile_size;
                let (start, end) = (timestamp(cue.start_ms), timestamp(cue.end_ms));
                let _ = write!(
                    vtt,
                    "\n{start} --> {end}\n{name}#xywh={x},{y},{width},{height}\n"
                );
            }
            let tiles = sheet.iter().map(|cue| cue.tile);
            let sheet = tile::sheet(tiles, self.tile_size, layout.columns);
            let size = (sheet.width(), sheet.height());
            let bytes = encode(sheet, size, SHEET_QUANTIZER)?;
            extras.push(Extra { name, bytes });
        }
        extras.push(Extra {
            name: "storyboard.vtt".to_owned(),
            bytes: vtt.into_bytes(),
        });
        Ok(Some(Made {
            poster: Poster {
                width_px: poster_size.0,
                height_px: poster_size.1,
                time_ms,
            },
            storyboard: Storyboard {
                interval_ms: self.tiles.interval_ms(),
                tile_width_px: self.tile_size.0,
                tile_height_px: self.tile_size.1,
                columns: layout.columns,
                rows: layout.rows,
                tiles: cues.len() as u32,
            },
            extras,
        }))
    }
}

/// A picture in the rungs' colours as a JPEG of the given size.
fn encode(
    mut picture: frame::Video,
    size: (u32, u32),
    quantizer: u32,
) -> Result<Vec<u8>, MediaError> {
    JpegColors::new((picture.width(), picture.height()), size)?.apply(&mut picture)?;
    jpeg(&mut picture, quantizer)
}

/// The even size of the same shape with no side longer than this; never a larger one.
fn shrink((width_px, height_px): (u32, u32), longest_px: u32) -> (u32, u32) {
    let longest = width_px.max(height_px);
    if longest <= longest_px {
        return (width_px, height_px);
    }
    let share = f64::from(longest_px) / f64::from(longest);
    let even = |side_px: u32| ((f64::from(side_px) * share / 2.0).round() as u32 * 2).max(2);
    (even(width_px), even(height_px))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_kept_and_nothing_grows() {
        assert_eq!(shrink((1920, 1080), 160), (160, 90));
        assert_eq!(shrink((1080, 1920), 160), (90, 160));
        assert_eq!(shrink((960, 400), 160), (160, 66));
        assert_eq!(shrink((16, 4000), 160), (2, 160));
        assert_eq!(shrink((640, 360), 1280), (640, 360));
        assert_eq!(shrink((2, 2), 160), (2, 2));
    }
}
