//! From packets of any codec to AAC packets for every rung: one encode for all.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, codec, frame};

use super::decode::Decoder;
use super::{Queues, amr};
use crate::encode::{AudioEncoder, AudioSettings};
use crate::error::Result;
use crate::filter::{Chain, SoundFormat};
use crate::input::Demuxer;
use crate::media_error::Doing;
use crate::options::Limits;
use crate::probe::{Probe, in_time_base};

/// A hole in the timestamps of at least this long is filled with silence by us, in steps;
/// libswresample would make all of it at once.
const HOLE_S: f64 = 1.0;

/// How far sound may lag behind the pictures in a badly interleaved file: a minute of waiting
/// video is 80 MB in all rungs together.
const MAX_LAG_S: f64 = 60.0;

pub(super) struct AudioPath {
    pub(super) decoder: Decoder,
    codec: codec::Id,
    /// Built for the format of the last decoded sound.
    chain: Option<(SoundFormat, Chain)>,
    encoder: AudioEncoder,
    settings: AudioSettings,
    time_base: Rational,
    zero: i64,
    limits: Limits,
    heard_any: bool,
}

impl AudioPath {
    /// `None` without an audio stream that can be decoded.
    pub(super) fn open(
        demuxer: &Demuxer,
        probe: &Probe,
        settings: Option<AudioSettings>,
        limits: &Limits,
    ) -> Result<Option<Self>> {
        let (Some(audio), Some(settings)) = (&probe.audio, settings) else {
            return Ok(None);
        };
        let Some(stream) = demuxer.input().stream(audio.index) else {
            return Ok(None);
        };
        let mut decoder = codec::Context::from_parameters(stream.parameters())
            .doing("preparing the audio decoder")?
            .decoder();
        decoder.set_packet_time_base(stream.time_base());
        let codec = stream.parameters().id();
        let opened = match decoder.open_as(ffmpeg::decoder::find(codec)) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(%error, "the sound cannot be decoded");
                return Ok(None);
            }
        };
        Ok(Some(Self {
            decoder: Decoder::new(opened),
            codec,
            chain: None,
            encoder: AudioEncoder::open(settings)?,
            settings,
            time_base: stream.time_base(),
            zero: in_time_base(probe.zero_s, stream.time_base()),
            limits: limits.clone(),
            heard_any: false,
        }))
    }

    /// For the muxers.
    pub(super) fn parameters(&self) -> codec::Parameters {
        self.encoder.parameters()
    }

    /// Whether nothing at all could be decoded.
    pub(super) fn is_silent(&self) -> bool {
        !self.heard_any
    }

    pub(super) fn decode(&mut self, packet: &ffmpeg::Packet, queues: &Queues) -> Result<()> {
        let split = amr::split(self.codec, packet, self.time_base);
        for packet in split.as_deref().unwrap_or(std::slice::from_ref(packet)) {
            self.decoder.send(packet);
            self.receive(queues)?;
        }
        Ok(())
    }

    /// Takes what decoder and resampler still hold; gives the sound's end in seconds.
    pub(super) fn drain(&mut self, queues: &Queues) -> Result<f64> {
        self.decoder.send_eof();
        self.receive(queues)?;
        self.end_chain(queues)?;
        Ok(self.taken_s())
    }

    /// Time up to which there is sound, in seconds.
    pub(super) fn taken_s(&self) -> f64 {
        self.encoder.taken() as f64 / f64::from(self.settings.sample_rate_hz)
    }

    /// Fills in silence where pictures have gone on without sound, so that they need not wait for
    /// sound that may never come.
    pub(super) fn keep_up(&mut self, picture_s: f64, queues: &Queues) -> Result<()> {
        let least_s = picture_s - MAX_LAG_S;
        if self.taken_s() < least_s {
            let rate = f64::from(self.settings.sample_rate_hz);
            self.pad_to((least_s * rate) as i64, queues)?;
        }
        Ok(())
    }

    /// Silence up to a sample; what comes later continues from there.
    fn pad_to(&mut self, end: i64, queues: &Queues) -> Result<()> {
        self.end_chain(queues)?;
        self.encoder
            .pad_to(end, &mut |packet| queues.send_sound(packet))
    }

    /// Silence up to the pictures' end, then the last packets.
    pub(super) fn finish(mut self, end_s: f64, queues: &Queues) -> Result<()> {
        let end = (end_s * f64::from(self.settings.sample_rate_hz)).round() as i64;
        // At least one packet: a track without any has no place in time.
        self.pad_to(end.max(1), queues)?;
        self.encoder.finish(&mut |packet| queues.send_sound(packet))
    }

    fn receive(&mut self, queues: &Queues) -> Result<()> {
        let mut frame = frame::Audio::empty();
        while self.decoder.receive(&mut frame) {
            self.resample(&mut frame, queues)?;
        }
        Ok(())
    }

    fn resample(&mut self, frame: &mut frame::Audio, queues: &Queues) -> Result<()> {
        if frame.samples() == 0 || frame.rate() == 0 {
            return Ok(());
        }
        let pts = frame.timestamp().map(|pts| pts.saturating_sub(self.zero));
        let at_s = |pts: i64| pts as f64 * f64::from(self.time_base);
        // A time stamp beyond reason is damage, and the sound goes on without it.
        let sane = pts.filter(|pts| !self.limits.is_wild(at_s(*pts)));
        if sane != pts {
            self.decoder
                .tolerate(&"a time stamp of the sound is damaged");
        }
        if sane.is_some_and(|pts| at_s(pts) < self.taken_s() - HOLE_S) {
            // Its place is taken, by the silence that pictures did not wait for.
            self.decoder.tolerate(&"sound comes too late");
            return Ok(());
        }
        frame.set_pts(sane);
        let rate = f64::from(self.settings.sample_rate_hz);
        if let Some(at_s) = sane.map(at_s)
            && at_s - self.taken_s() > HOLE_S
        {
            self.pad_to((at_s * rate) as i64, queues)?;
        }
        self.limits.check_duration(self.taken_s())?;
        let format = SoundFormat::of(frame);
        if self
            .chain
            .as_ref()
            .is_none_or(|(built_for, _)| *built_for != format)
        {
            self.end_chain(queues)?;
            let AudioSettings {
                sample_rate_hz,
                channels,
            } = self.settings;
            let first = self.encoder.taken();
            match format.chain_to(sample_rate_hz, channels, first, self.time_base) {
                Ok(chain) => self.chain = Some((format, chain)),
                // Sound of a kind that cannot be mixed down costs the sound, not the video.
                Err(error) => self.decoder.tolerate(&error),
            }
        }
        if let Some((_, chain)) = &mut self.chain {
            chain.push(frame)?;
            self.heard_any = true;
        }
        self.encode(queues)
    }

    fn end_chain(&mut self, queues: &Queues) -> Result<()> {
        if let Some((_, chain)) = &mut self.chain {
            chain.flush()?;
            self.encode(queues)?;
            self.chain = None;
        }
        Ok(())
    }

    fn encode(&mut self, queues: &Queues) -> Result<()> {
        let mut frame = frame::Audio::empty();
        while let Some((_, chain)) = &mut self.chain
            && chain.pull(&mut frame)?
        {
            self.encoder
                .send(&frame, &mut |packet| queues.send_sound(packet))?;
        }
        Ok(())
    }
}
