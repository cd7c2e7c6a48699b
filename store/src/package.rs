//! HLS packages (RFC 8216bis, version 7): playlists beside the MP4 files they cut into byte ranges.
//!
//! A package is stored with relative URIs, so the bucket behind any CDN plays as it is. The API hands out
//! the same playlists: the master unchanged (its relative URIs name the API's own media playlists), media
//! playlists with the MP4's name replaced by a presigned URL.

use m3u8_rs::{
    ByteRange, Map, MasterPlaylist, MediaPlaylist, MediaPlaylistType, MediaSegment, Resolution,
    VariantStream,
};

use crate::RungName;
use crate::bandwidth;
use crate::outcome::RenditionSummary;
use crate::subtitles::{self, SubtitleTrack};

/// The name of the master playlist in its folder.
pub const MASTER_NAME: &str = "master.m3u8";
/// The content type of playlists.
pub const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

/// The name of a rung's MP4 in its folder.
pub(crate) fn media_name(rung: &RungName) -> String {
    format!("{rung}.mp4")
}

/// The name of a rung's media playlist in its folder.
pub(crate) fn playlist_name(rung: &RungName) -> String {
    format!("{rung}.m3u8")
}

/// The name of a rung's I-frame playlist in its folder.
pub(crate) fn iframe_playlist_name(rung: &RungName) -> String {
    format!("{rung}-iframes.m3u8")
}

/// A rendition as its file turned out.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendition {
    /// Its rung.
    pub name: RungName,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// RFC 6381 codecs, from the bitstream written; the video's first.
    pub codecs: String,
    /// Measured peak over segments, bits per second.
    pub bandwidth_bps: u64,
    /// Measured average, bits per second.
    pub average_bandwidth_bps: u64,
    /// Frames a second.
    pub frame_rate: f64,
    /// Length of the file.
    pub len_bytes: u64,
    /// Where the init segment ends: `ftyp` and `moov`, without the `free` box after them.
    pub init_len_bytes: u64,
    /// Whether the video was copied from the original without re-encoding.
    pub copied: bool,
    /// The media segments, in order and without gaps in time.
    pub segments: Vec<Range>,
    /// The key frames, each with how long it stands for in an I-frame playlist.
    pub keyframes: Vec<Range>,
}

/// A stretch of time and the bytes of the file that hold it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// How long, in seconds.
    pub duration_s: f64,
    /// Its first byte in the file.
    pub offset_bytes: u64,
    /// How many bytes.
    pub len_bytes: u64,
}

impl Rendition {
    /// What the status says of it.
    #[must_use]
    pub fn summary(&self) -> RenditionSummary {
        RenditionSummary {
            name: self.name.clone(),
            width: self.width,
            height: self.height,
            codecs: self.codecs.clone(),
            bandwidth: self.bandwidth_bps,
            average_bandwidth: self.average_bandwidth_bps,
            frame_rate: self.frame_rate,
            bytes: self.len_bytes,
            copied: self.copied,
        }
    }

    /// The media playlist, with a relative URI.
    #[must_use]
    pub fn playlist(&self) -> String {
        write_media(&self.media_playlist(&self.segments, false))
    }

    /// The I-frame playlist, with a relative URI; none where no key frames are known.
    #[must_use]
    pub fn iframe_playlist(&self) -> Option<String> {
        (!self.keyframes.is_empty())
            .then(|| write_media(&self.media_playlist(&self.keyframes, true)))
    }

    fn media_playlist(&self, ranges: &[Range], i_frames_only: bool) -> MediaPlaylist {
        let durations = durations(ranges);
        let written_s = durations.iter().map(|duration| f64::from(*duration));
        let target_duration = bandwidth::target_duration_s(written_s);
        let map = Map {
            uri: media_name(&self.name),
            byte_range: Some(ByteRange {
                length: self.init_len_bytes,
                offset: Some(0),
            }),
            other_attributes: Default::default(),
        };
        let mut segments: Vec<_> = ranges
            .iter()
            .zip(durations)
            .map(|(range, duration)| MediaSegment {
                uri: media_name(&self.name),
                duration,
                byte_range: Some(ByteRange {
                    length: range.len_bytes,
                    offset: Some(range.offset_bytes),
                }),
                ..MediaSegment::empty()
            })
            .collect();
        if let Some(first) = segments.first_mut() {
            first.map = Some(map);
        }
        MediaPlaylist {
            version: Some(7),
            target_duration,
            playlist_type: Some(MediaPlaylistType::Vod),
            independent_segments: true,
            i_frames_only,
            end_list: true,
            segments,
            ..MediaPlaylist::default()
        }
    }

