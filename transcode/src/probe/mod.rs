//! What a file says it is, before a picture of it is decoded.

mod streams;
mod subtitles;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::{Rational, Rescale, media};

use crate::control::CancelToken;
use crate::error::{InputError, Result};
use crate::input::{Demuxer, Source};
use crate::options::Limits;
use crate::orientation::Orientation;
use crate::subtitles::SubtitleTrack;
use crate::time::{Cadence, FrameRate};
pub(crate) use streams::picture_decoder;
use streams::{audio_streams, describe_audio, describe_video, pick_audio, pick_video};
pub(crate) use subtitles::SubtitleCodec;
use subtitles::describe_subtitles;

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
    /// The subtitles that are text.
    pub subtitles: Vec<SubtitleStream>,
    /// Subtitles that are pictures, or in no form that can be read.
    pub(crate) unreadable_subtitles: usize,
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

/// A stream of subtitles that would become WebVTT.
#[derive(Debug, Clone, PartialEq)]
pub struct SubtitleStream {
    /// What it would be in the result, if there is a cue in it.
    pub track: SubtitleTrack,
    pub(crate) codec: SubtitleCodec,
    pub(crate) index: usize,
    pub(crate) time_base: Rational,
}

impl Probe {
    /// The streams that are decoded.
    pub(crate) fn stream_indexes(&self) -> Vec<usize> {
        std::iter::once(self.video.index)
            .chain(self.audio.as_ref().map(|a| a.index))
            .chain(self.subtitles.iter().map(|s| s.index))
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
    // Fonts for subtitles are streams, too: dozens of them, of which nothing is ever read.
    let is_attached = |s: &Stream<'_>| s.parameters().medium() == media::Type::Attachment;
    let streams = input.streams().filter(|stream| !is_attached(stream));
    limits.check(
        "its number of streams",
        streams.count() as u64,
        limits.streams.into(),
    )?;
    let video_stream = pick_video(input).ok_or(InputError::NoVideo)?;
    let audio_stream = pick_audio(input, &video_stream);
    let video = describe_video(input, &video_stream, limits)?;
    let audio = audio_stream.as_ref().and_then(describe_audio);
    let picture_s = 1.0 / video.cadence.frame_rate().as_f64();
    let zero_s = common_zero_s(&video_stream, audio_stream.as_ref(), picture_s);
    let promise = promise(input, &video_stream, zero_s);
    if let Some(Promise::Video(stated_s)) = promise {
        limits.check_duration(stated_s)?;
    }
    let duration = input.duration();
    let (subtitles, unreadable_subtitles) = describe_subtitles(input);
    Ok(Probe {
        container: input.format().name().to_owned(),
        duration_ms: u64::try_from(duration)
            .ok()
            .filter(|us| *us > 0)
            .map(|us| us / 1000),
        zero_s,
        promise,
        has_undecodable_audio: audio.is_none() && audio_streams(input).next().is_some(),
        video,
        audio,
        subtitles,
        unreadable_subtitles,
    })
}

/// What the container knows of its length; nothing where it guesses, and nothing of a fragmented
/// MP4, whose header may say anything: only a sample table is proof. Only MP4 and AVI state a
/// length for each stream; of others, libav gives each the file's.
fn promise(
    input: &ffmpeg::format::context::Input,
    video: &Stream<'_>,
    zero_s: f64,
) -> Option<Promise> {
    let is_mp4 = input.format().name().starts_with("mov");
    let is_of_streams = is_mp4 || input.format().name() == "avi";
    let has_table = video.frames() > 0 || !is_mp4;
    // A clock that may start anew says nothing of the time between two of its readings.
    let is_steady = !crate::ffi::may_restart_clock(input);
    let stated = has_table && is_steady && !crate::ffi::is_duration_guessed(input);
    let seconds = |ticks: i64, time_base: Rational| {
        (stated && ticks > 0).then(|| ticks as f64 * f64::from(time_base))
    };
    let of_video = seconds(video.duration(), video.time_base()).filter(|_| is_of_streams);
    let of_video = of_video.map(|stated_s| stated_s.min(table_end_s(video).unwrap_or(stated_s)));
    // A subtitle may end long after the film, and counts.
    let is_subtitle = |stream: Stream<'_>| stream.parameters().medium() == media::Type::Subtitle;
    let of_any = seconds(input.duration(), Rational(1, 1_000_000))
        .filter(|_| !input.streams().any(is_subtitle));
    // Stated from zero on, where the film may begin later.
    let without_start = |stated_s: f64| stated_s - zero_s.max(0.0);
    let of_video = of_video.map(without_start).map(Promise::Video);
    of_video.or(of_any.map(without_start).map(Promise::Any))
}

/// Where the sample table of an MP4 ends, counted from the start of the stream. An edit list can
/// leave less to show than the track's stated duration.
fn table_end_s(video: &Stream<'_>) -> Option<f64> {
    let times: Vec<i64> = crate::ffi::index(video).map(|packet| packet.dts).collect();
    let is_whole_table = video.frames() > 0 && times.len() as i64 >= video.frames();
    let (first, last) = (times.first()?, times.last()?);
    let mean_gap = last.saturating_sub(*first) as f64 / (times.len() - 1).max(1) as f64;
    let end = last.saturating_sub(video.start_time().max(*first)) as f64 + mean_gap;
    (is_whole_table && times.len() > 1).then(|| end * f64::from(video.time_base()))
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

/// Milliseconds in a time base's ticks.
pub(crate) fn in_time_base(seconds: f64, time_base: Rational) -> i64 {
    ((seconds * 1_000_000.0).round() as i64).rescale((1, 1_000_000), time_base)
}
