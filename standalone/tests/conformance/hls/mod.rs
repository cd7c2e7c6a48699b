//! Strict reading of playlists (RFC 8216bis §4): what a lenient client would pass over is told.

mod attributes;
mod master;
mod media;
mod subtitles;
mod syntax;

pub(crate) use master::{MasterPlaylist, Variant};
pub(crate) use media::MediaPlaylist;
pub(crate) use subtitles::{SubtitlePlaylist, cues};

/// Bytes of a file: `len_bytes` of them from `offset_bytes` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) offset_bytes: u64,
    pub(crate) len_bytes: u64,
}

impl ByteRange {
    pub(crate) fn end(self) -> u64 {
        self.offset_bytes.saturating_add(self.len_bytes)
    }
}
