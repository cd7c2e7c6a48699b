//! What a package says of subtitles: renditions in the master (RFC 8216bis §4.4.6.1), playlists of whole
//! files, and the text (WebVTT §4.1; RFC 8216bis §3.1.4).

use super::attributes::Attributes;
use super::syntax::{Line, float, integer, lines};

/// An EXT-X-MEDIA of TYPE=SUBTITLES.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SubtitleRendition {
    pub(crate) uri: String,
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) language: Option<String>,
    pub(crate) default: bool,
    pub(crate) autoselect: bool,
    pub(crate) forced: bool,
}

const ATTRIBUTES: [&str; 8] = [
    "TYPE",
    "URI",
    "GROUP-ID",
    "LANGUAGE",
    "NAME",
    "DEFAULT",
    "AUTOSELECT",
    "FORCED",
];

impl SubtitleRendition {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let attributes = Attributes::read(text)?;
        let known = |name: &&str| ATTRIBUTES.contains(name);
        if let Some(name) = attributes.names().find(|name| !known(name)) {
            return Err(format!("{name} has no place in EXT-X-MEDIA"));
        }
        let kind = attributes.enumerated("TYPE");
        if kind != Some("SUBTITLES") {
            return Err(format!(
                "EXT-X-MEDIA of {kind:?} has no place in our packages"
            ));
        }
        let quoted = |name| {
            let value = attributes.quoted(name)?;
            value.ok_or_else(|| format!("EXT-X-MEDIA without {name}"))
        };
        let yes = |name| match attributes.enumerated(name) {
            None | Some("NO") => Ok(false),
            Some("YES") => Ok(true),
            Some(other) => Err(format!("{name}={other} is neither YES nor NO")),
        };
        Ok(Self {
            uri: quoted("URI")?.to_owned(),
            group: quoted("GROUP-ID")?.to_owned(),
            name: quoted("NAME")?.to_owned(),
            language: attributes.quoted("LANGUAGE")?.map(str::to_owned),
            default: yes("DEFAULT")?,
            autoselect: yes("AUTOSELECT")?,
            forced: yes("FORCED")?,
        })
    }
}

/// A media playlist whose segments are whole files.
#[derive(Debug, Default)]
pub(crate) struct SubtitlePlaylist {
    pub(crate) version: u64,
    pub(crate) target_duration_s: u64,
    pub(crate) is_vod: bool,
    pub(crate) ends: bool,
    /// URI and duration in seconds.
    pub(crate) segments: Vec<(String, f64)>,
}

impl SubtitlePlaylist {
    /// As much as can be read, and what is wrong.
    pub(crate) fn read(text: &str) -> (Self, Vec<String>) {
        let (mut playlist, mut wrong) = (Self::default(), Vec::new());
        let mut duration_s = None;
        for line in lines(text, &mut wrong) {
            wrong.extend(playlist.take(line, &mut duration_s).err());
        }
        (playlist, wrong)
    }

    fn take(&mut self, line: Line<'_>, duration_s: &mut Option<f64>) -> Result<(), String> {
        match line {
            Line::Tag("EXT-X-VERSION", Some(value)) => self.version = integer(value)?,
            Line::Tag("EXT-X-TARGETDURATION", Some(value)) => {
                self.target_duration_s = integer(value)?;
            }
            Line::Tag("EXT-X-PLAYLIST-TYPE", Some("VOD")) => self.is_vod = true,
            Line::Tag("EXT-X-ENDLIST", None) => self.ends = true,
            Line::Tag("EXTINF", Some(value)) => {
                let duration = value.split_once(',').map(|(duration, _)| duration);
                let duration = duration.ok_or_else(|| format!("EXTINF:{value} has no comma"))?;
                *duration_s = Some(float(duration)?);
            }
            Line::Tag(name, _) => {
                return Err(format!("{name} has no place in a playlist of subtitles"));
            }
            Line::Uri(uri) => {
                let duration_s = duration_s.take();
                let duration_s = duration_s.ok_or_else(|| format!("{uri} has no EXTINF"))?;
                self.segments.push((uri.to_owned(), duration_s));
            }
        }
        Ok(())
    }
}

/// When a text is shown, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cue {
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
}

/// The cues of a WebVTT document, and what is wrong.
pub(crate) fn cues(document: &str) -> (Vec<Cue>, Vec<String>) {
    let (mut cues, mut wrong) = (Vec::new(), Vec::new());
    let mut blocks = document.trim_end().split("\n\n");
    let header = blocks.next().unwrap_or_default();
    if header != "WEBVTT" {
        wrong.push(format!("its header is {header:?}, not WEBVTT alone"));
    }
    for block in blocks {
        let (times, text) = block.split_once('\n').unwrap_or((block, ""));
        let read = times.split_once(" --> ").and_then(|(start, end)| {
            let (start_ms, end_ms) = (ms(start)?, ms(end)?);
            Some(Cue { start_ms, end_ms })
        });
        match read {
            Some(cue) => cues.push(cue),
            None => wrong.push(format!("{times:?} is no time of a cue")),
        }
        if text.trim().is_empty() {
            wrong.push(format!("the cue of {times} says nothing"));
        }
        if let Some(tag) = tags(text).find(|tag| !TAGS.contains(tag)) {
            wrong.push(format!(
                "the cue of {times} holds {tag:?}, which is no tag of ours"
            ));
        }
        if text.contains("-->") {
            wrong.push(format!("the cue of {times} holds an arrow"));
        }
    }
    (cues, wrong)
}

const TAGS: [&str; 6] = ["b", "/b", "i", "/i", "u", "/u"];

/// What stands after each opening sign, up to the closing one.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split('<').skip(1);
    after.map(|rest| rest.split('>').next().unwrap_or_default())
}

/// `01:02:03.004`.
fn ms(timestamp: &str) -> Option<u64> {
    let (time, ms) = timestamp.split_once('.')?;
    let fields: Vec<u64> = time
        .split(':')
        .map(integer)
        .collect::<Result<_, _>>()
        .ok()?;
    let [hours, minutes @ 0..60, seconds @ 0..60] = fields[..] else {
        return None;
    };
    let ms = (ms.len() == 3).then(|| integer(ms).ok())??;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)
}
