//! libavformat over a [`Source`]: the container by its content, packets one by one.

use std::sync::Once;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::context::StreamIo;

use super::{Fetched, Source, Tap};
use crate::control::CancelToken;
use crate::error::{Error, InputError, Result};
use crate::options::Limits;

/// The demuxers a file may choose by its content. Whatever names other files (playlists, concat
/// scripts, manifests), draws single pictures, or reads devices is not among them.
const ALLOWED_DEMUXERS: &str =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,ogg";

/// Errors of a damaged container between two good packets.
const MAX_ERRORS_IN_A_ROW: u32 = 1000;

/// libavformat's read buffer; its default of 32 KiB means a call for every other frame.
const READ_BUFFER_LEN: usize = 256 * 1024;

/// libav writes to the process's standard error, whatever a hostile file makes it say.
fn quiet_libav() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| ffmpeg::log::set_level(ffmpeg::log::Level::Quiet));
}

/// An opened original.
pub(crate) struct Demuxer {
    input: ffmpeg::format::context::Input,
    tap: Tap,
    cancel: CancelToken,
    len_bytes: u64,
}

impl Demuxer {
    pub(crate) fn open(source: Source, limits: &Limits, cancel: &CancelToken) -> Result<Self> {
        quiet_libav();
        let (reader, tap, len_bytes) =
            source
                .open(cancel)
                .map_err(|error| match cancel.is_cancelled() {
                    true => Error::Cancelled,
                    false => Error::Source(error),
                })?;
        limits.check("its size in bytes", len_bytes, limits.len_bytes)?;
        let io = StreamIo::from_read_seek_with_capacity(reader, READ_BUFFER_LEN)
            .map_err(|_| InputError::NotAVideo)?;
        let mut options = ffmpeg::Dictionary::new();
        options.set("format_whitelist", ALLOWED_DEMUXERS);
        options.set("protocol_whitelist", "");
        options.set("max_streams", &limits.streams.to_string());
        let interrupt = cancel.clone();
        let opened =
            ffmpeg::format::input_from_stream_with_interrupt(io, None, Some(options), move || {
                interrupt.is_cancelled()
            });
        match opened {
            Ok(input) => Ok(Self {
                input,
                tap,
                cancel: cancel.clone(),
                len_bytes,
            }),
            Err(_) if cancel.is_cancelled() => Err(Error::Cancelled),
            Err(_) => Err(match tap.take_error() {
                Some(error) => Error::Source(error),
                None => InputError::NotAVideo.into(),
            }),
        }
    }

    /// The next packet of any stream; `None` at the end.
    pub(crate) fn read(&mut self) -> Result<Option<ffmpeg::Packet>> {
        let mut packet = ffmpeg::Packet::empty();
        // Damaged containers report errors between good packets; how often is bounded.
        for _ in 0..MAX_ERRORS_IN_A_ROW {
            let result = packet.read(&mut self.input);
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            // An unreadable source may look like its end.
            if let Some(error) = self.tap.take_error() {
                return Err(Error::Source(error));
            }
            match result {
                Ok(()) => return Ok(Some(packet)),
                Err(ffmpeg::Error::Eof) => return Ok(None),
                Err(error) => tracing::debug!(%error, "a packet could not be read"),
            }
        }
        Ok(None)
    }

    /// The container as libavformat describes it.
    pub(crate) fn input(&self) -> &ffmpeg::format::context::Input {
        &self.input
    }

    /// Drops all packets of the streams that `keep` does not name, before they are read.
    pub(crate) fn keep_only(&mut self, keep: &[usize]) {
        for mut stream in self.input.streams_mut() {
            if !keep.contains(&stream.index()) {
                crate::ffi::discard(&mut stream);
            }
        }
    }

    /// Length of the original.
    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// What reading over the network has taken so far.
    pub(crate) fn fetched(&self) -> Fetched {
        self.tap.fetched()
    }

    /// How much of the file lies behind the reader, 0 to 1.
    pub(crate) fn fraction_read(&self) -> f64 {
        self.tap.position_bytes() as f64 / self.len_bytes.max(1) as f64
    }
}
