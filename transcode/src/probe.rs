//! What a file says it is, before a picture of it is decoded.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::{Rational, Rescale, codec, media};

use crate::control::CancelToken;
use crate::error::{InputError, Result};
use crate::input::{Demuxer, Source};
use crate::media_error::Doing;
use crate::options::Limits;
use crate::orientation::Orientation;
use crate::time::{Cadence, FrameRate};

/// What a file says it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// libavformat's short name of the container: `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// Declared duration in milliseconds; a claim, and absent in many recordings.
    pub duration_ms: Option<u64>,
    /// The video stream that would be transcoded.
    pub video: VideoStream,
    /// The audio stream that would be transcoded.
    pub audio: Option<AudioStream>,
    /// Presentation time, in seconds, that becomes zero.
    pub(crate) zero_s: f64,
    pub(crate) promise: Option<Promise>,
    /// There is sound, but in no form that can be decoded.
    pub(crate) has_undecodable_audio: bool,
}

/// What must come out, in seconds, for a file to count as whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Promise {
    /// So much picture.
    Video(f64),
    /// So much picture or sound, whichever is longer.
    Any(f64),
}

/// The video stream that would be transcoded.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoStream {
    /// libavcodec's short name: `h264`.
    pub codec: String,
    /// Coded width in pixels, before rotation.
    pub coded_width_px: u32,
    /// Coded height in pixels, before rotation.
    pub coded_height_px: u32,
    /// Width in square pixels as it is meant to be shown, upright.
    pub width_px: u32,
    /// Height in square pixels as it is meant to be shown, upright.
    pub height_px: u32,
    /// What makes it upright.
    pub orientation: Orientation,
    /// How regularly pictures follow one another.
    pub cadence: Cadence,
    /// Most pictures a second, over any stretch: the rate itself where it is constant.
    pub peak_frame_rate: FrameRate,
    /// Declared bitrate in bit/s.
    pub bitrate_bps: Option<u64>,
    pub(crate) index: usize,
    pub(crate) time_base: Rational,
}

/// The audio stream that would be transcoded.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioStream {
    /// libavcodec's short name: `aac`.
    pub codec: String,
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channels: u16,
    pub(crate) index: usize,
    pub(crate) time_base: Rational,
}

impl Probe {
    /// The streams that are decoded.
    pub(crate) fn stream_indexes(&self) -> Vec<usize> {
        std::iter::once(self.video.index)
            .chain(self.audio.as_ref().map(|a| a.index))
            .collect()
    }
}

/// Reads what a file says it is: container, streams, size, duration.
///
/// # Errors
/// [`Error::Input`](crate::Error::Input) if it is no video that can be decoded,
/// [`Error::Source`](crate::Error::Source) if it could not be read.
///
/// ```no_run
/// let probe = transcode::probe(transcode::Source::path("holiday.mov")?)?;
/// println!("{} × {}", probe.video.width_px, probe.video.height_px);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn probe(source: Source) -> Result<Probe> {
    let limits = Limits::default();
    read(
        &Demuxer::open(source, &limits, &CancelToken::new())?,
        &limits,
    )
}

pub(crate) fn read(demuxer: &Demuxer, limits: &Limits) -> Result<Probe> {
    let input = demuxer.input();
    limits.check(
        "its number of streams",
        input.nb_streams().into(),
        limits.streams.into(),
    )?;
    let video_stream = pick_video(input).ok_or(InputError::NoVideo)?;
    let audio_stream = pick_audio(input, &video_stream);
    let video = describe_video(&video_stream, limits)?;
    let audio = audio_stream.as_ref().and_then(describe_audio);
    let picture_s = 1.0 / video.cadence.frame_rate().as_f64();
    let duration = input.duration();
    Ok(Probe {
        container: input.format().name().to_owned(),
        duration_ms: u64::try_from(duration)
            .ok()
            .filter(|us| *us > 0)
            .map(|us| us / 1000),
        zero_s: common_zero_s(&video_stream, audio_stream.as_ref(), picture_s),
        promise: promise(input, &video_stream),
        has_undecodable_audio: audio.is_none() && audio_streams(input).next().is_some(),
        video,
        audio,
    })
}

/// What the container knows of its length; nothing where it guesses, and nothing of a fragmented
/// MP4, whose header may say anything: only a sample table is proof.
fn promise(input: &ffmpeg::format::context::Input, video: &Stream<'_>) -> Option<Promise> {
    let has_table = video.frames() > 0 || !input.format().name().starts_with("mov");
    // A clock that may start anew says nothing of the time between two of its readings.
    let is_steady = !crate::ffi::may_restart_clock(input);
    let stated = has_table && is_steady && !crate::ffi::is_duration_guessed(input);
    let seconds = |ticks: i64, time_base: Rational| {
        (stated && ticks > 0).then(|| ticks as f64 * f64::from(time_base))
    };
    let of_video = seconds(video.duration(), video.time_base());
    let of_video = of_video.map(|stated_s| stated_s.min(table_end_s(video).unwrap_or(stated_s)));
    let of_any = seconds(input.duration(), Rational(1, 1_000_000));
    of_video.map(Promise::Video).or(of_any.map(Promise::Any))
}

