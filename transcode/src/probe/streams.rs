//! Which streams are used, and what each of them is.

use std::ops::RangeInclusive;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::{Rational, codec, media};

use super::{AudioStream, VideoStream, in_time_base};
use crate::error::{InputError, Result};
use crate::media_error::Doing;
use crate::options::Limits;
use crate::orientation::Orientation;
use crate::time::{Cadence, FrameRate};

/// The default stream before others, then the one with the most pixels; cover art is no video.
pub(super) fn pick_video(input: &ffmpeg::format::context::Input) -> Option<Stream<'_>> {
    input
        .streams()
        .filter(|s| s.parameters().medium() == media::Type::Video)
        .filter(|s| !s.disposition().contains(Disposition::ATTACHED_PIC))
        .max_by_key(|s| {
            let pixels = decoder(s).map_or(0, |d| u64::from(d.width()) * u64::from(d.height()));
            let first = std::cmp::Reverse(s.index());
            (
                pixels > 0,
                s.disposition().contains(Disposition::DEFAULT),
                pixels,
                first,
            )
        })
}

/// Of the tracks that can be decoded: libav's choice (related to the picture, then default, then
/// most channels), or else the default one.
pub(super) fn pick_audio<'a>(
    input: &'a ffmpeg::format::context::Input,
    video: &Stream<'_>,
) -> Option<Stream<'a>> {
    let is_usable = |stream: &Stream<'_>| describe_audio(stream).is_some();
    let best = input.streams().related(video).best(media::Type::Audio);
    best.filter(is_usable).or_else(|| {
        let usable = audio_streams(input).filter(is_usable);
        usable.max_by_key(|stream| {
            let first = std::cmp::Reverse(stream.index());
            (stream.disposition().contains(Disposition::DEFAULT), first)
        })
    })
}

pub(super) fn audio_streams(
    input: &ffmpeg::format::context::Input,
) -> impl Iterator<Item = Stream<'_>> {
    input
        .streams()
        .filter(|s| s.parameters().medium() == media::Type::Audio)
}

fn decoder(stream: &Stream<'_>) -> Option<codec::decoder::Video> {
    codec::Context::from_parameters(stream.parameters())
        .ok()?
        .decoder()
        .video()
        .ok()
}

/// libavcodec's decoder for a video stream. Its own ones for VP8 and VP9 know nothing of alpha,
/// which WebM keeps beside the picture: libvpx decodes both.
pub(crate) fn picture_decoder(stream: &Stream<'_>) -> Option<ffmpeg::Codec> {
    let with_alpha = match stream.parameters().id() {
        codec::Id::VP8 => "libvpx",
        codec::Id::VP9 => "libvpx-vp9",
        _ => "",
    };
    let has_alpha = stream.metadata().get("alpha_mode") == Some("1");
    let special = has_alpha.then(|| codec::decoder::find_by_name(with_alpha));
    special
        .flatten()
        .or_else(|| codec::decoder::find(stream.parameters().id()))
}

pub(super) fn describe_video(
    input: &ffmpeg::format::context::Input,
    stream: &Stream<'_>,
    limits: &Limits,
) -> Result<VideoStream> {
    let id = stream.parameters().id();
    let codec = id.name().to_owned();
    if picture_decoder(stream).is_none() {
        return Err(InputError::UnsupportedCodec { codec }.into());
    }
    let parameters = codec::Context::from_parameters(stream.parameters())
        .and_then(|context| context.decoder().video())
        .doing("reading the video's parameters")?;
    check_dolby_vision(stream)?;
    let (width, height) = (parameters.width(), parameters.height());
    if width == 0 || height == 0 {
        return Err(InputError::Undecodable.into());
    }
    let pixels = u64::from(width) * u64::from(height);
    limits.check("its number of pixels a picture", pixels, limits.pixels)?;

    let matrix = stream
        .side_data()
        .find(|d| d.kind() == codec::packet::side_data::Type::DisplayMatrix);
    let orientation = matrix.map_or(Orientation::Upright, |d| {
        Orientation::from_display_matrix(d.data())
    });
    let (square_width, square_height) =
        square_pixels(width, height, crate::ffi::pixel_aspect(input, stream));
    let (width_px, height_px) = if orientation.swaps_sides() {
        (square_height, square_width)
    } else {
        (square_width, square_height)
    };
    let (cadence, peak_frame_rate) = cadence(stream);
    Ok(VideoStream {
        codec,
        coded_width_px: width,
        coded_height_px: height,
        width_px,
        height_px,
        orientation,
        cadence,
        peak_frame_rate,
        bitrate_bps: u64::try_from(stream.parameters().bit_rate())
            .ok()
            .filter(|bps| *bps > 0),
        index: stream.index(),
        time_base: stream.time_base(),
    })
}

/// Refuses what has no picture for other screens. The record is eight bytes in libav's memory:
/// version (2), profile, level, three flags, compatibility of the base layer (0: none).
fn check_dolby_vision(stream: &Stream<'_>) -> Result<(), InputError> {
    let record = stream
        .side_data()
        .find(|data| data.kind() == codec::packet::side_data::Type::DOVI_CONF);
    match record.as_ref().map(|record| record.data()) {
        Some(&[_, _, profile @ (5 | 10), _, _, _, _, 0, ..]) => {
            Err(InputError::DolbyVisionOnly { profile })
        }
        _ => Ok(()),
    }
}

