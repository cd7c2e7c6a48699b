//! A decoder that takes damage as it comes, and whose time is counted.

use std::fmt;
use std::time::{Duration, Instant};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::decoder::Opened;

use crate::error::{InputError, Result};
use crate::input::{MAX_ALLOCATION_LEN, OUT_OF_MEMORY};

/// Wall time spent on a file's content, without waiting for source or sink.
#[derive(Debug, Default)]
pub(super) struct Spent(Duration);

impl Spent {
    pub(super) fn on<T>(&mut self, act: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = act();
        self.0 += start.elapsed();
        result
    }

    pub(super) fn seconds(&self) -> f64 {
        self.0.as_secs_f64()
    }
}

pub(super) struct Decoder {
    opened: Opened,
    damaged: u64,
    /// The process had no more memory for it.
    starved: bool,
    pub(super) spent: Spent,
}

impl Decoder {
    pub(super) fn new(opened: Opened) -> Self {
        Self {
            opened,
            damaged: 0,
            starved: false,
            spent: Spent::default(),
        }
    }

    pub(super) fn send(&mut self, packet: &ffmpeg::Packet) {
        if let Err(error) = self.spent.on(|| self.opened.send_packet(packet)) {
            self.note(error);
        }
    }

    /// A decoder that refuses to end has nothing left either.
    pub(super) fn send_eof(&mut self) {
        let _ = self.opened.send_eof();
    }

    /// Makes it take packets again after its end.
    pub(super) fn flush(&mut self) {
        self.opened.flush();
    }

    /// Moves the next decoded frame into `frame`; false if another packet is needed, or all is out.
    pub(super) fn receive(&mut self, frame: &mut ffmpeg::Frame) -> bool {
        match self.spent.on(|| self.opened.receive_frame(frame)) {
            Ok(()) => {
                // Mended as well as the decoder could, but seen.
                if frame.is_corrupt() || frame.has_decode_errors() {
                    self.tolerate(&"a frame has errors");
                }
                true
            }
            Err(
                ffmpeg::Error::Eof
                | ffmpeg::Error::Other {
                    errno: ffmpeg::error::EAGAIN,
                },
            ) => false,
            Err(error) => {
                self.note(error);
                false
            }
        }
    }

    /// What memory ran out for is not damaged. But a damaged part can ask for more than libav is ever given:
    /// then there is enough for others.
    fn note(&mut self, error: ffmpeg::Error) {
        let room = || Vec::<u8>::new().try_reserve_exact(MAX_ALLOCATION_LEN);
        self.starved |= error == OUT_OF_MEMORY && room().is_err();
        self.tolerate(&error);
    }

    /// Fails if something is missing only because memory ran out.
    pub(super) fn check_memory(&self) -> Result<()> {
        match self.starved {
            true => Err(InputError::TooMuchMemory.into()),
            false => Ok(()),
        }
    }

    /// Counts a place that is damaged.
    pub(super) fn tolerate(&mut self, cause: &dyn fmt::Display) {
        tracing::debug!(%cause, "a part could not be decoded");
        self.damaged += 1;
    }

    /// Places that could not be decoded so far.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }
}
