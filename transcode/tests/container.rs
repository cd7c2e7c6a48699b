//! The file's structure, as players depend on it.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use std::fs;
use std::path::Path;

use oracle::{decodes_cleanly, make, transcode};
use tempfile::tempdir;
use transcode::{Options, Rendition};

const CLIP: &str = "-f lavfi -i testsrc2=s=640x360:r=24:d=11 \
    -f lavfi -i sine=f=440:r=48000:d=11 -c:v libx264 -preset ultrafast -c:a aac";

/// (kind, offset, length) of each box.
fn boxes(bytes: &[u8]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        found.push((
            String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned(),
            at,
            len,
        ));
        at += len;
    }
    found
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// `baseMediaDecodeTime` of each track in a `moof`, in file order.
fn decode_times(moof: &[u8]) -> Vec<u64> {
    moof.windows(4)
        .enumerate()
        .filter(|(_, kind)| kind == b"tfdt")
        .map(|(at, _)| u64::from_be_bytes(moof[at + 8..at + 16].try_into().unwrap()))
        .collect()
}

fn rendition(folder: &Path) -> (Rendition, Vec<u8>, std::path::PathBuf) {
    let source = make(folder, "clip.mp4", CLIP);
    let (report, out) = transcode(
        &source,
        &Options {
            threads: 1,
            ..Options::default()
        },
    );
    let file = out.join("360p.mp4");
    (report.renditions[0].clone(), fs::read(&file).unwrap(), file)
}

#[test]
fn boxes_stand_where_players_look_for_them() {
    let folder = tempdir().unwrap();
    let (rendition, bytes, _) = rendition(folder.path());
    let boxes = boxes(&bytes);
    let kinds: Vec<&str> = boxes.iter().map(|(kind, ..)| kind.as_str()).collect();
    assert_eq!(
        kinds[..7],
        ["ftyp", "moov", "free", "sidx", "sidx", "moof", "mdat"]
    );
    assert!(
        kinds[5..].chunks(2).all(|pair| pair == ["moof", "mdat"]),
        "{kinds:?}"
    );
    assert_eq!(
        rendition.init_len_bytes as usize, boxes[2].1,
        "the map ends before `free`"
    );
    assert_eq!(rendition.len_bytes as usize, bytes.len());

    // Each index leads from fragment to fragment to the end of the file.
    let first_moof = boxes[5].1;
    for (_, at, len) in &boxes[3..5] {
        let first_offset = u32_at(&bytes, at + 24) as usize;
        assert_eq!(at + len + first_offset, first_moof);
        let count = (u32_at(&bytes, at + 28) & 0xffff) as usize;
        let lens: usize = (0..count)
            .map(|i| u32_at(&bytes, at + 32 + i * 12) as usize)
            .sum();
        assert_eq!(first_moof + lens, bytes.len());
        let ticks: u32 = (0..count).map(|i| u32_at(&bytes, at + 36 + i * 12)).sum();
        let seconds = f64::from(ticks) / f64::from(u32_at(&bytes, at + 16));
        assert!((seconds - 11.0).abs() < 0.045, "{seconds}");
    }
}

#[test]
fn segments_are_whole_fragments_in_time() {
    let folder = tempdir().unwrap();
    let (rendition, bytes, _) = rendition(folder.path());
    let starts: Vec<f64> = rendition.segments.iter().map(|s| s.start_s).collect();
    assert_eq!(starts.len(), 3);
    let mut sum_s = 0.0;
    let mut end = boxes(&bytes)[5].1 as u64;
    for segment in &rendition.segments {
        assert_eq!(segment.offset_bytes, end);
        assert!(
            (segment.start_s - sum_s).abs() < 1e-6,
            "decode time is the sum of durations"
        );
        let part = &bytes[segment.offset_bytes as usize..][..segment.len_bytes as usize];
        let times = decode_times(&part[..boxes(part)[0].2]);
        let video_s = times[0] as f64 / f64::from(10008);
        let audio_s = times[1] as f64 / 48_000.0;
        assert!((video_s - segment.start_s).abs() < 1e-6);
        assert!(
            (0.0..0.0214).contains(&(audio_s - video_s)),
            "sound at {audio_s}, picture at {video_s}"
        );
        sum_s += segment.duration_s;
        end += segment.len_bytes;
    }
    assert_eq!(end, bytes.len() as u64);
    assert!((sum_s - 11.0).abs() < 0.042, "{sum_s}");
}

#[test]
fn a_segment_and_a_keyframe_decode_alone() {
    let folder = tempdir().unwrap();
    let (rendition, bytes, _) = rendition(folder.path());
    let init = &bytes[..rendition.init_len_bytes as usize];
    let cut = |offset: u64, len: u64| &bytes[offset as usize..][..len as usize];
    let alone = folder.path().join("alone.mp4");

    let segment = rendition.segments[1];
    fs::write(
        &alone,
        [init, cut(segment.offset_bytes, segment.len_bytes)].concat(),
    )
    .unwrap();
    decodes_cleanly(&alone);
    assert_eq!(oracle::picture_times(&alone, false).len(), 96);

    let keyframe = rendition.keyframes[3];
    fs::write(
        &alone,
        [init, cut(keyframe.offset_bytes, keyframe.len_bytes)].concat(),
    )
    .unwrap();
    // The rest of the fragment is missing on purpose; its first picture must be there.
    assert_eq!(oracle::picture_times(&alone, true).len(), 1);
}

#[test]
fn one_thread_gives_the_same_bytes_each_time() {
    let folder = tempdir().unwrap();
    let (_, first, file) = rendition(folder.path());
    let (_, second, _) = rendition(folder.path());
    assert!(first == second, "{} differs", file.display());
}
