//! What is joined of parts: clocks that start anew, pictures that change their shape.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use std::fs;
use std::path::{Path, PathBuf};

use oracle::{decodes_cleanly, make, mean_luma, picture_times, silences, transcode};
use tempfile::tempdir;
use transcode::{Options, Warning};

const PART: &str = "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -f lavfi -i sine=f=440:d=3 \
    -c:v libx264 -preset ultrafast -c:a aac -output_ts_offset";

fn part(folder: &Path, offset_s: u32) -> Vec<u8> {
    let path = make(folder, "part.ts", &format!("{PART} {offset_s}"));
    fs::read(path).unwrap()
}

fn join(folder: &Path, parts: &[Vec<u8>]) -> PathBuf {
    let path = folder.join("joined.ts");
    fs::write(&path, parts.concat()).unwrap();
    path
}

#[test]
fn a_clock_that_starts_anew_goes_on() {
    let folder = tempdir().unwrap();
    let [low, high] = [0, 5000].map(|offset_s| part(folder.path(), offset_s));
    for parts in [[&low, &low], [&low, &high], [&high, &low]] {
        let source = join(folder.path(), &parts.map(Vec::clone));
        let (report, out) = transcode(&source, &Options::default());
        assert_eq!(report.warnings, []);
        assert!(
            (6000..6100).contains(&report.duration_ms),
            "{}",
            report.duration_ms
        );
        let file = out.join("180p.mp4");
        decodes_cleanly(&file);
        let times = picture_times(&file, false);
        assert_eq!(times.len(), 150, "each picture of both parts");
        let gaps = times.windows(2).map(|w| w[1] - w[0]);
        assert!(gaps.fold(0.0, f64::max) < 0.1);
        assert_eq!(
            silences(&file, "n=-50dB:d=0.06"),
            [],
            "the sound goes on over the joint"
        );
    }
}

#[test]
fn files_joined_end_to_end_play_on() {
    let folder = tempdir().unwrap();
    for name in ["part.mkv", "part.flv", "part.webm"] {
        let codecs = match name {
            "part.webm" => "-c:v libvpx -deadline realtime -c:a libopus",
            _ => "-c:v libx264 -preset ultrafast -c:a aac",
        };
        let clip = format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -f lavfi -i sine=f=440:r=44100:d=3 {codecs}"
        );
        let part = fs::read(make(folder.path(), name, &clip)).unwrap();
        let source = folder.path().join(name.replace("part", "joined"));
        // Recorders go on with FLV's tags; its header stands once.
        let header_len = if name == "part.flv" { 13 } else { 0 };
        fs::write(&source, [&part[..], &part[header_len..]].concat()).unwrap();
        let (report, out) = transcode(&source, &Options::default());
        assert!(
            (5_950..6_150).contains(&report.duration_ms),
            "{name}: {}",
            report.duration_ms
        );
        let pictures = picture_times(&out.join("180p.mp4"), false);
        assert!(
            (150..=153).contains(&pictures.len()),
            "{name}: {}",
            pictures.len()
        );
    }
}

#[test]
fn a_film_that_begins_after_a_minute_is_whole() {
    let folder = tempdir().unwrap();
    for name in ["minute.mkv", "minute.flv"] {
        let source = make(folder.path(), name, &format!("{PART} 60 -ar 44100"));
        let (report, _) = transcode(&source, &Options::default());
        assert_eq!(report.warnings, []);
        assert!(
            (2_990..3_100).contains(&report.duration_ms),
            "{name}: {}",
            report.duration_ms
        );
    }
}

