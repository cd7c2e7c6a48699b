//! Multivariant ("master") playlists (RFC 8216bis §4.4.6).

use super::attributes::Attributes;
use super::subtitles::SubtitleRendition;
use super::syntax::{Line, integer, lines};

/// A variant stream, or an I-frame stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variant {
    pub(crate) uri: String,
    pub(crate) bandwidth_bps: u64,
    pub(crate) average_bandwidth_bps: u64,
    pub(crate) codecs: String,
    pub(crate) resolution: (u64, u64),
    /// An I-frame stream has none.
    pub(crate) frame_rate: Option<f64>,
    /// The group of subtitles that goes with it.
    pub(crate) subtitles: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct MasterPlaylist {
    pub(crate) version: u64,
    pub(crate) independent_segments: bool,
    pub(crate) variants: Vec<Variant>,
    pub(crate) iframe_variants: Vec<Variant>,
    pub(crate) subtitles: Vec<SubtitleRendition>,
}

const VARIANT: &[&str] = &[
    "BANDWIDTH",
    "AVERAGE-BANDWIDTH",
    "CODECS",
    "RESOLUTION",
    "FRAME-RATE",
    "SUBTITLES",
];
const IFRAME_VARIANT: &[&str] = &[
    "BANDWIDTH",
    "AVERAGE-BANDWIDTH",
    "CODECS",
    "RESOLUTION",
    "URI",
];

impl MasterPlaylist {
    /// As much as can be read, and what is wrong.
    pub(crate) fn read(text: &str) -> (Self, Vec<String>) {
        let (mut playlist, mut wrong) = (Self::default(), Vec::new());
        let (mut versions, mut flags) = (0, 0);
        let mut stream_inf = None;
        for line in lines(text, &mut wrong) {
            if stream_inf.is_some() && !matches!(line, Line::Uri(_)) {
                wrong.push("no URI follows an EXT-X-STREAM-INF".into());
                stream_inf = None;
            }
            let read = match line {
                Line::Uri(uri) => match stream_inf.take() {
                    Some(attributes) => {
                        variant(attributes, Some(uri)).map(|v| playlist.variants.push(v))
                    }
                    None => Err(format!("no EXT-X-STREAM-INF stands before {uri}")),
                },
                Line::Tag("EXT-X-VERSION", Some(version)) => {
                    versions += 1;
                    integer(version).map(|version| playlist.version = version)
                }
                Line::Tag("EXT-X-INDEPENDENT-SEGMENTS", None) => {
                    flags += 1;
                    playlist.independent_segments = true;
                    Ok(())
                }
                Line::Tag("EXT-X-MEDIA", Some(attributes)) => {
                    SubtitleRendition::read(attributes).map(|r| playlist.subtitles.push(r))
                }
                Line::Tag("EXT-X-STREAM-INF", Some(attributes)) => {
                    stream_inf = Some(attributes);
                    Ok(())
                }
                Line::Tag("EXT-X-I-FRAME-STREAM-INF", Some(attributes)) => {
                    variant(attributes, None).map(|v| playlist.iframe_variants.push(v))
                }
                Line::Tag(name, _) => Err(format!("{name} has no place in a master playlist")),
            };
            wrong.extend(read.err());
        }
        if versions != 1 || flags > 1 {
            wrong.push("EXT-X-VERSION or EXT-X-INDEPENDENT-SEGMENTS is not there once".into());
        }
        if stream_inf.is_some() {
            wrong.push("no URI follows an EXT-X-STREAM-INF".into());
        }
        (playlist, wrong)
    }
}

/// A variant with the URI that follows it; an I-frame stream where none does.
fn variant(text: &str, uri: Option<&str>) -> Result<Variant, String> {
    let attributes = Attributes::read(text)?;
    let (tag, known) = match uri {
        Some(_) => ("EXT-X-STREAM-INF", VARIANT),
        None => ("EXT-X-I-FRAME-STREAM-INF", IFRAME_VARIANT),
    };
    if let Some(name) = attributes.names().find(|name| !known.contains(name)) {
        return Err(format!("{name} has no place in {tag}"));
    }
    let missing = |name| format!("{tag} without {name}");
    let uri = match uri {
        Some(uri) => uri,
        None => attributes.quoted("URI")?.ok_or_else(|| missing("URI"))?,
    };
    let frame_rate = attributes.float("FRAME-RATE")?;
    if frame_rate.is_none() && tag == "EXT-X-STREAM-INF" {
        return Err(missing("FRAME-RATE"));
    }
    let integer = |name| attributes.integer(name)?.ok_or_else(|| missing(name));
    Ok(Variant {
        uri: uri.to_owned(),
        bandwidth_bps: integer("BANDWIDTH")?,
        average_bandwidth_bps: integer("AVERAGE-BANDWIDTH")?,
        codecs: attributes
            .quoted("CODECS")?
            .ok_or_else(|| missing("CODECS"))?
            .to_owned(),
        resolution: attributes
            .resolution("RESOLUTION")?
            .ok_or_else(|| missing("RESOLUTION"))?,
        frame_rate,
        subtitles: attributes.quoted("SUBTITLES")?.map(str::to_owned),
    })
}
