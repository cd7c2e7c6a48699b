//! A take's subtitles: what the status says of them, and their part of the package (RFC 8216bis §4.4.6.1).
//!
//! The text itself is an extra. Its times are those of the renditions, which begin at zero, so it needs no
//! `X-TIMESTAMP-MAP` (§3.1.4: without one, zero is zero).

use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, MediaPlaylist, MediaPlaylistType, MediaSegment,
};
use serde::{Deserialize, Serialize};

use crate::bandwidth;
use crate::extra::ExtraName;
use crate::keys::Object;
use crate::package::{self, write_media};
use crate::{Error, Status, Store};

/// The one group that all variants name.
pub(crate) const GROUP: &str = "subtitles";

/// A track of subtitles, as the status lists it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleTrack {
    /// Its number, from 0.
    pub index: u32,
    /// BCP 47 tag of its language, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What a menu calls it.
    pub name: String,
    /// Whether it is to be shown unless the viewer chooses otherwise.
    pub default: bool,
    /// Whether it holds only what everybody needs, as signs and dialogue in other languages.
    pub forced: bool,
}

/// The name of a track's media playlist in its folder.
pub(crate) fn playlist_name(index: u32) -> String {
    format!("subtitles-{index}.m3u8")
}

/// The number in such a name; none in any other.
#[must_use]
pub fn index_of_playlist(name: &str) -> Option<u32> {
    let number = name.strip_prefix("subtitles-")?.strip_suffix(".m3u8")?;
    let index = number.parse().ok()?;
    (playlist_name(index) == name).then_some(index)
}

impl SubtitleTrack {
    /// The media playlist, with a relative URI: one segment, as long as the video.
    #[must_use]
    pub fn playlist(&self, duration_s: f64) -> String {
        let duration = ((duration_s * 1e6).round() / 1e6) as f32;
        write_media(&MediaPlaylist {
            version: Some(7),
            target_duration: bandwidth::target_duration_s(std::iter::once(f64::from(duration))),
            playlist_type: Some(MediaPlaylistType::Vod),
            end_list: true,
            segments: vec![MediaSegment {
                uri: ExtraName::Subtitles(self.index).to_string(),
                duration,
                ..MediaSegment::empty()
            }],
            ..MediaPlaylist::default()
        })
    }

    fn rendition(&self, autoselect: bool) -> AlternativeMedia {
        AlternativeMedia {
            media_type: AlternativeMediaType::Subtitles,
            uri: Some(playlist_name(self.index)),
            group_id: GROUP.to_owned(),
            language: self.language.clone(),
            // A quoted-string has no quotes in it (4.2), nor an end of line.
            name: self.name.replace(['"', '\r', '\n'], "'"),
            default: self.default,
            autoselect,
            forced: self.forced,
            ..AlternativeMedia::default()
        }
    }
}

/// The group, in the order of the tracks. Players choose by language and purpose, so the first of each can be
/// chosen, or the default one in its place.
pub(crate) fn group(tracks: &[SubtitleTrack]) -> Vec<AlternativeMedia> {
    let purpose = |track: &SubtitleTrack| (track.language.clone(), track.forced);
    let is_chosen = |track: &SubtitleTrack| {
        let mut alike = tracks
            .iter()
            .filter(|other| purpose(other) == purpose(track));
        let first = alike.clone().next();
        let chosen = alike.find(|other| other.default).or(first);
        chosen.is_some_and(|chosen| chosen.index == track.index)
    };
    let tracks = tracks.iter();
    tracks
        .map(|track| track.rendition(is_chosen(track)))
        .collect()
}

impl Store {
    /// A track's media playlist, which names the text by `uri`.
    ///
    /// # Errors
    /// [`Error::Missing`] when the video has no such track (yet).
    pub async fn subtitle_playlist(
        &self,
        status: &Status,
        index: u32,
        uri: &str,
    ) -> Result<String, Error> {
        let take = status.take_with_extra(ExtraName::Subtitles(index))?;
        let object = Object::SubtitlePlaylist(status.id, take, index);
        let stored = self.read_kept(&object).await?;
        package::with_media_uri(&stored, uri).ok_or_else(|| Error::Corrupt {
            key: object.key(),
            reason: "no media playlist".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(index: u32, language: &str, default: bool, forced: bool) -> SubtitleTrack {
        SubtitleTrack {
            index,
            language: Some(language.to_owned()),
            name: format!("{language} {index}"),
            default,
            forced,
        }
    }

    #[test]
    fn a_playlist_is_one_segment_as_long_as_the_video() {
        assert_eq!(
            track(3, "en", false, false).playlist(5400.5083),
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:5401\n#EXT-X-PLAYLIST-TYPE:VOD\n\
             #EXTINF:5400.5083,\nsubtitles-3.vtt\n#EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn of_each_language_and_purpose_one_can_be_chosen() {
        let tracks = [
            track(0, "en", false, false),
            track(1, "en", true, false),
            track(2, "en", false, true),
            track(3, "de", false, false),
            track(4, "de", false, false),
        ];
        let chosen: Vec<bool> = group(&tracks)
            .iter()
            .map(|media| media.autoselect)
            .collect();
        assert_eq!(chosen, [false, true, true, true, false]);
    }

    #[test]
    fn no_name_ends_its_quotes() {
        let named = SubtitleTrack {
            name: "a\",URI=\"b\r\n#EXT".into(),
            language: None,
            ..track(0, "", false, false)
        };
        let media = named.rendition(true);
        assert_eq!(media.name, "a',URI='b''#EXT");
        assert_eq!(media.language, None);
    }

    #[test]
    fn names_of_playlists_read_back_and_no_others_do() {
        assert_eq!(index_of_playlist(&playlist_name(12)), Some(12));
        for wrong in [
            "subtitles-01.m3u8",
            "subtitles-+1.m3u8",
            "subtitles-.m3u8",
            "subtitles-1.vtt",
        ] {
            assert_eq!(index_of_playlist(wrong), None, "{wrong}");
        }
    }
}
