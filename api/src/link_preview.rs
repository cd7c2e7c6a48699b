//! What a link to a video shows where it is pasted: a title, a picture and a player, each by an absolute URL.

use std::fmt::Write as _;

use store::{Poster, State, Status, VideoId};

use crate::Origin;
use crate::filename::title_of;

/// A player on another page is no larger than it asks for, nor than this where it does not say.
const WIDEST: u32 = 1280;
const HIGHEST: u32 = 720;
/// Of a video that is not known yet.
const UNKNOWN_SHAPE: Size = Size {
    width: 1280,
    height: 720,
};

/// In pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    /// Of the same shape, and no larger than either.
    pub(crate) fn within(self, width: Option<u32>, height: Option<u32>) -> Self {
        let max_width = width.unwrap_or(WIDEST).min(self.width).max(1);
        let max_height = height.unwrap_or(HIGHEST).min(self.height).max(1);
        let by_width = u64::from(max_width) * u64::from(self.height);
        let by_height = u64::from(max_height) * u64::from(self.width);
        let scaled = |length: u64, of: u32| {
            let rounded = (length + u64::from(of) / 2) / u64::from(of.max(1));
            u32::try_from(rounded.max(1)).unwrap_or(u32::MAX)
        };
        if by_width <= by_height {
            Self {
                width: max_width,
                height: scaled(by_width, self.width),
            }
        } else {
            Self {
                width: scaled(by_height, self.height),
                height: max_height,
            }
        }
    }
}

/// Where the poster of a video is.
pub(crate) fn poster_path(id: VideoId) -> String {
    format!("/api/video/{id}/poster.jpg")
}

/// A video, as other sites show it.
pub(crate) struct LinkPreview<'a> {
    pub(crate) origin: &'a Origin,
    status: &'a Status,
}

impl<'a> LinkPreview<'a> {
    pub(crate) fn new(origin: &'a Origin, status: &'a Status) -> Self {
        Self { origin, status }
    }

    pub(crate) fn title(&self) -> &'a str {
        title_of(&self.status.filename)
    }

    /// One line on what it is.
    pub(crate) fn description(&self) -> String {
        let mut line = match self.status.status {
            State::Done => "Video".to_owned(),
            State::Pending | State::Processing => "Video, being prepared".to_owned(),
            State::Error => "Video that could not be prepared".to_owned(),
        };
        if let Some(duration_ms) = self.status.duration_ms {
            let total_s = duration_ms.saturating_add(500) / 1000;
            let (hours, minutes, seconds) = (total_s / 3600, total_s / 60 % 60, total_s % 60);
            let _ = match hours {
                0 => write!(line, " · {minutes}:{seconds:02}"),
                _ => write!(line, " · {hours}:{minutes:02}:{seconds:02}"),
            };
        }
        if let Some(top) = self.status.qualities.last() {
            let _ = write!(line, " · {top}");
        }
        line
    }

    fn id(&self) -> VideoId {
        self.status.id
    }

    pub(crate) fn watch_url(&self) -> String {
        format!("{}/watch/{}", self.origin, self.id())
    }

    pub(crate) fn embed_url(&self) -> String {
        format!("{}/embed/{}", self.origin, self.id())
    }

    /// A picture of it, by a URL that stays, and its size.
    pub(crate) fn poster(&self) -> Option<(String, Size)> {
        let Poster { width, height } = self.status.poster?;
        let url = format!("{}{}", self.origin, poster_path(self.id()));
        Some((url, Size { width, height }))
    }

    /// How large the pictures are, as far as that is known.
    pub(crate) fn shape(&self) -> Size {
        let rendition = self.status.renditions.last();
        let rendition = rendition.map(|top| (top.width, top.height));
        let source = self.status.source.as_ref();
        let source = source.map(|source| (source.width, source.height));
        let known = rendition.or(source).filter(|(w, h)| *w > 0 && *h > 0);
        known.map_or(UNKNOWN_SHAPE, |(width, height)| Size { width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_keeps_the_shape_of_its_video() {
        let size = |width, height| Size { width, height };
        for (video, max_width, max_height, expected) in [
            (size(1920, 1080), None, None, size(1280, 720)),
            (size(640, 360), None, None, size(640, 360)),
            (size(1080, 1920), None, None, size(405, 720)),
            (size(1920, 1080), Some(640), None, size(640, 360)),
            (size(1920, 1080), Some(640), Some(90), size(160, 90)),
            (size(640, 360), Some(4000), Some(4000), size(640, 360)),
            (size(640, 360), Some(0), Some(0), size(1, 1)),
            (size(4000, 1), Some(10), None, size(10, 1)),
        ] {
            let shown = video.within(max_width, max_height);
            assert_eq!(shown, expected, "{video:?} in {max_width:?}×{max_height:?}");
        }
    }
}
