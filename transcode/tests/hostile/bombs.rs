//! Small files that ask for much: each becomes a video or meets a limit that is named, in bounded
//! memory.

use std::path::PathBuf;

use tempfile::{TempDir, tempdir};

use crate::child::transcode;
use crate::mp4::{Coded, Track, movie};
use crate::oracle::make;
use crate::{avi, h264};

/// What small pictures may take: libav, three encoders' worth of threads, and queues.
const SMALL_MIB: u64 = 300;
/// A 4K source and the whole ladder.
const LARGE_MIB: u64 = 600;
/// Enough for any of these on a slow machine; only a hang takes longer.
const MAX_CPU_S: u32 = 300;

fn written(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// 4K60 from a few kilobytes: every entry of the sample table points to one black picture.
fn black_4k60(folder: &TempDir, seconds: u32) -> PathBuf {
    let clip = "-f lavfi -i color=black:s=3840x2160:r=60 -c:v libx264 -preset ultrafast";
    let picture = Coded::picture(folder.path(), clip);
    let bytes = movie(&[Track::new(picture, 60, vec![(60 * seconds, 1)])]);
    assert!(bytes.len() < 1_000_000, "{}", bytes.len());
    written(folder, "4k60.mp4", &bytes)
}

#[test]
fn a_megabyte_of_4k60() {
    let folder = tempdir().unwrap();
    let outcome = transcode(&black_4k60(&folder, 2), MAX_CPU_S);
    assert!(outcome.is_done(), "{outcome:?}");
    assert!(outcome.peak_mib < LARGE_MIB, "{outcome:?}");
}

#[test]
#[ignore = "takes minutes: CONTRIBUTING.md"]
fn six_minutes_of_4k60_from_a_megabyte() {
    let folder = tempdir().unwrap();
    let outcome = transcode(&black_4k60(&folder, 360), 7200);
    assert!(
        outcome.is_done() || outcome.is_limit("the time it takes to decode"),
        "{outcome:?}"
    );
    assert!(outcome.peak_mib < LARGE_MIB, "{outcome:?}");
}

fn gray(folder: &TempDir, width_px: u32, height_px: u32) -> PathBuf {
    let shape = format!("format=gray,scale={width_px}:{height_px}");
    let clip = format!("-f lavfi -i color=gray:s=16x16:r=10:d=1 -vf {shape} -c:v ffv1");
    make(folder.path(), &format!("{width_px}x{height_px}.mkv"), &clip)
}

#[test]
fn odd_shapes() {
    let folder = tempdir().unwrap();
    for (width, height) in [(16, 4000), (4000, 16), (1, 1), (2, 2), (1, 1000), (8192, 2)] {
        let outcome = transcode(&gray(&folder, width, height), MAX_CPU_S);
        assert!(outcome.is_done(), "{outcome:?}");
        assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
    }
    // x264 has no level for such sides.
    for (width, height) in [(20_000, 16), (1, 20_000)] {
        let outcome = transcode(&gray(&folder, width, height), MAX_CPU_S);
        assert!(outcome.is_limit("its longest side"), "{outcome:?}");
        assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
    }
}

fn of_small_pictures(
    folder: &TempDir,
    name: &str,
    timescale: u32,
    times: &[(u32, u32)],
) -> PathBuf {
    let picture = Coded::small_picture(folder.path());
    written(
        folder,
        name,
        &movie(&[Track::new(picture, timescale, times.to_vec())]),
    )
}

#[test]
fn forty_hours_are_claimed() {
    let folder = tempdir().unwrap();
    let forty_hours_ms = 40 * 3_600_000;
    let mut track = Track::new(Coded::small_picture(folder.path()), 1000, vec![(10, 100)]);
    track.claimed_ticks = Some(forty_hours_ms);
    let in_the_header = written(&folder, "in-the-header.mp4", &movie(&[track]));
    let outcome = transcode(&in_the_header, MAX_CPU_S);
    // Its pictures are there, all of them: the header lies, and harms nobody.
    assert!(outcome.is_done() || outcome.is_refused(), "{outcome:?}");
    assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");

    let times = [(1, forty_hours_ms), (1, 40)];
    let outcome = transcode(
        &of_small_pictures(&folder, "far-apart.mp4", 1000, &times),
        MAX_CPU_S,
    );
    assert!(outcome.is_limit("its duration in seconds"), "{outcome:?}");
    assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
}

#[test]
fn two_pictures_as_far_apart_as_the_limit_allows() {
    let folder = tempdir().unwrap();
    let times = [(1, 6 * 3600 - 60), (1, 1)];
    let path = of_small_pictures(&folder, "six-hours.mp4", 1, &times);
    let outcome = transcode(&path, MAX_CPU_S);
    assert!(outcome.is_done(), "{outcome:?}");
    assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
}

#[test]
fn thousands_of_pictures_in_a_second() {
    let folder = tempdir().unwrap();
    let times = [(9_000, 1)];
    let outcome = transcode(
        &of_small_pictures(&folder, "many.mp4", 9_000, &times),
        MAX_CPU_S,
    );
    assert!(
        outcome.is_done() || outcome.is_limit("the time it takes to decode"),
        "{outcome:?}"
    );
    assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
}

#[test]
fn one_picture_and_hours_of_sound() {
    let folder = tempdir().unwrap();
    // With x264's look-ahead, ffmpeg writes the picture behind all of the sound.
    for (name, tune) in [("first.mkv", "-tune zerolatency"), ("last.mkv", "")] {
        let clip = format!(
            "-f lavfi -i color=s=64x48:r=1:d=1 -f lavfi -i anullsrc=r=8000:cl=mono -t 7200 \
             -c:v libx264 -preset ultrafast {tune} -c:a libmp3lame -b:a 8k"
        );
        let outcome = transcode(&make(folder.path(), name, &clip), MAX_CPU_S);
        assert!(outcome.is_done() || name == "last.mkv", "{outcome:?}");
        assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
    }
}

#[test]
fn ten_thousand_streams() {
    let folder = tempdir().unwrap();
    let picture = Coded::small_picture(folder.path());
    for count in [33, 10_000] {
        let tracks = (0..count).map(|_| Track::new(picture.clone(), 10, vec![(10, 1)]));
        let bytes = movie(&tracks.collect::<Vec<_>>());
        let outcome = transcode(&written(&folder, "streams.mp4", &bytes), MAX_CPU_S);
        let is_named = outcome.is_limit("its number of streams") || outcome.is_too_much_index();
        assert!(is_named, "{outcome:?}");
        assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
    }
}

#[test]
fn pictures_of_thirty_thousand_lines() {
    let folder = tempdir().unwrap();
    let honest = Coded::small_picture(folder.path());
    for side_px in [12_000, 30_000] {
        let claimed = h264::resized(&honest.entry, side_px, None);
        let meant = h264::resized(&honest.entry, side_px, Some(side_px / 16));
        for (name, entry) in [("claimed", claimed), ("meant", meant)] {
            let sample = honest.sample.clone();
            let track = Track::new(Coded { entry, sample }, 10, vec![(10, 1)]);
            let path = written(&folder, &format!("{name}-{side_px}.mp4"), &movie(&[track]));
            let outcome = transcode(&path, MAX_CPU_S);
            match (name, side_px) {
                // What the container claims binds no one; the bitstream says 64×48.
                ("claimed", _) => assert!(outcome.is_done(), "{outcome:?}"),
                (_, 12_000) => assert!(outcome.is_limit("its number of pixels"), "{outcome:?}"),
                // More than libav can number the bytes of: it gives up before us.
                _ => assert!(outcome.is_refused(), "{outcome:?}"),
            }
            // libav decodes one to know what it is.
            assert!(outcome.peak_mib < LARGE_MIB, "{outcome:?}");
        }
    }
}

#[test]
fn a_size_that_changes_with_every_picture() {
    let folder = tempdir().unwrap();
    let sizes = ["64x48", "1920x1080", "16x400", "1000x10", "640x360"];
    for (fourcc, codec) in [
        (b"MJPG", "-c:v mjpeg -f image2"),
        (b"H264", "-c:v libx264 -preset ultrafast -f h264"),
    ] {
        let pictures = sizes.map(|size| avi::picture(folder.path(), size, codec));
        let chunks = pictures.map(|picture| avi::chunk(b"00dc", &picture));
        let bytes = avi::file(
            &[avi::pictures_stream(fourcc)],
            &[chunks.concat().repeat(20)],
        );
        let name = format!("{}.avi", String::from_utf8_lossy(fourcc));
        let outcome = transcode(&written(&folder, &name, &bytes), MAX_CPU_S);
        let all = |done: &String| done.starts_with("10000 ms") && done.ends_with("[]");
        assert!(outcome.result.as_ref().is_ok_and(all), "{outcome:?}");
        assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
    }
}

#[test]
fn absurd_sound() {
    let folder = tempdir().unwrap();
    let jpeg = avi::jpeg(folder.path(), "64x48");
    for (channels, rate_hz) in [
        (255, 48_000),
        (65_535, 48_000),
        (1, 1),
        (2, 1),
        (1, 4_000_000_000),
        (2, 2_147_483_647),
        (8, 768_000),
    ] {
        let pictures = (0..10).flat_map(|_| {
            let sound = avi::chunk(b"01wb", &vec![128; 65_535]);
            [avi::chunk(b"00dc", &jpeg), sound]
        });
        let streams = [
            avi::pictures_stream(b"MJPG"),
            avi::sound_stream(channels, rate_hz),
        ];
        let bytes = avi::file(&streams, &pictures.collect::<Vec<_>>());
        let name = format!("{channels}-channels-{rate_hz}-hz.avi");
        let outcome = transcode(&written(&folder, &name, &bytes), MAX_CPU_S);
        assert!(outcome.is_done() || outcome.is_refused(), "{outcome:?}");
        assert!(outcome.peak_mib < SMALL_MIB, "{outcome:?}");
    }
}
