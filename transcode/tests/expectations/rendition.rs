//! What holds for every rendition of every clip, as ffprobe and ffmpeg's decoders see the file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use transcode::Report;

use crate::fragments;
use crate::oracle::run;
use crate::table::{Audio, Done};

/// A picture is repeated rather than shown for longer; times are rounded to the clock's ticks.
const MAX_HOLD_S: f64 = 0.102;
/// IDR frames are at most 2 s and a picture apart.
const MAX_KEYFRAME_GAP_S: f64 = 2.0 + MAX_HOLD_S;
/// Where the top rendition is copied, they are where the source has them.
const MAX_COPIED_KEYFRAME_GAP_S: f64 = 4.0;
/// Samples of an AAC-LC packet, which the sound's length is rounded up to.
const AAC_FRAME_LEN: f64 = 1024.0;

/// A rendition and what ffprobe decoded from it.
pub(crate) struct Rendition {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    pub(crate) copied: bool,
    /// Sum of its segments' durations, as playlists have it.
    segments_s: f64,
    decoded: Decoded,
    /// What ffprobe complained about.
    complaints: String,
}

#[derive(Deserialize)]
struct Decoded {
    #[serde(default)]
    frames: Vec<Frame>,
    #[serde(default)]
    streams: Vec<Stream>,
    format: Format,
}

#[derive(Deserialize)]
struct Frame {
    media_type: String,
    key_frame: u8,
    pts_time: String,
}

#[derive(Deserialize)]
struct Format {
    #[serde(default)]
    tags: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: String,
    codec_name: String,
    profile: String,
    width: Option<u32>,
    height: Option<u32>,
    pix_fmt: Option<String>,
    sample_aspect_ratio: Option<String>,
    color_range: Option<String>,
    color_space: Option<String>,
    color_transfer: Option<String>,
    color_primaries: Option<String>,
    sample_rate: Option<String>,
    channels: Option<u32>,
    #[serde(default)]
    side_data_list: Vec<serde_json::Value>,
    #[serde(default)]
    tags: serde_json::Map<String, serde_json::Value>,
}

const ENTRIES: &str = "frame=media_type,key_frame,pts_time:stream:stream_side_data_list:\
    stream_tags:format_tags";

impl Rendition {
    pub(crate) fn read(folder: &Path, reported: &transcode::Rendition) -> Self {
        let path = folder.join(format!("{}.mp4", reported.name));
        let arguments = [
            "-v",
            "error",
            "-show_frames",
            "-show_entries",
            ENTRIES,
            "-of",
            "json",
            path.to_str().unwrap(),
        ];
        let (json, complaints) = run("ffprobe", &arguments);
        Self {
            name: reported.name.clone(),
            width_px: reported.width_px,
            height_px: reported.height_px,
            copied: reported.copied,
            segments_s: reported.segments.iter().map(|s| s.duration_s).sum(),
            decoded: serde_json::from_str(&json).unwrap(),
            complaints,
            path,
        }
    }

    /// Presentation times of the IDR frames in seconds.
    pub(crate) fn keyframes_s(&self) -> Vec<f64> {
        self.times_s("video", true)
    }

    fn times_s(&self, kind: &str, only_keyframes: bool) -> Vec<f64> {
        let frames = self.decoded.frames.iter();
        frames
            .filter(|f| f.media_type == kind && (!only_keyframes || f.key_frame == 1))
            .map(|f| f.pts_time.parse().unwrap())
            .collect()
    }

    fn streams(&self, kind: &str) -> Vec<&Stream> {
        let streams = self.decoded.streams.iter();
        streams.filter(|s| s.codec_type == kind).collect()
    }
}

/// Everything that is wrong with a rendition.
pub(crate) fn check(file: &Rendition, done: &Done, report: &Report) -> Vec<String> {
    let mut failures = Vec::new();
    if !file.complaints.is_empty() {
        failures.push(format!("decoding complains: {}", file.complaints));
    }
    let expected = 1 + usize::from(done.audio.is_some());
    if file.decoded.streams.len() != expected {
        let found = file.decoded.streams.len();
        failures.push(format!("{found} streams, expected {expected}"));
    }
    failures.extend(check_format(file));
    failures.extend(check_times(file, done, report));
    failures.extend(check_audio(file, done.audio));
    failures.extend(check_ends(file, report));
    failures.extend(check_tags(file));
    failures
}

