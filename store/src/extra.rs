//! The small files of a take beside its renditions: written by the worker, read for viewers.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::InvalidName;
use crate::keys::Object;
use crate::{Error, FailPoint, State, Status, Store, SubtitleTrack, Take, VideoId};

/// A small file beside the renditions, by its name in the take's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraName {
    /// `poster.jpg`: one good picture.
    Poster,
    /// `storyboard.vtt`: which tile of which sheet shows which time (WebVTT, media fragments).
    Storyboard,
    /// `storyboard-<n>.jpg`: tiles in rows, the n-th sheet of them, from 0.
    StoryboardSheet(u32),
    /// `subtitles-<n>.vtt`: the n-th track of subtitles, from 0.
    Subtitles(u32),
}

impl ExtraName {
    /// The content type it is stored and served with.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Poster | Self::StoryboardSheet(_) => "image/jpeg",
            Self::Storyboard | Self::Subtitles(_) => "text/vtt",
        }
    }
}

impl fmt::Display for ExtraName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poster => f.write_str("poster.jpg"),
            Self::Storyboard => f.write_str("storyboard.vtt"),
            Self::StoryboardSheet(number) => write!(f, "storyboard-{number}.jpg"),
            Self::Subtitles(index) => write!(f, "subtitles-{index}.vtt"),
        }
    }
}

impl FromStr for ExtraName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let numbered = |prefix: &str, suffix: &str| {
            let number = text.strip_prefix(prefix)?.strip_suffix(suffix)?;
            number.parse().ok()
        };
        let name = match text {
            "poster.jpg" => Some(Self::Poster),
            "storyboard.vtt" => Some(Self::Storyboard),
            _ => numbered("storyboard-", ".jpg")
                .map(Self::StoryboardSheet)
                .or_else(|| numbered("subtitles-", ".vtt").map(Self::Subtitles)),
        };
        // `storyboard-+1.jpg` and `storyboard-01.jpg` are nobody's names.
        name.filter(|name| name.to_string() == text)
            .ok_or_else(|| InvalidName::new(text, "a file beside renditions such as poster.jpg"))
    }
}

/// A video's poster.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poster {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// A video's storyboard: small pictures of it at even distances, in the rows of a few sheets.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storyboard {
    /// Time from one tile to the next, but for the length of a picture.
    pub interval_ms: u64,
    /// Width of a tile in pixels.
    pub tile_width: u32,
    /// Height of a tile in pixels.
    pub tile_height: u32,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of a full sheet.
    pub rows: u32,
    /// Tiles on all sheets.
    pub tiles: u32,
}

impl Storyboard {
    /// How many sheets there are.
    #[must_use]
    pub fn sheets(&self) -> u32 {
        self.tiles.div_ceil((self.columns * self.rows).max(1))
    }
}

/// What a job made beside the renditions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extras {
    /// The poster, if there is one.
    pub poster: Option<Poster>,
    /// The storyboard, if there is one.
    pub storyboard: Option<Storyboard>,
    /// The tracks of subtitles.
    pub subtitles: Vec<SubtitleTrack>,
}

impl Status {
    /// The files beside the renditions.
    pub fn extras(&self) -> impl Iterator<Item = ExtraName> {
        let poster = self.poster.map(|_| ExtraName::Poster);
        let storyboard = self.storyboard.into_iter().flat_map(|board| {
            let sheets = (0..board.sheets()).map(ExtraName::StoryboardSheet);
            std::iter::once(ExtraName::Storyboard).chain(sheets)
        });
        let subtitles = self.subtitles.iter();
        let subtitles = subtitles.map(|track| ExtraName::Subtitles(track.index));
        poster.into_iter().chain(storyboard).chain(subtitles)
    }

    /// The take that holds a file beside renditions.
    ///
    /// # Errors
    /// [`Error::Missing`] where the video has none (yet).
    pub fn take_with_extra(&self, name: ExtraName) -> Result<&Take, Error> {
        let take = self.take.as_ref();
        take.filter(|_| self.status == State::Done && self.extras().any(|there| there == name))
            .ok_or_else(|| Error::Missing(format!("{name} of video {}", self.id)))
    }
}

impl Store {
    /// Writes a file beside the renditions of a take, before anything names it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn write_extra(
        &self,
        id: VideoId,
        take: &Take,
        name: ExtraName,
        bytes: Bytes,
    ) -> Result<(), Error> {
        self.write_patiently(&Object::Extra(id, take, name), bytes)
            .await?;
        FailPoint::ExtraStored.reached(id);
        Ok(())
    }

    /// A file beside the renditions.
    ///
    /// # Errors
    /// [`Error::Missing`] where the video has none (yet).
    pub async fn extra(&self, status: &Status, name: ExtraName) -> Result<Bytes, Error> {
        let take = status.take_with_extra(name)?;
        self.read_kept(&Object::Extra(status.id, take, name)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_no_others_do() {
        for name in [
            ExtraName::Poster,
            ExtraName::Storyboard,
            ExtraName::StoryboardSheet(0),
            ExtraName::StoryboardSheet(12),
            ExtraName::Subtitles(0),
            ExtraName::Subtitles(12),
        ] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for wrong in [
            "",
            "poster.png",
            "storyboard-.jpg",
            "storyboard-01.jpg",
            "storyboard-+1.jpg",
            "storyboard--1.jpg",
            "storyboard-0.jpg/..",
            "storyboard-4294967296.jpg",
            "subtitles-01.vtt",
            "subtitles-.vtt",
            "subtitles-1.jpg",
            "status.json",
        ] {
            assert!(wrong.parse::<ExtraName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_video_that_is_done_has_what_its_status_says() {
        let board = Storyboard {
            interval_ms: 1000,
            tile_width: 160,
            tile_height: 90,
            columns: 10,
            rows: 10,
            tiles: 101,
        };
        assert_eq!(board.sheets(), 2);
        let done = Status {
            status: State::Done,
            take: Some(Take::new()),
            storyboard: Some(board),
            ..Status::pending(VideoId::new(), "film.mp4")
        };
        let has = |status: &Status, name| status.take_with_extra(name).is_ok();
        assert!(has(&done, ExtraName::Storyboard));
        assert!(has(&done, ExtraName::StoryboardSheet(1)));
        assert!(!has(&done, ExtraName::StoryboardSheet(2)));
        assert!(!has(&done, ExtraName::Poster), "one of an older version");
        let processing = Status {
            status: State::Processing,
            ..done
        };
        assert!(!has(&processing, ExtraName::Storyboard));
    }
}
