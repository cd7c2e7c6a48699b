//! x264 through libavcodec, IDR frames exactly where the pacer says.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, codec, color, encoder, format, frame, picture};

use crate::ladder::Target;
use crate::media_error::{Doing, MediaError};
use crate::time::{Cadence, Clock, FrameRate, MAX_FPS};

/// What one rung's encoder is opened with.
#[derive(Debug, Clone)]
pub(crate) struct VideoSettings {
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    pub(crate) cadence: Cadence,
    pub(crate) peak_frame_rate: FrameRate,
    pub(crate) preset: String,
    pub(crate) peak_bitrate_bps: u64,
    pub(crate) threads: usize,
}

pub(crate) struct VideoEncoder {
    encoder: encoder::Video,
}

impl VideoEncoder {
    pub(crate) fn open(settings: &VideoSettings) -> Result<Self, MediaError> {
        let codec = encoder::find_by_name("libx264")
            .ok_or(ffmpeg::Error::EncoderNotFound)
            .doing("looking for libavcodec's libx264")?;
        let mut video = codec::Context::new_with_codec(codec)
            .encoder()
            .video()
            .doing("preparing the video encoder")?;
        let rate = settings.peak_frame_rate;
        video.set_width(settings.target.width_px);
        video.set_height(settings.target.height_px);
        video.set_format(format::Pixel::YUV420P);
        video.set_aspect_ratio(Rational(1, 1));
        video.set_time_base(Rational(1, settings.clock.timescale as i32));
        // The level has to allow for the busiest stretch. Unset, x264 takes the time base for the
        // frame rate and writes the highest.
        video.set_frame_rate(Some(match rate.as_f64() > f64::from(MAX_FPS) {
            true => Rational(MAX_FPS as i32, 1),
            false => Rational(rate.num as i32, rate.den as i32),
        }));
        video.set_colorspace(color::Space::BT709);
        video.set_color_range(color::Range::MPEG);
        video.set_color_primaries(color::Primaries::BT709);
        video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        video.set_flags(codec::Flags::GLOBAL_HEADER);

        let mut options = ffmpeg::Dictionary::new();
        options.set("preset", &settings.preset);
        options.set("profile", "high");
        options.set("crf", &settings.target.rung.crf.to_string());
        options.set("maxrate", &settings.peak_bitrate_bps.to_string());
        options.set("bufsize", &(2 * settings.peak_bitrate_bps).to_string());
        options.set("threads", &settings.threads.to_string());
        options.set("forced-idr", "1");
        options.set("x264-params", "keyint=infinite:scenecut=0:open-gop=0");
        if matches!(settings.cadence, Cadence::Irregular(_)) {
            options.set("bf", "0");
        }
        let encoder = video
            .open_with(options)
            .doing("opening the video encoder")?;
        Ok(Self { encoder })
    }

    /// Encodes a picture of the settings' size; `pts` in the clock's ticks.
    pub(crate) fn send(
        &mut self,
        frame: &mut frame::Video,
        pts: i64,
        idr: bool,
    ) -> Result<(), MediaError> {
        frame.set_pts(Some(pts));
        // The source's own picture types come along through decoder and filters.
        frame.set_kind(if idr {
            picture::Type::I
        } else {
            picture::Type::None
        });
        self.encoder.send_frame(frame).doing("encoding a picture")
    }

    pub(crate) fn finish(&mut self) -> Result<(), MediaError> {
        self.encoder.send_eof().doing("finishing the video")
    }

    /// The next packet in decode order, in the clock's ticks, without a duration; `None` if
    /// more pictures are needed or all is out.
    pub(crate) fn receive(&mut self) -> Result<Option<ffmpeg::Packet>, MediaError> {
        super::audio::receive(&mut self.encoder)
    }

    /// For the muxer: parameters and extradata.
    pub(crate) fn parameters(&self) -> codec::Parameters {
        codec::Parameters::from(&self.encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Ladder;

    /// What the encoder takes the frame rate for.
    fn frame_rate(num: u32, den: u32) -> f64 {
        let peak_frame_rate = FrameRate { num, den };
        let cadence = Cadence::Irregular(peak_frame_rate);
        let encoder = VideoEncoder::open(&VideoSettings {
            target: Ladder::default().fit(320, 240)[0],
            clock: Clock::new(cadence, 1, 90_000),
            cadence,
            peak_frame_rate,
            preset: "ultrafast".into(),
            peak_bitrate_bps: 800_000,
            threads: 1,
        });
        encoder.unwrap().encoder.frame_rate().into()
    }

    #[test]
    fn any_frame_rate_a_file_can_claim_is_understood() {
        assert!((frame_rate(1_350_000_000, 90_000_317) - 15.0).abs() < 0.01);
        assert!((frame_rate(i32::MAX as u32, 1) - 60.0).abs() < 0.01);
        assert!(frame_rate(1, i32::MAX as u32) < 1.0);
    }
}
