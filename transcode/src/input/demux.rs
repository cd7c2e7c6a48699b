//! libavformat over a [`Source`]: the container by its content, packets one by one.

use std::io::Seek;
use std::sync::Once;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::side_data;
use ffmpeg_next::format::context::StreamIo;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::{Rescale, codec, media};

use super::timeline::Timeline;
use super::{Fetched, Source, Tap, TappedReader, mp4};
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

/// What libav may allocate at once: a plane of 8192×4320 in floating point, or the table of six
/// million samples.
pub(crate) const MAX_ALLOCATION_LEN: usize = 144 << 20;

/// Most entries in an MP4's index, 24 bytes each: six hours of picture and sound are three million.
const MAX_INDEX_ENTRIES: u64 = 16_000_000;

/// Where libav gives up, whatever the limit: so that a file with a few too many is told how many.
const MAX_STREAMS: u32 = 1000;

/// libav's answer to streams beyond that, and to allocations beyond the above.
pub(crate) const OUT_OF_MEMORY: ffmpeg::Error = ffmpeg::Error::Other {
    errno: ffmpeg::error::ENOMEM,
};

/// How long a stream may stay away, in microseconds.
const MAX_ANALYZED_US: u64 = 120_000_000;

/// Of programmes side by side, pictures come in turns of fewer.
const MIN_UNUSED_PICTURES: u64 = 50;

const MICROSECONDS: (i32, i32) = (1, 1_000_000);

/// libav's state that is the process's: where its log goes, and what it may allocate at once.
fn set_up_libav() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        crate::ffi::redirect_log();
        crate::ffi::limit_allocations(MAX_ALLOCATION_LEN);
    });
}

/// `probe_bytes` is how far to look for streams, if libav's own measure is too little.
fn open_input(
    reader: TappedReader,
    probe_bytes: Option<u64>,
    cancel: &CancelToken,
) -> Result<ffmpeg::format::context::Input, ffmpeg::Error> {
    let io = StreamIo::from_read_seek_with_capacity(reader, READ_BUFFER_LEN)?;
    let mut options = ffmpeg::Dictionary::new();
    options.set("format_whitelist", ALLOWED_DEMUXERS);
    options.set("protocol_whitelist", "");
    options.set("max_streams", &MAX_STREAMS.to_string());
    if let Some(bytes) = probe_bytes {
        options.set("probesize", &bytes.to_string());
        options.set("analyzeduration", &MAX_ANALYZED_US.to_string());
    }
    let interrupt = cancel.clone();
    let options = Some(options);
    ffmpeg::format::input_from_stream_with_interrupt(io, None, options, move || {
        interrupt.is_cancelled()
    })
}

/// In an MP4, time is what the table says; elsewhere, files are joined end to end.
fn timeline(input: &ffmpeg::format::context::Input) -> Option<Timeline> {
    let is_mp4 = input.format().name().starts_with("mov");
    (!is_mp4).then(|| Timeline::new(crate::ffi::may_restart_clock(input)))
}

/// Whether some sound or picture has been announced, but not come.
fn has_unknown_stream(input: &ffmpeg::format::context::Input) -> bool {
    let is_unknown = |stream: Stream<'_>| {
        let Ok(context) = codec::Context::from_parameters(stream.parameters()) else {
            return false;
        };
        match stream.parameters().medium() {
            media::Type::Video => context.decoder().video().is_ok_and(|d| d.width() == 0),
            media::Type::Audio => context.decoder().audio().is_ok_and(|d| d.rate() == 0),
            _ => false,
        }
    };
    input.streams().any(is_unknown)
}

/// An opened original.
pub(crate) struct Demuxer {
    input: ffmpeg::format::context::Input,
    /// Shared with the input.
    reader: TappedReader,
    tap: Tap,
    cancel: CancelToken,
    len_bytes: u64,
    timeline: Option<Timeline>,
    /// The streams in use.
    kept: Vec<usize>,
    damaged: u64,
    /// Packets of other video streams since the last of those, and the most there were.
    unused_pictures: u64,
    most_unused_pictures: u64,
}

impl Demuxer {
    pub(crate) fn open(source: Source, limits: &Limits, cancel: &CancelToken) -> Result<Self> {
        set_up_libav();
        let (reader, tap, len_bytes) =
            source
                .open(cancel)
                .map_err(|error| match cancel.is_cancelled() {
                    true => Error::Cancelled,
                    false => Error::Source(error),
                })?;
        Self::over(reader, tap, len_bytes, limits, cancel.clone())
    }

    /// The same original from its first packet on.
    pub(crate) fn reopen(self, limits: &Limits) -> Result<Self> {
        let Self {
            input,
            mut reader,
            tap,
            cancel,
            len_bytes,
            ..
        } = self;
        drop(input);
        reader.rewind().map_err(Error::Source)?;
        Self::over(reader, tap, len_bytes, limits, cancel)
    }

