//! Clips whose pictures must be passed on as they are.

mod clips;

use std::fs;
use std::path::Path;

use transcode::{CopyMode, Options, Rendition};

use crate::drawing::{LADDER, draw, options, plain};
use crate::oracle::{decodes_cleanly, field, picture_times, ssim, transcode};
use crate::{pictures, tracks};
use clips::{CLIPS, Clip};

/// The last picture may stand so much longer for the sound.
const MAX_TAIL_S: f64 = 0.1;
const AAC_FRAME_S: f64 = 1024.0 / 44_100.0;

#[test]
fn compatible_clips_are_copied() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for clip in &CLIPS {
        let folder = folder.path();
        let path = draw(
            folder,
            &clip.name.replace(' ', "_"),
            clip.picture,
            clip.sound,
            clip.encoding,
        );
        let found = judge(clip, &path);
        println!("{:<45} {} failures", clip.name, found.len());
        wrong.extend(found.iter().map(|found| format!("{}: {found}", clip.name)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What is wrong with what comes of a clip.
fn judge(clip: &Clip, source: &Path) -> Vec<String> {
    let (report, out) = transcode(source, &options(clip.ladder));
    let mut wrong = Vec::new();
    if !report.warnings.is_empty() {
        wrong.push(format!("warnings {:?}", report.warnings));
    }
    let (top, others) = report.renditions.split_last().unwrap();
    if !top.copied || others.is_empty() || others.iter().any(|other| other.copied) {
        let copied: Vec<bool> = report.renditions.iter().map(|r| r.copied).collect();
        wrong.push(format!("copied {copied:?}"));
        return wrong;
    }
    let of = |rendition: &Rendition| out.join(format!("{}.mp4", rendition.name));
    let frame_s = 1.0 / top.frame_rate;
    let times = from_zero(picture_times(source, false));
    for rendition in &report.renditions {
        let file = of(rendition);
        decodes_cleanly(&file);
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(format!("{}: {what}", rendition.name));
            }
        };
        let found = picture_times(&file, false);
        // Where the sound goes on, an encoder repeats the last picture.
        let (same, more) = found.split_at(times.len().min(found.len()));
        let is_held = more
            .iter()
            .all(|at| at - times[times.len() - 1] <= MAX_TAIL_S);
        expect(
            close(same, &times) && is_held,
            format!("pictures at {found:?}, the source's are at {times:?}"),
        );
        let found = grid(rendition);
        expect(
            found == clip.fragments,
            format!("fragments at {found}, expected {}", clip.fragments),
        );
        let found = rendition
            .segments
            .iter()
            .map(|s| s.duration_s)
            .fold(0.0, f64::max);
        expect(found <= 4.0 + frame_s, format!("a segment of {found} s"));
        let found: f64 = rendition.segments.iter().map(|s| s.duration_s).sum();
        let duration_s = report.duration_ms as f64 / 1000.0;
        expect(
            (found - duration_s).abs() < 0.001,
            format!("segments of {found} s in all, {duration_s} s"),
        );
        let durations_s = tracks::track_durations_s(&fs::read(&file).unwrap());
        let tail_s = durations_s[0] - times.len() as f64 * frame_s;
        expect(
            (-0.001..=MAX_TAIL_S + 0.001).contains(&tail_s),
            format!("{} s of pictures", durations_s[0]),
        );
        if !clip.sound.is_empty() {
            let sound_s = durations_s[1] - AAC_FRAME_S;
            expect(
                (sound_s - durations_s[0]).abs() < AAC_FRAME_S + 0.001,
                format!("{sound_s} s of sound, {} s of pictures", durations_s[0]),
            );
            let first_s = pictures::first_packet_s(&file, "a");
            expect(
                (-AAC_FRAME_S - 0.001..=0.001).contains(&first_s),
                format!("sound from {first_s} s"),
            );
        }
        let likeness = ssim(&file, source, rendition.width_px, rendition.height_px);
        expect(likeness > 0.9, format!("SSIM {likeness}"));
    }
    for other in others {
        let (found, keyframes) = (picture_times(&of(other), true), starts_s(other));
        if !close(&found, &keyframes) {
            wrong.push(format!(
                "{}: IDR frames at {found:?}, fragments at {keyframes:?}",
                other.name
            ));
        }
    }
    wrong.extend(judge_copy(clip, source, top, &of(top)));
    wrong
}

/// What is wrong with the copied rendition.
fn judge_copy(clip: &Clip, source: &Path, top: &Rendition, file: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    if pictures::hashes(file) != pictures::hashes(source) {
        wrong.push("the copied pictures are others".into());
    }
    let (found, there) = (
        picture_times(file, true),
        from_zero(picture_times(source, true)),
    );
    if !close(&found, &there) {
        wrong.push(format!(
            "copied IDR frames at {found:?}, the source's are at {there:?}"
        ));
    }
    let (found, there) = (pictures::len_bytes(file), pictures::len_bytes(source));
    // Parameter sets may go where they are repeated.
    if found > there || found * 100 < there * 99 {
        wrong.push(format!("{found} bytes of pictures, {there} in the source"));
    }
    if pictures::holds_parameter_sets(file) {
        wrong.push("parameter sets lie among its pictures, which avc1 does not allow".into());
    }
    let sound = if clip.sound.is_empty() {
        ""
    } else {
        ",mp4a.40.2"
    };
    let name = pictures::avc_name(&fs::read(source).unwrap());
    if top.codecs != format!("{name}{sound}") {
        wrong.push(format!(
            "codecs {}, the source's pictures are {name}",
            top.codecs
        ));
    }
    let entries = "width,height,sample_aspect_ratio,r_frame_rate";
    let (found, there) = (field(file, "v", entries), field(source, "v", entries));
    if found != there {
        wrong.push(format!("{found}, the source is {there}"));
    }
    wrong
}

fn starts_s(rendition: &Rendition) -> Vec<f64> {
    rendition.keyframes.iter().map(|k| k.start_s).collect()
}

/// `|0 2 |4`: fragments, and which of them start a segment.
fn grid(rendition: &Rendition) -> String {
    let starts_segment = |s: f64| {
        rendition
            .segments
            .iter()
            .any(|segment| segment.start_s == s)
    };
    let fragments = starts_s(rendition).into_iter().map(|s| {
        let bar = if starts_segment(s) { "|" } else { "" };
        format!("{bar}{}", (s * 1000.0).round() / 1000.0)
    });
    fragments.collect::<Vec<_>>().join(" ")
}

fn from_zero(times: Vec<f64>) -> Vec<f64> {
    times.iter().map(|at| at - times[0]).collect()
}

/// The same times, to what ffprobe prints of them.
fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.000_002)
}

#[test]
fn never_means_never() {
    let folder = tempfile::tempdir().unwrap();
    let source = plain(folder.path());
    let never = Options {
        copy: CopyMode::Never,
        ..options(LADDER)
    };
    let (report, out) = transcode(&source, &never);
    assert!(report.renditions.iter().all(|rendition| !rendition.copied));
    assert_ne!(
        pictures::hashes(&out.join("360p.mp4")),
        pictures::hashes(&source)
    );
}

#[test]
fn nothing_of_the_sources_metadata_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let (picture, sound) = ("s=640x360:r=25:d=2", "-f lavfi -i sine=r=48000:d=2");
    let place = "-metadata location=+48.8577+002.295/ -metadata title=Home \
        -metadata:s:v language=fra -metadata:s:v handler_name=Camera";
    let source = draw(folder.path(), "tagged.mp4", picture, sound, place);
    let (report, out) = transcode(&source, &options(LADDER));
    assert!(report.renditions[1].copied);
    let bytes = fs::read(out.join("360p.mp4")).unwrap();
    for word in ["+48.8577", "Home", "Camera"] {
        let found = bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes());
        assert!(!found, "{word} is in the rendition");
    }
}
