//! AAC-LC, once for all rungs, from a steady stream of samples.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{ChannelLayout, Rational, codec, encoder, format, frame};

use crate::error::Result;
use crate::media_error::{Doing, MediaError};

/// Samples in an AAC-LC packet; also libavcodec's encoder delay.
const AAC_FRAME_LEN: usize = 1024;

/// RFC 6381 name of what the encoder writes: MPEG-4 audio, object type 2 (LC).
pub(crate) const AAC_CODEC: &str = "mp4a.40.2";

/// Receives packets in order; timestamps in samples, the first at minus the encoder's delay.
pub(crate) type PacketOut<'a> = dyn FnMut(ffmpeg::Packet) -> Result<()> + 'a;

/// What the encoder is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioSettings {
    pub(crate) sample_rate_hz: u32,
    /// 1 or 2.
    pub(crate) channels: u16,
}

impl AudioSettings {
    /// 44.1 kHz stays, all else becomes 48; mono stays, all else becomes stereo.
    pub(crate) fn fit(sample_rate_hz: u32, channels: u16) -> Self {
        Self {
            sample_rate_hz: if sample_rate_hz == 44_100 {
                44_100
            } else {
                48_000
            },
            channels: channels.clamp(1, 2),
        }
    }

    fn bitrate_bps(self) -> usize {
        if self.channels == 1 { 64_000 } else { 128_000 }
    }

    fn layout(self) -> ChannelLayout {
        if self.channels == 1 {
            ChannelLayout::MONO
        } else {
            ChannelLayout::STEREO
        }
    }
}

pub(crate) struct AudioEncoder {
    encoder: encoder::audio::Encoder,
    settings: AudioSettings,
    /// Samples that do not fill a packet yet, one queue a channel.
    waiting: [Vec<f32>; 2],
    /// Samples sent to the encoder, per channel.
    sent: i64,
}

impl AudioEncoder {
    pub(crate) fn open(settings: AudioSettings) -> Result<Self> {
        let codec = encoder::find(codec::Id::AAC)
            .ok_or(ffmpeg::Error::EncoderNotFound)
            .doing("looking for libavcodec's AAC encoder")?;
        let mut audio = codec::Context::new_with_codec(codec)
            .encoder()
            .audio()
            .doing("preparing the audio encoder")?;
        audio.set_rate(settings.sample_rate_hz as i32);
        audio.set_channel_layout(settings.layout());
        audio.set_format(format::Sample::F32(format::sample::Type::Planar));
        audio.set_time_base(Rational(1, settings.sample_rate_hz as i32));
        audio.set_bit_rate(settings.bitrate_bps());
        audio.set_flags(codec::Flags::GLOBAL_HEADER);
        let encoder = audio.open_as(codec).doing("opening the audio encoder")?;
        Ok(Self {
            encoder,
            settings,
            waiting: Default::default(),
            sent: 0,
        })
    }

    /// Appends planar float samples of the settings' rate and layout.
    pub(crate) fn send(&mut self, samples: &frame::Audio, out: &mut PacketOut<'_>) -> Result<()> {
        for channel in 0..usize::from(self.settings.channels) {
            self.waiting[channel].extend_from_slice(samples.plane::<f32>(channel));
        }
        self.encode_full_packets(out)
    }

    /// Appends silence until `end` samples have been taken in all.
    pub(crate) fn pad_to(&mut self, end: i64, out: &mut PacketOut<'_>) -> Result<()> {
        while self.taken() < end {
            // In steps, so that hours of silence are never in memory at once.
            let step = (end - self.taken()).min(self.settings.sample_rate_hz.into()) as usize;
            for waiting in &mut self.waiting[..usize::from(self.settings.channels)] {
                waiting.resize(waiting.len() + step, 0.0);
            }
            self.encode_full_packets(out)?;
        }
        Ok(())
    }

    /// Samples per channel taken so far.
    pub(crate) fn taken(&self) -> i64 {
        self.sent + self.waiting[0].len() as i64
    }

    /// Encodes what is left.
    pub(crate) fn finish(&mut self, out: &mut PacketOut<'_>) -> Result<()> {
        let rest = self.waiting[0].len();
        if rest > 0 {
            self.encode(rest, out)?;
        }
        self.encoder.send_eof().doing("finishing the sound")?;
        self.drain(out)
    }

    fn encode_full_packets(&mut self, out: &mut PacketOut<'_>) -> Result<()> {
        while self.waiting[0].len() >= AAC_FRAME_LEN {
            self.encode(AAC_FRAME_LEN, out)?;
        }
        Ok(())
    }

    fn encode(&mut self, len: usize, out: &mut PacketOut<'_>) -> Result<()> {
        let sample = format::Sample::F32(format::sample::Type::Planar);
        let mut frame = frame::Audio::new(sample, len, self.settings.layout());
        frame.set_rate(self.settings.sample_rate_hz);
        frame.set_pts(Some(self.sent));
        for channel in 0..usize::from(self.settings.channels) {
            frame
                .plane_mut::<f32>(channel)
                .copy_from_slice(&self.waiting[channel][..len]);
            self.waiting[channel].drain(..len);
        }
        self.sent += len as i64;
        self.encoder.send_frame(&frame).doing("encoding sound")?;
        self.drain(out)
    }

    fn drain(&mut self, out: &mut PacketOut<'_>) -> Result<()> {
        while let Some(packet) = receive(&mut self.encoder)? {
            out(packet)?;
        }
        Ok(())
    }

    /// For the muxer: parameters and extradata.
    pub(crate) fn parameters(&self) -> codec::Parameters {
        codec::Parameters::from(&self.encoder)
    }
}

/// Takes the next packet out of an encoder; `None` if it needs input or is drained.
pub(super) fn receive(
    encoder: &mut encoder::Encoder,
) -> Result<Option<ffmpeg::Packet>, MediaError> {
    let mut packet = ffmpeg::Packet::empty();
    match encoder.receive_packet(&mut packet) {
        Ok(()) => Ok(Some(packet)),
        Err(
            ffmpeg::Error::Eof
            | ffmpeg::Error::Other {
                errno: ffmpeg::error::EAGAIN,
            },
        ) => Ok(None),
        Err(error) => Err(error).doing("receiving an encoded packet"),
    }
}