    /// The sum of its segments' durations, in seconds.
    pub(crate) fn duration_s(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration_s).sum()
    }

    fn variant(&self, subtitles: Option<&str>) -> VariantStream {
        VariantStream {
            uri: playlist_name(&self.name),
            bandwidth: self.bandwidth_bps,
            average_bandwidth: Some(self.average_bandwidth_bps),
            codecs: Some(self.codecs.clone()),
            resolution: Some(self.resolution()),
            // 4.4.6.2: rounded to three decimal places.
            frame_rate: Some((self.frame_rate * 1000.0).round() / 1000.0),
            subtitles: subtitles.map(str::to_owned),
            ..VariantStream::default()
        }
    }

    fn iframe_variant(&self) -> Option<VariantStream> {
        (!self.keyframes.is_empty()).then(|| VariantStream {
            is_i_frame: true,
            uri: iframe_playlist_name(&self.name),
            bandwidth: bandwidth::peak_bps(&self.keyframes),
            average_bandwidth: Some(bandwidth::mean_bps(&self.keyframes)),
            codecs: self
                .codecs
                .split(',')
                .next()
                .map(|video| video.trim().to_owned()),
            resolution: Some(self.resolution()),
            ..VariantStream::default()
        })
    }

    fn resolution(&self) -> Resolution {
        Resolution {
            width: u64::from(self.width),
            height: u64::from(self.height),
        }
    }
}

/// The master playlist of some renditions, lowest rate first, and the subtitles to them, with relative URIs.
#[must_use]
pub fn master_playlist(renditions: &[Rendition], subtitles: &[SubtitleTrack]) -> String {
    let group = (!subtitles.is_empty()).then_some(subtitles::GROUP);
    let mut sorted: Vec<&Rendition> = renditions.iter().collect();
    sorted.sort_by_key(|rendition| rendition.bandwidth_bps);
    let variants = sorted.iter().map(|rendition| rendition.variant(group));
    let iframe_variants = sorted
        .iter()
        .filter_map(|rendition| rendition.iframe_variant());
    let master = MasterPlaylist {
        version: Some(7),
        independent_segments: true,
        variants: variants.chain(iframe_variants).collect(),
        alternatives: subtitles::group(subtitles),
        ..MasterPlaylist::default()
    };
    let mut text = Vec::new();
    master.write_to(&mut text).expect("a Vec takes all writes");
    String::from_utf8(text).expect("every attribute is a string")
}

/// All playlists of a package by name; the master last, as it names the others.
#[must_use]
pub fn playlists(renditions: &[Rendition], subtitles: &[SubtitleTrack]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for rendition in renditions {
        files.push((playlist_name(&rendition.name), rendition.playlist()));
        files.extend(
            rendition
                .iframe_playlist()
                .map(|text| (iframe_playlist_name(&rendition.name), text)),
        );
    }
    let duration_s = renditions.first().map_or(0.0, Rendition::duration_s);
    files.extend(subtitles.iter().map(|track| {
        let name = subtitles::playlist_name(track.index);
        (name, track.playlist(duration_s))
    }));
    let master = master_playlist(renditions, subtitles);
    files.push((MASTER_NAME.to_owned(), master));
    files
}

/// A stored media playlist with another URI for its MP4; none where it is no media playlist.
pub(crate) fn with_media_uri(stored: &[u8], uri: &str) -> Option<String> {
    let mut playlist = m3u8_rs::parse_media_playlist_res(stored).ok()?;
    for segment in &mut playlist.segments {
        segment.uri = uri.to_owned();
        if let Some(map) = &mut segment.map {
            map.uri = uri.to_owned();
        }
    }
    Some(write_media(&playlist))
}

pub(crate) fn write_media(playlist: &MediaPlaylist) -> String {
    let mut text = Vec::new();
    playlist
        .write_to(&mut text)
        .expect("a Vec takes all writes");
    String::from_utf8(text).expect("every attribute is a string")
}