    fn over(
        mut reader: TappedReader,
        tap: Tap,
        len_bytes: u64,
        limits: &Limits,
        cancel: CancelToken,
    ) -> Result<Self> {
        limits.check("its size in bytes", len_bytes, limits.len_bytes)?;
        tap.allow(Some(limits.probe_bytes));
        let check_probe = || match tap.exceeded() {
            _ if cancel.is_cancelled() => Err(Error::Cancelled),
            Some(found) => {
                let what = "what must be read of it before its first picture, in bytes,";
                Ok(limits.check(what, found, limits.probe_bytes)?)
            }
            None => Ok(()),
        };
        let facts = mp4::inspect(&mut reader, len_bytes);
        check_probe()?;
        let facts = facts.map_err(|error| Error::Source(tap.take_error().unwrap_or(error)))?;
        if facts.entries > MAX_INDEX_ENTRIES {
            return Err(InputError::IndexTooLarge.into());
        }
        let mut opened = open_input(reader.clone(), None, &cancel);
        check_probe()?;
        if opened.as_ref().is_ok_and(has_unknown_stream) {
            // Sound or picture that sets in late: libav stops looking after some seconds.
            drop(opened);
            reader.rewind().map_err(Error::Source)?;
            tap.allow(Some(limits.probe_bytes));
            opened = open_input(reader.clone(), Some(limits.probe_bytes / 2), &cancel);
            check_probe()?;
        }
        tap.allow(None);
        match opened {
            Ok(input) => Ok(Self {
                timeline: timeline(&input),
                kept: Vec::new(),
                damaged: 0,
                unused_pictures: 0,
                most_unused_pictures: 0,
                input,
                reader,
                tap,
                cancel,
                len_bytes,
            }),
            Err(error) => Err(match tap.take_error() {
                Some(error) => Error::Source(error),
                None if error == OUT_OF_MEMORY => InputError::IndexTooLarge.into(),
                None if facts.is_encrypted => InputError::Encrypted.into(),
                None => InputError::NotAVideo.into(),
            }),
        }
    }

    /// The next packet of the streams that are kept; `None` at the end. Cover art, and what libav
    /// read while it looked for streams, come unasked.
    pub(crate) fn read(&mut self) -> Result<Option<ffmpeg::Packet>> {
        let mut errors = 0;
        // Damaged containers report errors between good packets; how often is bounded.
        while errors < MAX_ERRORS_IN_A_ROW {
            // libav writes over what a packet holds without letting go of it.
            let mut packet = ffmpeg::Packet::empty();
            let result = packet.read(&mut self.input);
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            // An unreadable source may look like its end.
            if let Some(error) = self.tap.take_error() {
                return Err(Error::Source(error));
            }
            match result {
                Ok(()) => {
                    errors = 0;
                    self.check(&packet)?;
                    if self.kept.contains(&packet.stream()) {
                        self.unused_pictures = 0;
                        self.mend_time(&mut packet);
                        return Ok(Some(packet));
                    }
                    self.count_unused(&packet);
                }
                Err(ffmpeg::Error::Eof) => return Ok(None),
                // A fragment's index, too, can stand for more than there is memory.
                Err(OUT_OF_MEMORY) => return Err(InputError::IndexTooLarge.into()),
                Err(error) => {
                    tracing::debug!(%error, "a packet could not be read");
                    self.damaged += 1;
                    errors += 1;
                }
            }
        }
        Ok(None)
    }

    /// Other pictures where ours have ended are the rest of the film: a broadcast may go on with
    /// the next programme in streams of its own.
    fn count_unused(&mut self, packet: &ffmpeg::Packet) {
        let is_video = |stream: Stream<'_>| stream.parameters().medium() == media::Type::Video;
        if self.input.stream(packet.stream()).is_some_and(is_video) {
            self.unused_pictures += 1;
            self.most_unused_pictures = self.most_unused_pictures.max(self.unused_pictures);
        }
    }

    /// Without the key a decoder would only make noise of it.
    fn check(&self, packet: &ffmpeg::Packet) -> Result<()> {
        let is_encryption = |kind| kind == side_data::Type::EncryptionInfo;
        match packet.side_data().any(|data| is_encryption(data.kind())) {
            true => Err(InputError::Encrypted.into()),
            false => Ok(()),
        }
    }

    /// Of kept streams only: other programmes have clocks of their own. Subtitles go along: theirs may be
    /// out of order, and pause for minutes.
    fn mend_time(&mut self, packet: &mut ffmpeg::Packet) {
        let (Some(timeline), Some(dts)) = (&mut self.timeline, packet.dts()) else {
            return;
        };
        let Some(stream) = self.input.stream(packet.stream()) else {
            return;
        };
        let time_base = stream.time_base();
        let in_us = |ticks: i64| ticks.rescale(time_base, MICROSECONDS);
        let offset_us = match stream.parameters().medium() {
            media::Type::Video | media::Type::Audio => {
                timeline.offset_us(stream.index(), in_us(dts), in_us(packet.duration()))
            }
            _ => timeline.offset_beside_us(in_us(dts)),
        };
        let offset = offset_us.rescale(MICROSECONDS, time_base);
        packet.set_pts(packet.pts().map(|pts| pts.saturating_add(offset)));
        packet.set_dts(Some(dts.saturating_add(offset)));
    }

    /// The container as libavformat describes it.
    pub(crate) fn input(&self) -> &ffmpeg::format::context::Input {
        &self.input
    }

    /// Drops what the streams that `keep` does not name hold, before it is read; but in a
    /// broadcast, other pictures tell that ours is not all.
    pub(crate) fn keep_only(&mut self, keep: Vec<usize>) {
        let is_broadcast = crate::ffi::may_restart_clock(&self.input);
        for mut stream in self.input.streams_mut() {
            let is_watched = is_broadcast && stream.parameters().medium() == media::Type::Video;
            if !keep.contains(&stream.index()) && !is_watched {
                crate::ffi::discard(&mut stream);
            }
        }
        self.kept = keep;
    }

    /// Places that could not be read, and pictures of a film that goes on elsewhere.
    pub(crate) fn damaged(&self) -> u64 {
        let unused = self.most_unused_pictures;
        self.damaged
            + if unused < MIN_UNUSED_PICTURES {
                0
            } else {
                unused
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