/// Where the sample table of an MP4 ends, counted from the start of the stream. An edit list can
/// leave less to show than the track's stated duration.
fn table_end_s(video: &Stream<'_>) -> Option<f64> {
    let times = crate::ffi::index_timestamps(video);
    let is_whole_table = video.frames() > 0 && times.len() as i64 >= video.frames();
    let (first, last) = (times.first()?, times.last()?);
    let mean_gap = last.saturating_sub(*first) as f64 / (times.len() - 1).max(1) as f64;
    let end = last.saturating_sub(video.start_time().max(*first)) as f64 + mean_gap;
    (is_whole_table && times.len() > 1).then(|| end * f64::from(video.time_base()))
}

/// The default stream before others, then the one with the most pixels; cover art is no video.
fn pick_video(input: &ffmpeg::format::context::Input) -> Option<Stream<'_>> {
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
fn pick_audio<'a>(
    input: &'a ffmpeg::format::context::Input,
    video: &Stream<'_>,
) -> Option<Stream<'a>> {
    let is_usable = |stream: &Stream<'_>| describe_audio(stream).is_some();
    let best = input.streams().related(video).best(media::Type::Audio);
    best.filter(is_usable).or_else(|| {
        let usable = audio_streams(input).filter(is_usable);
        usable.max_by_key(|stream| stream.disposition().contains(Disposition::DEFAULT))
    })
}

fn audio_streams(input: &ffmpeg::format::context::Input) -> impl Iterator<Item = Stream<'_>> {
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

fn start_s(stream: &Stream<'_>) -> Option<f64> {
    let start = stream.start_time();
    (start != ffmpeg::ffi::AV_NOPTS_VALUE).then(|| start as f64 * f64::from(stream.time_base()))
}

/// The time that becomes zero: where picture or sound begins, whichever is first, but a whole
/// number of pictures before the first, so that a constant rate stays one. What sound lies before
/// it, less than one picture's time, is cut.
fn common_zero_s(video: &Stream<'_>, audio: Option<&Stream<'_>>, picture_s: f64) -> f64 {
    let audio_s = audio.and_then(start_s);
    let video_s = start_s(video).or(audio_s).unwrap_or(0.0);
    let lead_s = (video_s - audio_s.unwrap_or(video_s)).max(0.0);
    video_s - (lead_s / picture_s).floor() * picture_s
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

fn describe_video(stream: &Stream<'_>, limits: &Limits) -> Result<VideoStream> {
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
    let (square_width, square_height) = square_pixels(width, height, parameters.aspect_ratio());
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

fn describe_audio(stream: &Stream<'_>) -> Option<AudioStream> {
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
    (audio.sample_rate_hz > 0 && audio.channels > 0).then_some(audio)
}

/// A mean within this part of the nominal rate is that rate, measured on a short clip.
const SAME_RATE: f64 = 0.02;
const GUESSED_RATE: FrameRate = FrameRate { num: 30, den: 1 };

/// How regular the pictures are, and most of them a second; from the index, where there is one of
/// every picture.
fn cadence(stream: &Stream<'_>) -> (Cadence, FrameRate) {
    let rate = |r: Rational| FrameRate::new(r.numerator(), r.denominator());
    let (nominal, mean) = (rate(stream.rate()), rate(stream.avg_frame_rate()));
    let same = |a: FrameRate, b: FrameRate| (a.as_f64() / b.as_f64() - 1.0).abs() < SAME_RATE;
    let mut times = crate::ffi::index_timestamps(stream);
    // The last sample's time often is what the writer had left to say.
    times.pop();
    let gaps = times.windows(2).map(|w| w[1] - w[0]);
    let (least, most) = (gaps.clone().min().unwrap_or(0), gaps.max().unwrap_or(0));
    let indexed = times.len() > 2 && stream.frames() > 0;
    let cadence = match (nominal, mean) {
        (Some(nominal), Some(mean)) if same(nominal, mean) && (!indexed || most - least <= 1) => {
            return (Cadence::Constant(nominal), nominal);
        }
        (_, Some(mean)) if indexed && least > 0 && most <= 2 * least => Cadence::Steady(mean),
        (_, Some(mean)) => Cadence::Irregular(mean),
        (Some(nominal), None) => Cadence::Irregular(nominal),
        (None, None) => Cadence::Irregular(GUESSED_RATE),
    };
    let time_base = stream.time_base();
    let of_least_gap = i32::try_from(least.saturating_mul(i64::from(time_base.numerator())))
        .ok()
        .and_then(|gap| FrameRate::new(time_base.denominator(), gap));
    let peak = of_least_gap.filter(|_| indexed).or(nominal);
    (cadence, peak.unwrap_or(cadence.frame_rate()))
}

/// Milliseconds in a time base's ticks.
pub(crate) fn in_time_base(seconds: f64, time_base: Rational) -> i64 {
    ((seconds * 1_000_000.0).round() as i64).rescale((1, 1_000_000), time_base)
}
