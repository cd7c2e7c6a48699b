//! One rung's thread: scale, encode, mux, deliver.

use std::collections::VecDeque;

use crossbeam_channel::Receiver;
use ffmpeg_next::{codec, frame};

use super::Item;
use super::file::File;
use super::plan::Plan;
use crate::encode::{VideoEncoder, VideoSettings};
use crate::error::{Error, Result};
use crate::filter::Scaler;
use crate::mux::{Fragment, Fragmenter, Muxer};
use crate::report::{Rendition, mean_bandwidth_bps, peak_bandwidth_bps};
use crate::sink::{RenditionPlan, Sink};
use crate::time::{Clock, MAX_FPS, Paced};

pub(super) struct Rung {
    settings: VideoSettings,
    source_size: (u32, u32),
    audio: Option<(codec::Parameters, u32)>,
    expected_fragments: usize,
}

impl Rung {
    pub(super) fn new(
        settings: VideoSettings,
        plan: &Plan,
        audio: Option<codec::Parameters>,
    ) -> Self {
        Self {
            settings,
            source_size: plan.top_size(),
            audio: audio.zip(plan.audio.map(|audio| audio.sample_rate_hz)),
            expected_fragments: plan.expected_fragments,
        }
    }

    /// Works until the queue's last item.
    pub(super) fn run(self, items: &Receiver<Item>, sink: &dyn Sink) -> Result<Rendition> {
        let mut work = Work::start(self, sink)?;
        for item in items {
            match item {
                Item::Picture(picture) => work.picture(picture)?,
                Item::Sound(packet) => work.fragmenter.push_audio(packet),
                Item::End(end) => return work.finish(end),
            }
            work.deliver()?;
        }
        Err(Error::Cancelled)
    }
}

struct Work {
    settings: VideoSettings,
    scaler: Option<Scaler>,
    encoder: VideoEncoder,
    muxer: Muxer,
    fragmenter: Fragmenter,
    file: File,
    /// Of the fragments still in the encoder: whether they start a segment.
    segment_starts: VecDeque<bool>,
    /// Of the busiest fragment.
    peak_frame_rate: f64,
}

impl Work {
    fn start(rung: Rung, sink: &dyn Sink) -> Result<Self> {
        let Rung {
            settings,
            source_size,
            audio,
            expected_fragments,
        } = rung;
        let target = settings.target;
        let size = (target.width_px, target.height_px);
        let timescale = settings.clock.timescale;
        let scaler = (size != source_size).then(|| Scaler::new(source_size, size));
        let encoder = VideoEncoder::open(&settings)?;
        let sample_rate_hz = audio.as_ref().map(|(_, rate)| *rate);
        let muxer = Muxer::open(encoder.parameters(), timescale, audio)?;
        let plan = RenditionPlan {
            name: target.name(),
            width_px: target.width_px,
            height_px: target.height_px,
        };
        let sink = sink.rendition(&plan).map_err(Error::Sink)?;
        Ok(Self {
            scaler: scaler.transpose()?,
            encoder,
            muxer,
            fragmenter: Fragmenter::new(timescale, sample_rate_hz),
            file: File::new(sink, timescale, sample_rate_hz, expected_fragments),
            segment_starts: VecDeque::new(),
            peak_frame_rate: 0.0,
            settings,
        })
    }

    fn picture(&mut self, picture: Paced<frame::Video>) -> Result<()> {
        let Paced {
            mut frame,
            pts,
            starts_fragment,
            starts_segment,
        } = picture;
        if let Some(scaler) = &mut self.scaler {
            scaler.scale(&mut frame)?;
        }
        if starts_fragment {
            self.segment_starts.push_back(starts_segment);
        }
        self.encoder.send(&mut frame, pts, starts_fragment)?;
        self.receive()
    }

    fn receive(&mut self) -> Result<()> {
        while let Some(packet) = self.encoder.receive()? {
            self.fragmenter.push_video(packet);
        }
        Ok(())
    }

    /// Muxes and hands on every fragment that is complete.
    fn deliver(&mut self) -> Result<()> {
        while let Some(mut fragment) = self.fragmenter.pop() {
            let frame_rate = frame_rate(&fragment, self.settings.clock);
            self.peak_frame_rate = self.peak_frame_rate.max(frame_rate);
            let bytes = self.muxer.write(&mut fragment)?;
            let starts_segment = self.segment_starts.pop_front().unwrap_or(false);
            self.file
                .append(self.muxer.init(), &fragment, starts_segment, bytes)?;
        }
        Ok(())
    }

    fn finish(mut self, end: i64) -> Result<Rendition> {
        self.encoder.finish()?;
        self.receive()?;
        self.fragmenter.finish(end);
        self.deliver()?;
        let target = self.settings.target;
        let file = self.file.finish(self.muxer.init())?;
        let frame_rate = match self.settings.clock.frame_ticks {
            Some(ticks) => 1.0 / self.settings.clock.seconds(ticks),
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
            copied: false,
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
