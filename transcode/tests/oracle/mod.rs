//! The installed ffmpeg and ffprobe: they make the clips and judge what came of them.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::path::{Path, PathBuf};
use std::process::Command;

use transcode::{Control, FolderSink, Options, Report, Source};

/// Runs a tool and gives what it printed; panics with its complaint if it fails.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> (String, String) {
    let output = Command::new(tool)
        .args(
            ["-hide_banner", "-nostdin"]
                .iter()
                .filter(|_| tool == "ffmpeg"),
        )
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{tool} is needed: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool} {arguments:?}: {stderr}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), stderr)
}

/// Makes a clip in `folder` from ffmpeg arguments, separated by spaces.
pub(crate) fn make(folder: &Path, name: &str, arguments: &str) -> PathBuf {
    let path = folder.join(name);
    let mut all: Vec<&str> = vec!["-v", "error", "-y"];
    all.extend(arguments.split_whitespace());
    let path_text = path.to_str().unwrap();
    all.push(path_text);
    run("ffmpeg", &all);
    path
}

/// Transcodes a file into `<folder>/out`.
pub(crate) fn transcode(path: &Path, options: &Options) -> (Report, PathBuf) {
    let out = path.with_extension("out");
    let source = Source::path(path).unwrap();
    let sink = FolderSink::new(&out).unwrap();
    let report = transcode::transcode(source, options, &sink, &Control::default()).unwrap();
    (report, out)
}

/// One field of a file's first video or audio stream.
pub(crate) fn field(path: &Path, stream: &str, name: &str) -> String {
    let entries = format!("stream={name}");
    let path = path.to_str().unwrap();
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        stream,
        "-show_entries",
        &entries,
        "-of",
        "csv=p=0",
        path,
    ];
    run("ffprobe", &arguments)
        .0
        .trim()
        .trim_end_matches(',')
        .to_owned()
}

/// Presentation times in seconds of all pictures, or of the key frames only.
pub(crate) fn picture_times(path: &Path, only_keyframes: bool) -> Vec<f64> {
    let skip = if only_keyframes { "nokey" } else { "default" };
    let path = path.to_str().unwrap();
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-skip_frame",
        skip,
        "-show_entries",
        "frame=pts_time",
        "-of",
        "csv=p=0",
        path,
    ];
    let (out, _) = run("ffprobe", &arguments);
    out.lines()
        .filter_map(|line| line.trim_end_matches(',').parse().ok())
        .collect()
}

/// Structural similarity, 0 to 1, of a rendition to its source scaled (and rotated) by ffmpeg.
pub(crate) fn ssim(rendition: &Path, source: &Path, width_px: u32, height_px: u32) -> f64 {
    let graph = format!(
        "[1:v]scale={width_px}:{height_px}:flags=bicubic+accurate_rnd,setsar=1,format=yuv420p[s];\
         [0:v][s]ssim"
    );
    let (rendition, source) = (rendition.to_str().unwrap(), source.to_str().unwrap());
    let arguments = [
        "-i", rendition, "-i", source, "-lavfi", &graph, "-f", "null", "-",
    ];
    let (_, log) = run("ffmpeg", &arguments);
    let all = log
        .rsplit("All:")
        .next()
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    all.parse().unwrap()
}

/// Decodes all of a file; panics if ffmpeg has anything to complain about.
pub(crate) fn decodes_cleanly(path: &Path) {
    let path = path.to_str().unwrap();
    let (_, complaints) = run("ffmpeg", &["-v", "error", "-i", path, "-f", "null", "-"]);
    assert_eq!(complaints, "", "{path}");
}

/// Mean luma (limited range, 16 to 235) of a file's first picture under a filter.
pub(crate) fn mean_luma(path: &Path, filter: &str) -> f64 {
    let filter = format!("{filter}signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-");
    let path = path.to_str().unwrap();
    let arguments = [
        "-v",
        "error",
        "-i",
        path,
        "-vf",
        &filter,
        "-frames:v",
        "1",
        "-f",
        "null",
        "-",
    ];
    let (out, _) = run("ffmpeg", &arguments);
    let value = out.split("YAVG=").nth(1).unwrap();
    value.lines().next().unwrap().parse().unwrap()
}

/// Stretches of silence in a file's sound, in seconds: (from, to). `measure` is what silencedetect
/// takes for silence.
pub(crate) fn silences(path: &Path, measure: &str) -> Vec<(f64, f64)> {
    let path = path.to_str().unwrap();
    let filter = format!("silencedetect={measure}");
    let (_, log) = run("ffmpeg", &["-i", path, "-af", &filter, "-f", "null", "-"]);
    let times = |what: &str| -> Vec<f64> {
        let first_word = |rest: &str| rest.split_whitespace().next().unwrap().parse().unwrap();
        log.split(what).skip(1).map(first_word).collect()
    };
    let (starts, ends) = (times("silence_start: "), times("silence_end: "));
    starts.into_iter().zip(ends).collect()
}
