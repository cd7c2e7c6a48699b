//! Text subtitles as WebVTT: what is said of a track, and the cues it holds. Pure, without libav.
//!
//! Times are milliseconds of the output's time line. Of styles, bold, italics and underline are kept;
//! colours, fonts, positions and drawings are left to the player.

mod ass;
mod cues;
mod language;
mod markup;
mod webvtt;

pub(crate) use ass::{Braces, Styles};
pub(crate) use cues::{Cue, Cues, Excess, MAX_PACKET_LEN};
pub(crate) use language::{Language, Unnamed, name_tracks};
pub(crate) use webvtt::{payload_of, samples, timestamp};

/// What a track of subtitles in the result is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleTrack {
    /// BCP 47 tag of its language, if the file states one.
    pub language: Option<String>,
    /// What a menu calls it; no two tracks of a video have the same name.
    pub name: String,
    /// Whether it is to be shown unless the viewer chooses otherwise: one track at most.
    pub is_default: bool,
    /// Whether it holds only what everybody needs, as signs and dialogue in other languages.
    pub is_forced: bool,
}
