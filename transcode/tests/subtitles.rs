//! Text subtitles become WebVTT that says what ffmpeg's own conversion says, at the same time, as sound and
//! picture are mapped.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use std::fs;
use std::path::{Path, PathBuf};

use oracle::{field, make, run, transcode};
use tempfile::{TempDir, tempdir};
use transcode::{Options, Report, SubtitleTrack, Warning};

const CLIP: &str = "-f lavfi -i testsrc2=s=160x90:r=25:d=6";
const H264: &str = "-c:v libx264 -preset ultrafast";

#[derive(Debug, Clone, PartialEq)]
struct Cue {
    start_ms: i64,
    end_ms: i64,
    text: String,
}

fn cue(start_ms: i64, end_ms: i64, text: &str) -> Cue {
    Cue {
        start_ms,
        end_ms,
        text: text.into(),
    }
}

/// Reads a document: of ours strictly, of ffmpeg's with what it leaves unescaped.
fn cues(document: &str) -> Vec<Cue> {
    let body = document.strip_prefix("WEBVTT\n").unwrap().trim();
    let blocks = body.split("\n\n").filter(|block| !block.is_empty());
    let read = blocks.map(|block| {
        let (times, text) = block.split_once('\n').unwrap_or((block, ""));
        let (start, end) = times.split_once(" --> ").unwrap();
        cue(ms(start), ms(end), text)
    });
    read.collect()
}

fn ms(timestamp: &str) -> i64 {
    let fields = timestamp.split([':', '.']);
    let fields: Vec<i64> = fields.map(|field| field.parse().unwrap()).collect();
    let [hours, minutes, seconds, ms] = match fields[..] {
        [minutes, seconds, ms] => [0, minutes, seconds, ms],
        [hours, minutes, seconds, ms] => [hours, minutes, seconds, ms],
        _ => panic!("{timestamp}"),
    };
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&amp;", "&")
}

/// A copy of a fixture, beside which there is room for what comes of it.
fn fixture(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    fs::copy(fixtures.join(name), &path).unwrap();
    path
}

fn ours(out: &Path, track: usize) -> Vec<Cue> {
    cues(&fs::read_to_string(out.join(format!("subtitles-{track}.vtt"))).unwrap())
}

/// What ffmpeg makes of a track, with the time of the first picture for zero, and within the video.
fn theirs(source: &Path, track: usize, report: &Report) -> Vec<Cue> {
    let zero_ms = field(source, "v:0", "start_time").parse::<f64>().unwrap() * 1000.0;
    let (zero_ms, end_ms) = (zero_ms.round() as i64, report.duration_ms as i64);
    let map = format!("0:s:{track}");
    let source = source.to_str().unwrap();
    let convert = [
        "-v", "error", "-copyts", "-i", source, "-map", &map, "-f", "webvtt", "-",
    ];
    let mut read = cues(&run("ffmpeg", &convert).0);
    for cue in &mut read {
        cue.start_ms -= zero_ms;
        cue.end_ms = (cue.end_ms - zero_ms).min(end_ms);
    }
    read
}

/// Within a millisecond, and the same text.
fn agree(ours: &[Cue], theirs: &[Cue]) {
    let near = |a: i64, b: i64| (a - b).abs() <= 1;
    let same = ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(ours, theirs)| {
            near(ours.start_ms, theirs.start_ms)
                && near(ours.end_ms, theirs.end_ms)
                && unescaped(&ours.text) == theirs.text
        });
    assert!(same, "{ours:#?}\n{theirs:#?}");
}

fn track(language: Option<&str>, name: &str, is_default: bool, is_forced: bool) -> SubtitleTrack {
    SubtitleTrack {
        language: language.map(str::to_owned),
        name: name.into(),
        is_default,
        is_forced,
    }
}

#[test]
fn subrip_and_a_script_in_matroska() {
    let folder = tempdir().unwrap();
    let source = fixture(&folder, "subtitles.mkv");
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(
        report.subtitles,
        [
            track(Some("en"), "English", true, false),
            track(Some("de"), "German (forced)", false, true),
            track(Some("fr"), "Script “à la main”", false, false),
        ]
    );
    assert_eq!(report.warnings, []);
    for subrip in [0, 1] {
        agree(&ours(&out, subrip), &theirs(&source, subrip, &report));
    }
    let end_ms = report.duration_ms as i64;
    let last = ours(&out, 0).pop().unwrap();
    assert_eq!(last, cue(5000, end_ms, "It goes on beyond the end"));
    // ffmpeg shows drawings and notes, too, a weight for bold, and a line for each picture of its move.
    assert_eq!(
        ours(&out, 2),
        [
            cue(500, 2000, "Voilà, <i>bien</i> placé\nen deux lignes"),
            cue(1200, 2500, "<i>Un air, une pensée</i>"),
            cue(4000, 4080, "Panneau"),
        ]
    );
    let times = |cues: &[Cue]| cues.iter().map(|cue| cue.start_ms).collect::<Vec<_>>();
    let [a, b, _drawing, c, _move] = times(&theirs(&source, 2, &report))[..] else {
        panic!("ffmpeg reads the script otherwise");
    };
    assert_eq!(times(&ours(&out, 2)), [a, b, c]);
}

#[test]
fn edit_lists_move_text_as_they_move_the_picture() {
    let folder = tempdir().unwrap();
    let source = fixture(&folder, "subtitles_edit_list.mp4");
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(
        report.subtitles,
        [
            track(Some("en"), "English", true, false),
            track(Some("pt"), "Portuguese", false, false),
        ]
    );
    for n in [0, 1] {
        agree(&ours(&out, n), &theirs(&source, n, &report));
    }
    assert_eq!(ours(&out, 0)[0].start_ms, 900, "0.5 s, and 0.4 s late");
}

