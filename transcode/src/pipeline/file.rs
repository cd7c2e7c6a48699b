//! One rendition's file as it grows: hands fragments to the sink and keeps the books for the
//! indexes and the playlist.

use crate::encode::AAC_CODEC;
use crate::error::{Error, Result};
use crate::mux::{
    Fragment, IndexEntry, IndexTrack, avc_codec, find, first_sample_end, head_len, render_head,
};
use crate::report::{Keyframe, Segment};
use crate::sink::RenditionSink;

pub(super) struct File {
    sink: Box<dyn RenditionSink>,
    tracks: Vec<IndexTrack>,
    expected_fragments: usize,
    /// Length of the head; 0 until the first fragment.
    head_len: usize,
    len_bytes: u64,
    entries: Vec<IndexEntry>,
    segments: Vec<Segment>,
    keyframes: Vec<Keyframe>,
}

/// What is known of a file when it is complete.
pub(super) struct Finished {
    pub(super) len_bytes: u64,
    pub(super) codecs: String,
    pub(super) segments: Vec<Segment>,
    pub(super) keyframes: Vec<Keyframe>,
}

impl File {
    pub(super) fn new(
        sink: Box<dyn RenditionSink>,
        timescale: u32,
        sample_rate_hz: Option<u32>,
        expected_fragments: usize,
    ) -> Self {
        // The muxer numbers tracks from 1, the picture first.
        let timescales = std::iter::once(timescale).chain(sample_rate_hz);
        let tracks = (1..)
            .zip(timescales)
            .map(|(id, timescale)| IndexTrack { id, timescale });
        Self {
            sink,
            tracks: tracks.collect(),
            expected_fragments,
            head_len: 0,
            len_bytes: 0,
            entries: Vec::new(),
            segments: Vec::new(),
            keyframes: Vec::new(),
        }
    }

    /// Appends a muxed fragment; `init` is the muxer's `ftyp` and `moov`.
    pub(super) fn append(
        &mut self,
        init: &[u8],
        fragment: &Fragment,
        starts_segment: bool,
        bytes: Vec<u8>,
    ) -> Result<()> {
        if self.head_len == 0 {
            self.head_len = head_len(init.len(), self.tracks.len(), self.expected_fragments);
            self.len_bytes = self.head_len as u64;
            self.sink.begin(self.head_len).map_err(Error::Sink)?;
        }
        let timescale = f64::from(self.tracks[0].timescale);
        let start_s = fragment.start as f64 / timescale;
        let duration_s = fragment.duration as f64 / timescale;
        let offset_bytes = self.len_bytes;
        let len_bytes = bytes.len() as u64;
        self.keyframes.push(Keyframe {
            start_s,
            duration_s,
            offset_bytes,
            len_bytes: first_sample_end(&bytes).unwrap_or(bytes.len()) as u64,
        });
        match self.segments.last_mut() {
            Some(segment) if !starts_segment => {
                segment.duration_s += duration_s;
                segment.len_bytes += len_bytes;
            }
            _ => self.segments.push(Segment {
                start_s,
                duration_s,
                offset_bytes,
                len_bytes,
            }),
        }
        self.entries.push(IndexEntry {
            len_bytes: bytes.len() as u32,
            duration_ticks: [fragment.duration as u32, fragment.audio_duration as u32],
        });
        self.len_bytes += len_bytes;
        self.sink.fragment(bytes).map_err(Error::Sink)
    }

    /// Writes the head, now that all fragments are known.
    pub(super) fn finish(self, init: &[u8]) -> Result<Finished> {
        let mut codecs = find(init, &[b"moov"])
            .and_then(avc_codec)
            .unwrap_or_default();
        if self.tracks.len() > 1 {
            codecs = format!("{codecs},{AAC_CODEC}");
        }
        let head = render_head(init, &self.tracks, &self.entries, self.head_len);
        self.sink.finish(head).map_err(Error::Sink)?;
        Ok(Finished {
            len_bytes: self.len_bytes,
            codecs,
            segments: self.segments,
            keyframes: self.keyframes,
        })
    }
}
