//! Subtitles that ask for much: each track meets a limit that is named and is left out, and the video is done.

use std::fs;
use std::path::PathBuf;

use tempfile::{TempDir, tempdir};

use crate::child::{Outcome, transcode};
use crate::oracle::make;

/// What small pictures may take, with as much text as is allowed.
const MAX_MIB: u64 = 350;
/// For reading text alone, a minute is allowed.
const MAX_CPU_S: u32 = 120;

/// One SubRip track a text, in a clip of some seconds.
fn clip(folder: &TempDir, tracks: &[String]) -> PathBuf {
    let mut inputs = String::new();
    let mut maps = String::new();
    for (n, track) in tracks.iter().enumerate() {
        let path = folder.path().join(format!("{n}.srt"));
        fs::write(&path, track).unwrap();
        inputs += &format!(" -f srt -i {}", path.display());
        maps += &format!(" -map {}", n + 1);
    }
    let picture = "-f lavfi -i color=gray:s=64x48:r=10:d=3";
    let how = "-c:v libx264 -preset ultrafast -c:s copy -max_interleave_delta 0";
    make(
        folder.path(),
        "clip.mkv",
        &format!("{picture}{inputs} -map 0{maps} {how}"),
    )
}

/// So many cues of so much text, all within the clip.
fn cues(count: usize, text: &str) -> String {
    let cue = |n: usize| {
        let ms = n * 2900 / count;
        let (s, ms) = (ms / 1000, ms % 1000);
        format!("{n}\n00:00:{s:02},{ms:03} --> 00:00:03,000\n{n} {text}\n\n")
    };
    (0..count).map(cue).collect()
}

fn of_tracks(tracks: &[String]) -> Outcome {
    let folder = tempdir().unwrap();
    let outcome = transcode(&clip(&folder, tracks), MAX_CPU_S);
    assert!(outcome.peak_mib < MAX_MIB, "{outcome:?}");
    outcome
}

fn warnings(outcome: &Outcome) -> &str {
    outcome.result.as_ref().unwrap()
}

#[test]
fn what_a_track_asks_for_is_bounded() {
    let fine = cues(3, "fine");
    for (track, what) in [
        (cues(50_001, "x"), "its number of cues"),
        (
            cues(2, &"long ".repeat(2000)),
            "the length of one cue in bytes",
        ),
        (
            cues(1000, &"much ".repeat(1000)),
            "the length of its text in bytes",
        ),
        (
            cues(1, &"{\\an8}".repeat(30_000)),
            "the length of one packet in bytes",
        ),
    ] {
        let outcome = of_tracks(&[fine.clone(), track]);
        let said = warnings(&outcome);
        assert!(said.contains(what), "{what}: {said}");
        assert!(said.contains("\"Subtitles 2\""), "{said}");
        assert_eq!(said.matches("SubtitlesLimit").count(), 1, "{said}");
    }
}

#[test]
fn what_all_tracks_ask_for_is_bounded() {
    let track = cues(600, &"much ".repeat(1000));
    let outcome = of_tracks(&vec![track; 6]);
    let said = warnings(&outcome);
    assert!(
        said.contains("the length of all subtitles in bytes"),
        "{said}"
    );
    // Five of them fit.
    assert_eq!(said.matches("SubtitlesLimit").count(), 1, "{said}");
}

/// Markup that is begun and never ended, for which readers may search to the end each time.
#[test]
fn markup_without_an_end_takes_little_time() {
    for text in ["<", "{", "{\\", "<b", "&", "\\", "<font color="] {
        let track = cues(60, &text.repeat(125_000 / text.len()));
        let outcome = of_tracks(&[track]);
        assert!(outcome.is_done(), "{text}: {outcome:?}");
    }
}

/// A script whose head names millions of fields, and styles that have them.
#[test]
fn the_head_of_a_script_is_read_in_little_memory_and_time() {
    let folder = tempdir().unwrap();
    let script = folder.path().join("fields.ass");
    let styles: String = (0..2000).map(|n| format!("Style: s{n},,1\n")).collect();
    let head = format!(
        "[Script Info]\n\n[V4+ Styles]\nFormat: Name{}\n{styles}\n",
        ",".repeat(12 << 20)
    );
    let event = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n\
                 Dialogue: 0,0:00:00.10,0:00:00.90,s1,,0,0,0,,fine\n";
    fs::write(&script, head + event).unwrap();
    let picture = "-f lavfi -i color=gray:s=64x48:r=10:d=1";
    let inputs = format!("{picture} -i {} -map 0 -map 1", script.display());
    let how = "-c:v libx264 -preset ultrafast -c:s copy";
    let clip = make(folder.path(), "fields.mkv", &format!("{inputs} {how}"));
    assert!(fs::metadata(&clip).unwrap().len() > 12 << 20);
    let outcome = transcode(&clip, MAX_CPU_S);
    assert!(outcome.is_done(), "{outcome:?}");
    assert!(outcome.peak_mib < MAX_MIB, "{outcome:?}");
}
