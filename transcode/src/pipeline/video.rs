//! From packets to paced pictures that every rung can use.

use std::sync::Arc;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, Rescale, codec, frame};

use super::Queues;
use super::decode::Decoder;
use super::onlooker::Onlooker;
use super::plan::Plan;
use crate::error::{InputError, Result};
use crate::filter::{Chain, PictureFormat};
use crate::input::Demuxer;
use crate::media_error::Doing;
use crate::options::{Limits, Options};
use crate::orientation::Orientation;
use crate::probe::{Probe, in_time_base, picture_decoder};
use crate::time::{Clock, Pacer};

/// How far pictures may lag behind the sound in a badly interleaved file: ten minutes of waiting
/// sound are 10 MB a rung.
const MAX_LAG_S: f64 = 600.0;

/// A picture that is so much too late is missed where it belongs.
const MAX_STEP_BACK_S: f64 = 1.0;

pub(super) struct VideoPath {
    pub(super) decoder: Decoder,
    /// Built for the format of the last decoded picture.
    chain: Option<(PictureFormat, Chain)>,
    /// Of the first picture: width over height as shown.
    shape: Option<f64>,
    pacer: Pacer<Arc<frame::Video>>,
    clock: Clock,
    orientation: Orientation,
    has_alpha: bool,
    top_size: (u32, u32),
    threads: u32,
    limits: Limits,
    time_base: Rational,
    zero_s: f64,
    /// Timestamp of the last decoded picture, in the stream's time base.
    last_pts: Option<i64>,
    /// End of the last picture, in ticks.
    end: i64,
    onlooker: Onlooker,
}

