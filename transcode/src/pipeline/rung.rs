//! One rung's thread: scale and encode, or take what is copied; mux, deliver.

use std::collections::VecDeque;

use crossbeam_channel::Receiver;
use ffmpeg_next::{codec, frame};

use super::Item;
use super::copy::{Copied, CopiedPacket};
use super::file::File;
use super::plan::Plan;
use crate::control::CancelToken;
use crate::encode::{VideoEncoder, VideoSettings};
use crate::error::{Error, Result};
use crate::filter::Scaler;
use crate::ladder::Target;
use crate::mux::{Fragment, Fragmenter, Muxer};
use crate::report::{Rendition, mean_bandwidth_bps, peak_bandwidth_bps};
use crate::sink::{RenditionPlan, Sink};
use crate::time::{Clock, MAX_FPS, Paced};

/// How a rung comes by its pictures.
pub(super) enum Making {
    Encoded(VideoSettings),
    Copied(Copied),
}

pub(super) struct Rung {
    making: Making,
    source_size: (u32, u32),
    clock: Clock,
    audio: Option<(codec::Parameters, u32)>,
    expected_fragments: usize,
}

impl Rung {
    pub(super) fn new(making: Making, plan: &Plan, audio: Option<codec::Parameters>) -> Self {
        Self {
            making,
            source_size: plan.top_size(),
            clock: plan.clock,
            audio: audio.zip(plan.audio.map(|audio| audio.sample_rate_hz)),
            expected_fragments: plan.expected_fragments,
        }
    }

    /// Works until the queue's last item.
    pub(super) fn run(
        self,
        items: &Receiver<Item>,
        sink: &dyn Sink,
        cancel: &CancelToken,
    ) -> Result<Rendition> {
        let mut work = Work::start(self, sink, cancel)?;
        for item in items {
            match item {
                Item::Picture(picture) => work.picture(picture)?,
                Item::Copy(passed) => work.copy(passed),
                Item::Sound(packet) => work.fragmenter.push_audio(packet),
                Item::End(end) => return work.finish(end),
            }
            work.deliver()?;
        }
        Err(Error::Cancelled)
    }
}

struct Work<'a> {
    cancel: &'a CancelToken,
    target: Target,
    clock: Clock,
    /// None where the rung is copied.
    encoding: Option<Encoding>,
    muxer: Muxer,
    fragmenter: Fragmenter,
    file: File,
    /// Of the fragments still in the encoder: whether they start a segment.
    segment_starts: VecDeque<bool>,
    /// Of the busiest fragment.
    peak_frame_rate: f64,
}

struct Encoding {
    scaler: Option<Scaler>,
    encoder: VideoEncoder,
}

impl<'a> Work<'a> {
    fn start(rung: Rung, sink: &dyn Sink, cancel: &'a CancelToken) -> Result<Self> {
        let Rung {
            making,
            source_size,
            clock,
            audio,
            expected_fragments,
        } = rung;
        let (target, encoding, parameters) = match making {
            Making::Encoded(settings) => {
                let target = settings.target;
                let size = (target.width_px, target.height_px);
                let scaler = (size != source_size).then(|| Scaler::new(source_size, size));
                let encoding = Encoding {
                    encoder: VideoEncoder::open(&settings)?,
                    scaler: scaler.transpose()?,
                };
                let parameters = encoding.encoder.parameters();
                (target, Some(encoding), parameters)
            }
            Making::Copied(copied) => (copied.target, None, copied.parameters),
        };
        let sample_rate_hz = audio.as_ref().map(|(_, rate)| *rate);
        let muxer = Muxer::open(parameters, clock.timescale, audio)?;
        let plan = RenditionPlan {
            name: target.name(),
            width_px: target.width_px,
            height_px: target.height_px,
        };
        let sink = sink.rendition(&plan).map_err(Error::Sink)?;
        Ok(Self {
            cancel,
            target,
            clock,
            encoding,
            muxer,
            fragmenter: Fragmenter::new(clock.timescale, sample_rate_hz),
            file: File::new(sink, clock.timescale, sample_rate_hz, expected_fragments),
            segment_starts: VecDeque::new(),
            peak_frame_rate: 0.0,
        })
    }

    fn picture(&mut self, picture: Paced<frame::Video>) -> Result<()> {
        let Paced {
            mut frame,
            pts,
            starts_fragment,
            starts_segment,
        } = picture;
        let Some(Encoding { scaler, encoder }) = &mut self.encoding else {
            return Ok(());
        };
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if let Some(scaler) = scaler {
            scaler.scale(&mut frame)?;
        }
        if starts_fragment {
            self.segment_starts.push_back(starts_segment);
        }
        encoder.send(&mut frame, pts, starts_fragment)?;
        self.receive()
    }

    fn receive(&mut self) -> Result<()> {
        if let Some(Encoding { encoder, .. }) = &mut self.encoding {
            while let Some(packet) = encoder.receive()? {
                // At the end a slow preset has seconds of pictures left to encode.
                if self.cancel.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let starts_fragment = packet.is_key();
                self.fragmenter.push_video(packet, starts_fragment);
            }
        }
        Ok(())
    }

    fn copy(&mut self, passed: CopiedPacket) {
        if passed.starts_fragment {
            self.segment_starts.push_back(passed.starts_segment);
        }
        self.fragmenter
            .push_video(passed.packet, passed.starts_fragment);
    }

    /// Muxes and hands on every fragment that is complete.
    fn deliver(&mut self) -> Result<()> {
        while let Some(mut fragment) = self.fragmenter.pop() {
            let frame_rate = frame_rate(&fragment, self.clock);
            self.peak_frame_rate = self.peak_frame_rate.max(frame_rate);
            let bytes = self.muxer.write(&mut fragment)?;
            let starts_segment = self.segment_starts.pop_front().unwrap_or(false);
            self.file
                .append(self.muxer.init(), &fragment, starts_segment, bytes)?;
        }
        Ok(())
    }

    fn finish(mut self, end: i64) -> Result<Rendition> {
        if let Some(Encoding { encoder, .. }) = &mut self.encoding {
            encoder.finish()?;
        }
        self.receive()?;
        self.fragmenter.finish(end);
        self.deliver()?;
        let target = self.target;
        let file = self.file.finish(self.muxer.init())?;
        let frame_rate = match self.clock.frame_ticks {
            Some(ticks) => 1.0 / self.clock.seconds(ticks),
            None => self.peak_frame_rate.min(f64::from(MAX_FPS)),
        };
        Ok(Rendition {
            name: target.name(),
            width_px: target.width_px,
            height_px: target.height_px,
            codecs: file.codecs,
            bandwidth_bps: peak_bandwidth_bps(&file.segments),
            average_bandwidth_bps: mean_bandwidth_bps(&file.segments),
            frame_rate,
            copied: self.encoding.is_none(),
            len_bytes: file.len_bytes,
            init_len_bytes: self.muxer.init().len() as u64,
            segments: file.segments,
            keyframes: file.keyframes,
        })
    }
}

/// Pictures a second from a fragment's first to its last, which may stand for longer.
fn frame_rate(fragment: &Fragment, clock: Clock) -> f64 {
    let last_duration = fragment.video.last().map_or(0, |packet| packet.duration());
    let (pictures, ticks) = match fragment.video.len() {
        0 | 1 => (1, fragment.duration),
        len => (len - 1, fragment.duration - last_duration),
    };
    pictures as f64 / clock.seconds(ticks.max(1))
}
