//! Media playlists and I-frame playlists (RFC 8216bis §4.4.2 to §4.4.4).

use super::ByteRange;
use super::attributes::Attributes;
use super::syntax::{Line, byte_range, float, integer, lines};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    pub(crate) uri: String,
    pub(crate) duration_s: f64,
    pub(crate) range: ByteRange,
}

#[derive(Debug, Default)]
pub(crate) struct MediaPlaylist {
    pub(crate) version: u64,
    pub(crate) target_duration_s: u64,
    pub(crate) is_vod: bool,
    pub(crate) independent_segments: bool,
    pub(crate) i_frames_only: bool,
    pub(crate) ends: bool,
    /// The initialisation section: its URI and where it lies.
    pub(crate) map: Option<(String, ByteRange)>,
    pub(crate) segments: Vec<Segment>,
    fractional: bool,
}

/// Tags of the whole playlist: once, and before the first segment.
const HEADER: [&str; 6] = [
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-INDEPENDENT-SEGMENTS",
];

/// What the tags before a segment's URI say of it.
#[derive(Default)]
struct Pending {
    duration_s: Option<f64>,
    range: Option<(u64, Option<u64>)>,
}

impl MediaPlaylist {
    /// As much as can be read, and what is wrong.
    pub(crate) fn read(text: &str) -> (Self, Vec<String>) {
        let (mut playlist, mut wrong) = (Self::default(), Vec::new());
        let mut seen: Vec<&str> = Vec::new();
        let mut pending = Pending::default();
        for line in lines(text, &mut wrong) {
            if playlist.ends {
                wrong.push("something follows EXT-X-ENDLIST".into());
            }
            if let Line::Tag(name, _) = line
                && HEADER.contains(&name)
            {
                if seen.contains(&name) {
                    wrong.push(format!("{name} is there twice"));
                }
                if !playlist.segments.is_empty() || pending.duration_s.is_some() {
                    wrong.push(format!("{name} stands after the first segment"));
                }
                seen.push(name);
            }
            wrong.extend(playlist.take(line, &mut pending).err());
        }
        for required in ["EXT-X-VERSION", "EXT-X-TARGETDURATION"] {
            if !seen.contains(&required) {
                wrong.push(format!("{required} is missing"));
            }
        }
        if pending.duration_s.is_some() || pending.range.is_some() {
            wrong.push("no URI follows the last segment's tags".into());
        }
        (playlist, wrong)
    }

    fn take(&mut self, line: Line<'_>, pending: &mut Pending) -> Result<(), String> {
        match line {
            Line::Tag("EXT-X-VERSION", Some(value)) => self.version = integer(value)?,
            Line::Tag("EXT-X-TARGETDURATION", Some(value)) => {
                self.target_duration_s = integer(value)?;
            }
            Line::Tag("EXT-X-MEDIA-SEQUENCE", Some(value)) => drop(integer(value)?),
            Line::Tag("EXT-X-PLAYLIST-TYPE", Some("VOD")) => self.is_vod = true,
            Line::Tag("EXT-X-I-FRAMES-ONLY", None) => self.i_frames_only = true,
            Line::Tag("EXT-X-INDEPENDENT-SEGMENTS", None) => self.independent_segments = true,
            Line::Tag("EXT-X-ENDLIST", None) => self.ends = true,
            Line::Tag("EXT-X-MAP", Some(value)) => self.take_map(value)?,
            Line::Tag("EXTINF", Some(value)) if pending.duration_s.is_none() => {
                let duration = value.split_once(',').map(|(duration, _)| duration);
                let duration = duration.ok_or_else(|| format!("EXTINF:{value} has no comma"))?;
                self.fractional |= duration.contains('.');
                pending.duration_s = Some(float(duration)?);
            }
            Line::Tag("EXT-X-BYTERANGE", Some(value)) if pending.range.is_none() => {
                pending.range = Some(byte_range(value)?);
            }
            Line::Tag(name, value) => {
                let value = value.map(|value| format!(":{value}")).unwrap_or_default();
                return Err(format!("{name}{value} has no place in a media playlist"));
            }
            Line::Uri(uri) => {
                let segment = self.segment(uri, std::mem::take(pending))?;
                self.segments.push(segment);
            }
        }
        Ok(())
    }

    fn take_map(&mut self, value: &str) -> Result<(), String> {
        if self.map.is_some() || !self.segments.is_empty() {
            return Err("there is more than one EXT-X-MAP, or a segment before it".into());
        }
        let attributes = Attributes::read(value)?;
        let uri = attributes.quoted("URI");
        let uri = uri?.ok_or("EXT-X-MAP without URI")?;
        let range = attributes
            .quoted("BYTERANGE")
            .map_err(|why| format!("EXT-X-MAP: {why}"))?
            .ok_or("EXT-X-MAP without BYTERANGE")?;
        let (len_bytes, offset_bytes) = byte_range(range)?;
        let range = ByteRange {
            offset_bytes: offset_bytes.unwrap_or(0),
            len_bytes,
        };
        self.map = Some((uri.to_owned(), range));
        Ok(())
    }

    fn segment(&self, uri: &str, pending: Pending) -> Result<Segment, String> {
        let number = self.segments.len();
        let duration_s = pending.duration_s;
        let duration_s =
            duration_s.ok_or_else(|| format!("segment {number} ({uri}) has no EXTINF"))?;
        let (len_bytes, offset_bytes) = pending
            .range
            .ok_or_else(|| format!("segment {number} has no EXT-X-BYTERANGE"))?;
        // 4.4.4.2: without an offset it continues the segment before, of the same resource.
        let before = self.segments.last().filter(|before| before.uri == uri);
        let offset_bytes = offset_bytes
            .or_else(|| before.map(|before| before.range.end()))
            .ok_or_else(|| {
                format!("the byte range of segment {number} has nothing to continue from")
            })?;
        Ok(Segment {
            uri: uri.to_owned(),
            duration_s,
            range: ByteRange {
                offset_bytes,
                len_bytes,
            },
        })
    }

    /// The protocol version that what is used demands (RFC 8216bis §8).
    pub(crate) fn needed_version(&self) -> u64 {
        let uses = [
            (self.map.is_some() && !self.i_frames_only, 6),
            (self.map.is_some(), 5),
            (self.i_frames_only || !self.segments.is_empty(), 4),
            (self.fractional, 3),
        ];
        let needed = uses.into_iter().find(|(used, _)| *used);
        needed.map_or(1, |(_, version)| version)
    }

    /// When each segment starts, in seconds, and when the last one ends.
    pub(crate) fn starts_s(&self) -> Vec<f64> {
        let durations = self.segments.iter().map(|segment| segment.duration_s);
        let ends = durations.scan(0.0, |sum, duration_s| {
            *sum += duration_s;
            Some(*sum)
        });
        std::iter::once(0.0).chain(ends).collect()
    }
}