#[test]
fn webvtt_in_webm_keeps_its_styles() {
    let folder = tempdir().unwrap();
    let source = fixture(&folder, "subtitles.webm");
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(
        report.subtitles,
        [track(Some("ja"), "Japanese", false, false)]
    );
    let expected = [
        cue(500, 2000, "<b>Bold</b> &amp; <i>italic</i>"),
        cue(1000, 3000, "1 &lt; 2 as one says"),
    ];
    assert_eq!(ours(&out, 0), expected);
    // ffmpeg knows no classes.
    let mut theirs = theirs(&source, 0, &report);
    theirs[0].text = theirs[0].text.replace("italic", "<i>italic</i>");
    agree(&expected, &theirs);
}

/// No ffmpeg of ours writes this form: a sample of another form, as long, is made one of it.
#[test]
fn webvtt_in_mp4() {
    let folder = tempdir().unwrap();
    let payload = "<i.x>one</i>\ntwo";
    let of = |kind: &[u8; 4], content: &[u8]| {
        let len = (content.len() as u32 + 8).to_be_bytes();
        [&len[..], kind, content].concat()
    };
    let sample = of(b"vttc", &of(b"payl", payload.as_bytes()));
    // Two bytes of a length stand before the text.
    let text = "X".repeat(sample.len() - 2);
    let lines = folder.path().join("lines.srt");
    fs::write(
        &lines,
        format!("1\n00:00:01,000 --> 00:00:02,500\n{text}\n"),
    )
    .unwrap();
    let arguments = format!(
        "{CLIP} -i {} -map 0 -map 1 {H264} -c:s mov_text -metadata:s:s:0 language=chi",
        lines.display()
    );
    let source = make(folder.path(), "wvtt.mp4", &arguments);
    let mut bytes = fs::read(&source).unwrap();
    let find = |bytes: &[u8], what: &[u8]| {
        let at = bytes.windows(what.len()).position(|window| window == what);
        at.unwrap_or_else(|| panic!("no {what:?}"))
    };
    let at = find(&bytes, text.as_bytes()) - 2;
    bytes[at..at + sample.len()].copy_from_slice(&sample);
    // The samples before and after it are empty, and hold no box either.
    let at = find(&bytes, b"tx3g");
    bytes[at..at + 4].copy_from_slice(b"wvtt");
    fs::write(&source, bytes).unwrap();
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(
        report.subtitles,
        [track(Some("zh"), "Chinese", true, false)]
    );
    assert_eq!(ours(&out, 0), [cue(1000, 2500, "<i>one</i>\ntwo")]);
}

#[test]
fn fonts_for_subtitles_are_no_streams_too_many() {
    let folder = tempdir().unwrap();
    let font = folder.path().join("font.ttf");
    fs::write(&font, "no font").unwrap();
    let attach = format!(
        " -attach {} -metadata:s:t mimetype=font/ttf",
        font.display()
    );
    let with_text = fixture(&folder, "subtitles.mkv");
    let arguments = format!(
        "-i {} -map 0 -c copy{}",
        with_text.display(),
        attach.repeat(40)
    );
    let source = make(folder.path(), "fonts.mkv", &arguments);
    let (report, _) = transcode(&source, &Options::default());
    assert_eq!(report.subtitles.len(), 3);
}

#[test]
fn pictures_of_text_are_left_out_and_said() {
    let folder = tempdir().unwrap();
    let source = fixture(&folder, "subtitles_of_pictures.mkv");
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(report.subtitles, []);
    assert_eq!(
        report.warnings,
        [Warning::SubtitlesUnreadable { tracks: 1 }]
    );
    assert!(!out.join("subtitles-0.vtt").exists());
}

#[test]
fn a_track_without_a_cue_within_the_video_is_none() {
    let folder = tempdir().unwrap();
    let lines = folder.path().join("late.srt");
    fs::write(&lines, "1\n00:00:08,000 --> 00:00:09,000\nAfter all\n").unwrap();
    let arguments = format!("{CLIP} -i {} -map 0 -map 1 {H264}", lines.display());
    let source = make(folder.path(), "late.mkv", &arguments);
    let (report, _) = transcode(&source, &Options::default());
    assert_eq!(report.subtitles, []);
    assert_eq!(report.warnings, []);
}

#[test]
fn files_joined_end_to_end_keep_their_text_beside_the_picture() {
    let folder = tempdir().unwrap();
    let lines = folder.path().join("lines.srt");
    let text = "1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\n00:00:04,000 --> 00:00:05,000\nTwo\n";
    fs::write(&lines, text).unwrap();
    let arguments = format!("{CLIP} -i {} -map 0 -map 1 {H264}", lines.display());
    let part = fs::read(make(folder.path(), "part.mkv", &arguments)).unwrap();
    let source = folder.path().join("joined.mkv");
    fs::write(&source, [&part[..], &part].concat()).unwrap();
    let (report, out) = transcode(&source, &Options::default());
    assert!(
        (12_000..12_100).contains(&report.duration_ms),
        "{}",
        report.duration_ms
    );
    let starts: Vec<i64> = ours(&out, 0).iter().map(|cue| cue.start_ms).collect();
    let expected = [1000, 4000, 7000, 10_000];
    let near = starts
        .iter()
        .zip(expected)
        .all(|(at, expected)| (at - expected).abs() <= 80);
    assert!(near && starts.len() == 4, "{starts:?}");
}
