//! Fragmented MP4: libavformat's mov muxer writes the fragments, we the head.
//!
//! `delay_moov` gives exact edit lists (B-frame delay, AAC priming) because the `moov` is written
//! when the first packets are known; `frag_custom` leaves it to us where fragments end. With
//! these, both tracks begin at exactly zero in every player.

mod boxes;
mod fragmenter;
mod index;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::{Rational, codec};

pub(crate) use boxes::{avc_codec, find, first_sample_end};
pub(crate) use fragmenter::{Fragment, Fragmenter};
pub(crate) use index::{IndexEntry, IndexTrack, head_len, render as render_head};

use crate::ffi;
use crate::media_error::{Doing, MediaError};

const VIDEO: usize = 0;
const AUDIO: usize = 1;
const MOV_FLAGS: &str = "frag_custom+delay_moov+default_base_moof+skip_trailer";

/// Collects what the muxer writes until it is asked for.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One rendition's muxer.
pub(crate) struct Muxer {
    output: Output,
    written: Written,
    /// Time bases of the packets that come in: video, then audio.
    time_bases: Vec<Rational>,
    init: Option<Vec<u8>>,
}

impl Muxer {
    /// A track for each encoder; `time_base` of each is a whole number of ticks a second.
    pub(crate) fn open(
        video: codec::Parameters,
        video_timescale: u32,
        audio: Option<(codec::Parameters, u32)>,
    ) -> Result<Self, MediaError> {
        let written = Written::default();
        let io = StreamIo::from_write(written.clone()).doing("preparing the muxer")?;
        let mut output =
            ffmpeg::format::output_to_stream(io, None, Some("mp4")).doing("preparing the muxer")?;
        let tracks = std::iter::once((video, video_timescale)).chain(audio);
        let mut time_bases = Vec::new();
        for (parameters, timescale) in tracks {
            let time_base = Rational(1, timescale as i32);
            let mut stream = output
                .add_stream(ffmpeg::codec::Id::None)
                .doing("adding a track")?;
            stream.set_parameters(parameters);
            stream.set_time_base(time_base);
            time_bases.push(time_base);
        }
        let mut options = ffmpeg::Dictionary::new();
        options.set("movflags", MOV_FLAGS);
        options.set("fflags", "+bitexact");
        output
            .write_header_with(options)
            .doing("writing the file's header")?;
        Ok(Self {
            output,
            written,
            time_bases,
            init: None,
        })
    }

    /// Muxes one fragment's packets and gives its `moof` and `mdat`, the video first in it.
    pub(crate) fn write(&mut self, fragment: &mut Fragment) -> Result<Vec<u8>, MediaError> {
        for (track, packets) in [(VIDEO, &mut fragment.video), (AUDIO, &mut fragment.audio)] {
            for packet in packets {
                let time_base = self
                    .output
                    .stream(track)
                    .ok_or(ffmpeg::Error::StreamNotFound)
                    .doing("muxing")?
                    .time_base();
                packet.set_stream(track);
                packet.rescale_ts(self.time_bases[track], time_base);
                packet.write(&mut self.output).doing("muxing")?;
            }
        }
        if self.init.is_none() {
            // The first flush writes `ftyp` and `moov` only.
            ffi::flush_fragment(&mut self.output).doing("muxing")?;
            self.init = Some(self.written.take());
        }
        ffi::flush_fragment(&mut self.output).doing("muxing")?;
        Ok(self.written.take())
    }

    /// `ftyp` and `moov`, once the first fragment is written.
    pub(crate) fn init(&self) -> &[u8] {
        self.init.as_deref().unwrap_or_default()
    }
}