/// The size in square pixels: the side that the aspect ratio stretches grows, so that nothing is
/// lost. Absurd ratios are ignored.
fn square_pixels(width: u32, height: u32, aspect: Rational) -> (u32, u32) {
    let ratio = f64::from(aspect.numerator()) / f64::from(aspect.denominator());
    if !(0.1..=10.0).contains(&ratio) {
        return (width, height);
    }
    let stretched = |side: u32, by: f64| (f64::from(side) * by).round() as u32;
    if ratio >= 1.0 {
        (stretched(width, ratio), height)
    } else {
        (width, stretched(height, 1.0 / ratio))
    }
}

/// What sound is sampled at; beyond, a packet may last for hours.
const SAMPLE_RATES_HZ: RangeInclusive<u32> = 1_000..=768_000;

pub(super) fn describe_audio(stream: &Stream<'_>) -> Option<AudioStream> {
    let id = stream.parameters().id();
    codec::decoder::find(id)?;
    let parameters = codec::Context::from_parameters(stream.parameters())
        .ok()?
        .decoder()
        .audio()
        .ok()?;
    let audio = AudioStream {
        codec: id.name().to_owned(),
        sample_rate_hz: parameters.rate(),
        channels: parameters.channels(),
        index: stream.index(),
        time_base: stream.time_base(),
    };
    (SAMPLE_RATES_HZ.contains(&audio.sample_rate_hz) && audio.channels > 0).then_some(audio)
}

/// A mean within this part of the nominal rate is that rate, measured on a short clip.
const SAME_RATE: f64 = 0.02;
const GUESSED_RATE: FrameRate = FrameRate { num: 30, den: 1 };

/// How regular the pictures are, and most of them a second; from the index, where there is one of
/// every picture.
fn cadence(stream: &Stream<'_>) -> (Cadence, FrameRate) {
    let rate = |r: Rational| FrameRate::new(r.numerator(), r.denominator());
    let (nominal, mean) = (rate(stream.rate()), rate(stream.avg_frame_rate()));
    // Some writers state a frame's duration of one tick.
    let mean =
        mean.filter(|mean| nominal.is_none_or(|nominal| mean.as_f64() < 1.1 * nominal.as_f64()));
    let same = |a: FrameRate, b: FrameRate| (a.as_f64() / b.as_f64() - 1.0).abs() < SAME_RATE;
    let mut times: Vec<i64> = crate::ffi::index(stream).map(|packet| packet.dts).collect();
    // The last sample's time often is what the writer had left to say.
    times.pop();
    let gaps = times.windows(2).map(|w| w[1].saturating_sub(w[0]));
    let (least, most) = (gaps.clone().min().unwrap_or(0), gaps.max().unwrap_or(0));
    let indexed = times.len() > 2 && stream.frames() > 0;
    let cadence = match (nominal, mean) {
        (Some(nominal), Some(mean))
            if same(nominal, mean) && (!indexed || most.saturating_sub(least) <= 1) =>
        {
            return (Cadence::Constant(nominal), nominal);
        }
        (_, Some(mean)) if indexed && least > 0 && most <= least.saturating_mul(2) => {
            Cadence::Steady(mean)
        }
        (_, Some(mean)) => Cadence::Irregular(mean),
        (Some(nominal), None) => Cadence::Irregular(nominal),
        (None, None) => Cadence::Irregular(GUESSED_RATE),
    };
    let peak = match indexed {
        true => FrameRate::new(most_in_a_second(&times, stream.time_base()), 1),
        // Of fields, libav counts each.
        false if crate::ffi::is_of_fields(stream) => nominal.map(FrameRate::halved),
        false => nominal,
    };
    let mean = cadence.frame_rate();
    let peak = peak.filter(|peak| peak.as_f64() > mean.as_f64());
    (cadence, peak.unwrap_or(mean))
}

/// Most pictures that begin within any second.
fn most_in_a_second(times: &[i64], time_base: Rational) -> i32 {
    let second = in_time_base(1.0, time_base).max(1);
    let mut first = 0;
    let counts = times.iter().enumerate().map(|(last, at)| {
        while first < last && at.saturating_sub(times[first]) >= second {
            first += 1;
        }
        last + 1 - first
    });
    counts.max().unwrap_or(0).try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_is_found_whatever_the_ticks() {
        let burst: Vec<i64> = (0..10)
            .map(|i| i * 400)
            .chain((0..30).map(|i| 4000 + i * 33))
            .collect();
        assert_eq!(most_in_a_second(&burst, Rational(1, 1000)), 30);
        // A time lapse in ticks of ten seconds, with a gap.
        assert_eq!(most_in_a_second(&[0, 1, 2, 7, 8], Rational(10, 1)), 1);
        assert_eq!(most_in_a_second(&[], Rational(1, 1)), 0);
    }
}
