//! Small clips of all kinds of containers and codecs: whole, cut off and damaged.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::path::Path;

use crate::oracle::make;

/// Every third is whole, every third is cut off after two thirds, every third has wrong bytes.
pub(crate) fn of_all_kinds(folder: &Path) -> Vec<(String, Vec<u8>)> {
    // libswscale reads beyond the edge of other widths, which valgrind takes for an error.
    let source = "-f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -f lavfi -i sine=r=48000:d=0.4";
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/subtitles.mkv");
    let with_text = format!("-i {text} -map 0 -map 1 -map 2:s");
    let [script, timed_text] = [
        "-c:v ffv1 -c:a flac -c:s copy",
        "-c:v libx264 -preset ultrafast -c:a aac -c:s mov_text",
    ]
    .map(|codecs| format!("{with_text} {codecs}"));
    let mut clips = Vec::new();
    for (name, codecs) in [
        ("script.mkv", script.as_str()),
        ("timed-text.mp4", &timed_text),
        (
            "h264.mp4",
            "-c:v libx264 -preset ultrafast -c:a aac -movflags +faststart",
        ),
        (
            "hevc.mkv",
            "-c:v libx265 -preset ultrafast -x265-params log-level=error -c:a aac",
        ),
        (
            "mjpeg.mov",
            "-c:v mjpeg -c:a pcm_s16le -movflags +faststart",
        ),
        (
            "vp9.webm",
            "-c:v libvpx-vp9 -deadline realtime -c:a libopus",
        ),
        ("mpeg4.avi", "-c:v mpeg4 -c:a libmp3lame"),
        ("mpeg2.ts", "-c:v mpeg2video -c:a mp2"),
        ("mpeg1.mpg", "-c:v mpeg1video -c:a mp2"),
        ("flv1.flv", "-c:v flv1 -c:a libmp3lame -ar 44100"),
        ("theora.ogv", "-c:v libtheora -c:a libvorbis"),
        ("ffv1.mkv", "-c:v ffv1 -c:a flac"),
    ] {
        let whole = std::fs::read(make(folder, name, &format!("{source} {codecs}"))).unwrap();
        let cut = whole[..whole.len() * 2 / 3].to_vec();
        let mut damaged = whole.clone();
        for at in (whole.len() / 3..whole.len()).step_by(97) {
            damaged[at] ^= 0x55;
        }
        clips.push((name.into(), whole));
        clips.push((format!("cut {name}"), cut));
        clips.push((format!("damaged {name}"), damaged));
    }
    clips
}