#[test]
fn pictures_that_claim_to_last_longer_do_not() {
    let folder = tempdir().unwrap();
    let slow = "-f lavfi -i testsrc2=s=320x180:r=2:d=75 -c:v libx264 -preset ultrafast -bf 0 -g 50";
    let slow = make(folder.path(), "slow.mp4", slow);
    // The bitstream says 2 pictures a second, the time stamps 25.
    let fast = format!(
        "-i {} -f lavfi -i sine=d=6 -c:v copy -c:a aac \
         -bsf:v setts=pts=PTS/12.5:dts=DTS/12.5:duration=0",
        slow.display()
    );
    for name in ["fast.ts", "fast.mkv"] {
        let source = make(folder.path(), name, &fast);
        let (report, _) = transcode(&source, &Options::default());
        assert!(
            (5_900..6_600).contains(&report.duration_ms),
            "{name}: {}",
            report.duration_ms
        );
    }
}

#[test]
fn what_begins_in_the_middle_is_not_lost_in_silence() {
    let folder = tempdir().unwrap();
    let parts = ["0x100", "0x200"].map(|pid| {
        // Longer than libav looks for streams.
        let part = PART.replace("d=3", "d=12");
        let clip = format!("{part} 0 -mpegts_start_pid {pid}");
        fs::read(make(folder.path(), "part.ts", &clip)).unwrap()
    });
    let (report, _) = transcode(&join(folder.path(), &parts), &Options::default());
    assert!(
        matches!(report.warnings[..], [Warning::Damaged { .. }]),
        "{report:?}"
    );
}

#[test]
fn what_sets_in_late_is_found() {
    let folder = tempdir().unwrap();
    let clip = |late: &str, start: &str, rest: &str| {
        let film = "-f lavfi -i testsrc2=s=320x180:r=25:d=30";
        let tone = "-f lavfi -i sine=f=440:r=48000:d=30";
        let arguments = format!("{late} {film} {start} {tone} {rest}");
        make(folder.path(), "late.ts", &arguments)
    };
    let codecs = "-c:v libx264 -preset ultrafast -c:a aac -t 35";
    for (late, start) in [("", "-itsoffset 20"), ("-itsoffset 20", "")] {
        let source = clip(late, start, codecs);
        let (report, out) = transcode(&source, &Options::default());
        assert_eq!(report.warnings, []);
        let file = out.join("180p.mp4");
        let silences = silences(&file, "n=-50dB:d=0.06");
        if late.is_empty() {
            let until = silences[0].1;
            assert!((until - 20.0).abs() < 0.1, "the tone begins at {until}");
        } else {
            let from = silences.first().map_or(30.0, |silence| silence.0);
            assert!((from - 30.0).abs() < 0.1, "the tone ends at {from}");
        }
        assert!(
            (34_000..36_100).contains(&report.duration_ms),
            "{}",
            report.duration_ms
        );
    }
}

#[test]
fn a_picture_of_another_shape_keeps_it() {
    let folder = tempdir().unwrap();
    let white = |name: &str, size: &str| {
        let clip =
            format!("-f lavfi -i color=white:s={size}:r=25:d=1 -c:v libx264 -preset ultrafast");
        fs::read(make(folder.path(), name, &clip)).unwrap()
    };
    let [wide, square, narrow] = [("w", "640x360"), ("s", "360x360"), ("n", "1280x360")]
        .map(|(n, s)| white(&format!("{n}.ts"), s));
    let source = join(folder.path(), &[wide, square, narrow]);
    let (report, out) = transcode(&source, &Options::default());
    let top = &report.renditions[0];
    assert_eq!(
        (top.width_px, top.height_px),
        (640, 360),
        "the first picture's size stays"
    );
    let file = out.join("360p.mp4");
    decodes_cleanly(&file);
    // Mean luma of the whole: 235 for white, 16 for the black bars' share.
    for (at_s, white_share) in [("0.5", 1.0), ("1.5", 360.0 / 640.0), ("2.5", 0.5)] {
        let expected = 16.0 + 219.0 * white_share;
        let seen = mean_luma(&file, &format!("trim=start={at_s},"));
        assert!(
            (seen - expected).abs() < 2.0,
            "{at_s} s: {seen}, not {expected}"
        );
    }
}