fn check_format(file: &Rendition) -> Option<String> {
    let [video] = file.streams("video")[..] else {
        return Some("not one video stream".into());
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let found = [
        video.codec_name.clone(),
        video.profile.clone(),
        format!("{}x{}", video.width.unwrap(), video.height.unwrap()),
        text(&video.pix_fmt),
        text(&video.sample_aspect_ratio),
        text(&video.color_range),
        text(&video.color_space),
        text(&video.color_transfer),
        text(&video.color_primaries),
    ]
    .join(" ");
    let size = format!("{}x{}", file.width_px, file.height_px);
    let expected = format!("h264 High {size} yuv420p 1:1 tv bt709 bt709 bt709");
    // What is copied keeps the source's words for the same thing.
    let is_copied_alike = file.copied
        && found.starts_with("h264 ")
        && found.contains(&format!(" {size} yuv420p "))
        && matches!(video.sample_aspect_ratio.as_deref(), None | Some("1:1"))
        && (size_is_hd(file) || found.ends_with(" bt709 bt709 bt709"));
    if found != expected && !is_copied_alike {
        return Some(format!("{found}, expected {expected}"));
    }
    let left = &video.side_data_list;
    (!left.is_empty()).then(|| format!("side data is left: {left:?}"))
}

/// Untagged colours of this size are BT.709 to players.
fn size_is_hd(file: &Rendition) -> bool {
    file.width_px.min(file.height_px) >= 720
}

fn check_times(file: &Rendition, done: &Done, report: &Report) -> Vec<String> {
    let mut failures = Vec::new();
    let times = file.times_s("video", false);
    let [least, most] = done.frames;
    if !(least..=most).contains(&times.len()) {
        let found = times.len();
        failures.push(format!("{found} pictures, expected {least} to {most}"));
    }
    if times.first() != Some(&0.0) {
        failures.push(format!("the first picture is at {:?}", times.first()));
    }
    let too_far = |w: &&[f64]| w[1] <= w[0] || w[1] - w[0] > MAX_HOLD_S;
    if let Some(pair) = times.windows(2).find(too_far) {
        failures.push(format!("pictures at {pair:?}"));
    }
    let keyframes = file.keyframes_s();
    let longest_s = match report.renditions.iter().any(|rendition| rendition.copied) {
        true => MAX_COPIED_KEYFRAME_GAP_S,
        false => MAX_KEYFRAME_GAP_S,
    };
    let rare = |w: &&[f64]| w[1] - w[0] > longest_s;
    if keyframes.first() != Some(&0.0) || keyframes.windows(2).find(rare).is_some() {
        failures.push(format!("IDR frames at {keyframes:?}"));
    }
    failures
}

fn check_audio(file: &Rendition, expected: Option<Audio>) -> Option<String> {
    let streams = file.streams("audio");
    let (Some(expected), [audio]) = (expected, &streams[..]) else {
        let found = streams.len();
        return (found > 0 || expected.is_some()).then(|| format!("{found} audio streams"));
    };
    let found = Audio {
        channels: audio.channels.unwrap(),
        rate_hz: audio.sample_rate.as_ref()?.parse().unwrap(),
    };
    if (audio.codec_name.as_str(), audio.profile.as_str()) != ("aac", "LC") || found != expected {
        let (codec, profile) = (&audio.codec_name, &audio.profile);
        return Some(format!(
            "{codec} {profile} {found:?}, expected {expected:?}"
        ));
    }
    // One packet of priming lies before zero, and zero is heard.
    let first_s = *file.times_s("audio", false).first()?;
    let priming_s = AAC_FRAME_LEN / f64::from(found.rate_hz);
    (first_s + priming_s < -0.001 || first_s > 0.001).then(|| format!("sound from {first_s} s"))
}

/// Picture, sound and playlist end within a picture's or an AAC packet's time of each other.
fn check_ends(file: &Rendition, report: &Report) -> Vec<String> {
    let durations = fragments::track_durations_s(&fs::read(&file.path).unwrap());
    let rate = file
        .streams("audio")
        .first()
        .and_then(|s| s.sample_rate.clone());
    let aac_frame_s = rate.map_or(0.0, |hz| AAC_FRAME_LEN / hz.parse::<f64>().unwrap());
    let frames = file.times_s("video", false).len().max(1) as f64;
    let one_frame_s = (durations[0] / frames).max(aac_frame_s) + 0.001;

    // The sound's first packet is priming.
    let mut ends = vec![("picture", durations[0])];
    ends.extend(durations.get(1).map(|s| ("sound", s - aac_frame_s)));
    ends.push(("segments", file.segments_s));
    ends.push(("report", report.duration_ms as f64 / 1000.0));
    let apart = |end: f64| (end - durations[0]).abs() > one_frame_s;
    let wrong = ends.iter().any(|(_, end)| apart(*end));
    wrong
        .then(|| format!("the ends are apart: {ends:?}"))
        .into_iter()
        .collect()
}

/// Nothing of the source's metadata is passed on: it can tell where someone lives.
fn check_tags(file: &Rendition) -> Vec<String> {
    const OURS: [&str; 6] = [
        "major_brand",
        "minor_version",
        "compatible_brands",
        "language",
        "handler_name",
        "vendor_id",
    ];
    let streams = file.decoded.streams.iter().map(|stream| &stream.tags);
    let tags = streams.chain([&file.decoded.format.tags]).flatten();
    let foreign = tags.filter(|(name, _)| !OURS.contains(&name.as_str()));
    foreign
        .map(|(name, value)| format!("a tag is left: {name}={value}"))
        .collect()
}