/// The EXTINF values: m3u8-rs writes them with the seven digits of an `f32`, so what one loses the next
/// one gets, and their sum never drifts.
fn durations(ranges: &[Range]) -> Vec<f32> {
    let (mut exact, mut written) = (0.0, 0.0);
    ranges
        .iter()
        .map(|range| {
            exact += range.duration_s;
            let duration = ((exact - written) * 1e6).round() / 1e6;
            let duration = duration as f32;
            written += f64::from(duration);
            duration
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendition(name: &str, bandwidth_bps: u64, segments: usize) -> Rendition {
        let range = |k: usize| Range {
            duration_s: 4.0 + 4.0 / 30_000.0,
            offset_bytes: 5000 + k as u64 * 1000,
            len_bytes: 1000,
        };
        Rendition {
            name: name.parse().unwrap(),
            width: 1280,
            height: 720,
            codecs: "avc1.64001f,mp4a.40.2".into(),
            bandwidth_bps,
            average_bandwidth_bps: bandwidth_bps / 2,
            frame_rate: 30_000.0 / 1001.0,
            len_bytes: 5000 + 1000 * segments as u64,
            init_len_bytes: 1300,
            copied: false,
            segments: (0..segments).map(range).collect(),
            keyframes: (0..segments)
                .map(|k| Range {
                    len_bytes: 300,
                    ..range(k)
                })
                .collect(),
        }
    }

    #[test]
    fn a_media_playlist_reads_back() {
        let text = rendition("720p", 2_000_000, 3).playlist();
        assert!(
            text.contains("#EXT-X-MAP:URI=\"720p.mp4\",BYTERANGE=\"1300@0\"\n"),
            "{text}"
        );
        let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
        assert_eq!(
            (
                playlist.version,
                playlist.target_duration,
                playlist.end_list
            ),
            (Some(7), 4, true)
        );
        assert_eq!(playlist.playlist_type, Some(MediaPlaylistType::Vod));
        assert!(playlist.independent_segments && !playlist.i_frames_only);
        let last = playlist.segments[2].byte_range.clone().unwrap();
        assert_eq!((last.length, last.offset), (1000, Some(7000)));
    }

    #[test]
    fn durations_do_not_drift_over_six_hours() {
        let text = rendition("360p", 1, 5400).playlist();
        let written: f64 = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:"))
            .map(|line| line.trim_end_matches(',').parse::<f64>().unwrap())
            .sum();
        assert!(
            (written - 5400.0 * (4.0 + 4.0 / 30_000.0)).abs() < 0.001,
            "{written}"
        );
    }

    #[test]
    fn the_target_duration_covers_the_longest_segment() {
        let mut long = rendition("360p", 1, 2);
        long.segments[1].duration_s = 5.5;
        assert!(long.playlist().contains("#EXT-X-TARGETDURATION:6\n"));
        long.segments[1].duration_s = 0.1;
        long.segments[0].duration_s = 0.2;
        assert!(long.playlist().contains("#EXT-X-TARGETDURATION:1\n"));
    }

    #[test]
    fn the_master_lists_the_lowest_first_and_names_iframe_playlists() {
        let text = master_playlist(
            &[
                rendition("720p", 2_000_000, 2),
                rendition("360p", 700_000, 2),
            ],
            &[],
        );
        let master = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
        let names: Vec<_> = master
            .variants
            .iter()
            .map(|variant| variant.uri.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "360p.m3u8",
                "720p.m3u8",
                "360p-iframes.m3u8",
                "720p-iframes.m3u8"
            ]
        );
        assert!(
            text.starts_with("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"),
            "{text}"
        );
        assert!(text.contains(
            "#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1000000,\
             CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.97\n"
        ));
        assert_eq!(master.variants[2].codecs.as_deref(), Some("avc1.64001f"));
        assert!(master.variants[2].is_i_frame);
    }

    #[test]
    fn subtitles_are_a_group_that_every_variant_names() {
        let renditions = [
            rendition("720p", 2_000_000, 2),
            rendition("360p", 700_000, 2),
        ];
        let track = SubtitleTrack {
            index: 0,
            language: Some("pt-BR".into()),
            name: "Português".into(),
            default: true,
            forced: false,
        };
        let files = playlists(&renditions, &[track]);
        let (name, master) = files.last().unwrap();
        assert_eq!(
            name, MASTER_NAME,
            "it comes when all that it names is there"
        );
        assert!(
            master.contains(
                "#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"subtitles-0.m3u8\",GROUP-ID=\"subtitles\",\
                 LANGUAGE=\"pt-BR\",NAME=\"Português\",DEFAULT=YES,AUTOSELECT=YES\n"
            ),
            "{master}"
        );
        let master = m3u8_rs::parse_master_playlist_res(master.as_bytes()).unwrap();
        for variant in &master.variants {
            let group = variant.subtitles.as_deref();
            assert_eq!(group, (!variant.is_i_frame).then_some("subtitles"));
        }
        let playlist = files.iter().find(|(name, _)| name == "subtitles-0.m3u8");
        assert!(
            playlist
                .unwrap()
                .1
                .contains("#EXTINF:8.000267,\nsubtitles-0.vtt\n")
        );
        let without = master_playlist(&renditions, &[]);
        assert!(!without.to_lowercase().contains("subtitles"));
    }

    #[test]
    fn signing_changes_nothing_but_the_uri() {
        let stored = rendition("720p", 2_000_000, 3).playlist();
        let url = "https://s3/video/x.mp4?X-Amz-Signature=a&b=%20";
        let signed = with_media_uri(stored.as_bytes(), url).unwrap();
        assert_eq!(signed, stored.replace("720p.mp4", url));
        assert!(with_media_uri(b"<html>", url).is_none());
    }

    #[test]
    fn an_iframe_playlist_says_so() {
        let text = rendition("720p", 2_000_000, 2).iframe_playlist().unwrap();
        assert!(
            text.contains("#EXT-X-I-FRAMES-ONLY\n") && text.contains("#EXT-X-BYTERANGE:300@5000\n")
        );
        assert!(
            Rendition {
                keyframes: vec![],
                ..rendition("720p", 1, 2)
            }
            .iframe_playlist()
            .is_none()
        );
    }
}