impl VideoPath {
    pub(super) fn open(
        demuxer: &Demuxer,
        probe: &Probe,
        plan: &Plan,
        options: &Options,
    ) -> Result<Self> {
        let stream = demuxer
            .input()
            .stream(probe.video.index)
            .ok_or(InputError::NoVideo)?;
        let mut context = codec::Context::from_parameters(stream.parameters())
            .doing("preparing the video decoder")?;
        let threads = options.threads.max(1);
        context.set_threading(codec::threading::Config {
            kind: codec::threading::Type::Frame,
            count: threads,
            ..Default::default()
        });
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(stream.time_base());
        // The size in the container binds no one: the bitstream may change it at any picture.
        let mut open_options = ffmpeg::Dictionary::new();
        open_options.set("max_pixels", &options.limits.pixels.to_string());
        let opened = decoder
            .open_as_with(picture_decoder(&stream), open_options)
            .map_err(|error| {
                tracing::debug!(%error, "the video decoder cannot be opened");
                InputError::Undecodable
            })?;
        Ok(Self {
            decoder: Decoder::new(opened),
            chain: None,
            shape: None,
            pacer: Pacer::new(plan.clock, plan.grid.clone()),
            clock: plan.clock,
            orientation: probe.video.orientation,
            // Screen recorders leave the fourth byte of uncompressed pixels at zero.
            has_alpha: probe.video.codec != "rawvideo",
            top_size: plan.top_size(),
            threads: threads as u32,
            limits: options.limits.clone(),
            time_base: stream.time_base(),
            zero_s: probe.zero_s,
            last_pts: None,
            end: 0,
            onlooker: Onlooker::new(probe, plan, options),
        })
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// End of what has been decoded so far, in seconds from the start.
    pub(super) fn decoded_s(&self) -> f64 {
        self.clock.seconds(self.end)
    }

    pub(super) fn decode(&mut self, packet: &ffmpeg::Packet, queues: &Queues) -> Result<()> {
        self.decoder.send(packet);
        self.receive(queues)
    }

    /// Lets the last picture stand while the sound goes on without one, so that the sound need not
    /// wait for pictures that may never come.
    pub(super) fn keep_up(&mut self, sound_s: f64, queues: &Queues) -> Result<()> {
        let until = self.clock.ticks(sound_s - MAX_LAG_S);
        let held = self.pacer.hold(until);
        self.onlooker.see_shown(&held);
        queues.send_pictures(held)?;
        if until > 0 && self.last_pts.is_none() {
            // Decoders hold pictures back; a still picture to a long song may be among them.
            self.drain_decoder(queues)?;
            self.decoder.flush();
        }
        match self.last_pts {
            None if until > 0 => Err(InputError::Undecodable.into()),
            _ => Ok(()),
        }
    }

    fn drain_decoder(&mut self, queues: &Queues) -> Result<()> {
        self.decoder.send_eof();
        self.receive(queues)
    }

    /// Takes what the decoder and the filters still hold; fails if not one picture came out.
    pub(super) fn drain(&mut self, queues: &Queues) -> Result<()> {
        self.drain_decoder(queues)?;
        self.end_chain(queues)?;
        match self.last_pts {
            Some(_) => Ok(()),
            None => Err(InputError::Undecodable.into()),
        }
    }

    /// Sends the last pictures, shown until `end` ticks if that is later than their own end;
    /// gives the exact end, and what has looked at all pictures.
    pub(super) fn finish(mut self, end: i64, queues: &Queues) -> Result<(i64, Onlooker)> {
        let (pictures, end) = self.pacer.finish(end.max(self.end));
        self.onlooker.see_shown(&pictures);
        queues.send_pictures(pictures)?;
        Ok((end, self.onlooker))
    }

    fn receive(&mut self, queues: &Queues) -> Result<()> {
        let mut frame = frame::Video::empty();
        while self.decoder.receive(&mut frame) {
            self.filter(&mut frame, queues)?;
        }
        Ok(())
    }

    fn filter(&mut self, frame: &mut frame::Video, queues: &Queues) -> Result<()> {
        let nominal = self
            .clock
            .nominal_ticks()
            .rescale(self.tick(), self.time_base);
        let seconds = |pts: i64| pts as f64 * f64::from(self.time_base) - self.zero_s;
        let stated = frame.timestamp();
        let sane = stated.filter(|pts| !self.limits.is_wild(seconds(*pts)));
        let pts = sane
            .or_else(|| Some(self.last_pts?.saturating_add(nominal)))
            .unwrap_or_else(|| in_time_base(self.zero_s, self.time_base));
        if sane != stated || seconds(pts) < self.decoded_s() - MAX_STEP_BACK_S {
            self.decoder.tolerate(&"a picture's time stamp is damaged");
        }
        self.last_pts = Some(pts);
        frame.set_pts(Some(pts));
        let duration = match frame.packet().duration {
            known if known > 0 => known,
            _ => nominal,
        };
        let at = self.ticks(pts, self.time_base);
        let end = at.saturating_add(duration.rescale(self.time_base, self.tick()));
        self.limits.check_duration(self.clock.seconds(end))?;
        self.end = self.end.max(end);
        self.onlooker.see_decoded(frame, at);

        let mut format = PictureFormat::of(frame, self.has_alpha);
        if let Some((built_for, _)) = &self.chain {
            format.stay_interlaced(built_for);
        }
        if self
            .chain
            .as_ref()
            .is_none_or(|(built_for, _)| *built_for != format)
        {
            self.end_chain(queues)?;
            // The output keeps the size that the first picture called for.
            let shape = *self.shape.get_or_insert(format.shape());
            let chain = format.chain_to(
                self.top_size,
                format.shape() / shape,
                self.orientation,
                self.time_base,
                self.threads,
            )?;
            self.chain = Some((format, chain));
        }
        if let Some((_, chain)) = &mut self.chain {
            self.decoder.spent.on(|| chain.push(frame))?;
        }
        self.pace(queues)
    }

    fn end_chain(&mut self, queues: &Queues) -> Result<()> {
        if let Some((_, chain)) = &mut self.chain {
            chain.flush()?;
            self.pace(queues)?;
            self.chain = None;
        }
        Ok(())
    }

    /// Moves filtered pictures on to the rungs.
    fn pace(&mut self, queues: &Queues) -> Result<()> {
        loop {
            let Some((_, chain)) = &mut self.chain else {
                return Ok(());
            };
            let mut filtered = frame::Video::empty();
            if !self.decoder.spent.on(|| chain.pull(&mut filtered))? {
                return Ok(());
            }
            let time_base = chain.time_base()?;
            let at = self.ticks(filtered.pts().unwrap_or(0), time_base);
            let shown = self.pacer.push(Arc::new(filtered), at);
            self.onlooker.see_shown(&shown);
            queues.send_pictures(shown)?;
        }
    }

    /// A timestamp in ticks from the common zero.
    fn ticks(&self, pts: i64, time_base: Rational) -> i64 {
        pts.saturating_sub(in_time_base(self.zero_s, time_base))
            .rescale(time_base, self.tick())
    }

    fn tick(&self) -> Rational {
        Rational(1, self.clock.timescale as i32)
    }
}
