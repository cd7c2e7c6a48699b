//! Poster and storyboard of clips whose pictures are known.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;
mod stills;

use std::io;
use std::path::Path;

use oracle::make;
use stills::{check, cues, difference, rgb};
use tempfile::tempdir;
use transcode::{
    CancelToken, Control, Error, Extra, MemorySink, Options, RenditionPlan, RenditionSink, Sink,
    Source,
};

fn fast() -> Options {
    Options {
        preset: "ultrafast".into(),
        ..Options::default()
    }
}

/// Mean red, green and blue of a JPEG.
fn mean(path: &Path, filter: &str) -> [f64; 3] {
    let bytes = rgb(path, filter);
    let pixels = bytes.len() / 3;
    [0, 1, 2].map(|channel| {
        let values = bytes[channel..].iter().step_by(3);
        values.map(|value| f64::from(*value)).sum::<f64>() / pixels as f64
    })
}

#[test]
fn a_video_that_begins_black_has_a_poster_that_is_not() {
    let folder = tempdir().unwrap();
    let clip = make(
        folder.path(),
        "black.mp4",
        "-f lavfi -i color=black:s=320x240:r=25:d=4 -f lavfi -i testsrc2=s=320x240:r=25:d=2 \
         -filter_complex [0][1]concat -c:v libx264 -preset ultrafast",
    );
    let (report, out) = oracle::transcode(&clip, &fast());
    assert!(report.poster.unwrap().time_ms >= 4000);
    let found = mean(&out.join("poster.jpg"), "null");
    assert!(found.iter().sum::<f64>() > 150.0, "{found:?}");
    assert_eq!(check(&out, &report), [""; 0]);
}

#[test]
fn of_nothing_but_black_there_is_a_black_one() {
    let folder = tempdir().unwrap();
    let clip = make(
        folder.path(),
        "black.mp4",
        "-f lavfi -i color=black:s=320x240:r=25:d=2 -c:v libx264",
    );
    let (report, out) = oracle::transcode(&clip, &fast());
    let found = mean(&out.join("poster.jpg"), "null");
    assert!(found.iter().all(|level| *level < 1.0), "{found:?}");
    assert_eq!(check(&out, &report), [""; 0]);
}

#[test]
fn colours_are_those_of_the_original() {
    let folder = tempdir().unwrap();
    // Colour bars, in BT.709 and without loss; a wrong matrix moves green by twenty levels.
    let bt709 = "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv";
    let clip = make(
        folder.path(),
        "bars.mp4",
        &format!(
            "-f lavfi -i smptehdbars=s=1920x1080:r=25:d=1 -pix_fmt yuv420p {bt709} -c:v libx264 -qp 0"
        ),
    );
    let (report, out) = oracle::transcode(&clip, &fast());
    let poster = report.poster.unwrap();
    assert_eq!((poster.width_px, poster.height_px), (1280, 720));
    let expected = rgb(
        &clip,
        "select=eq(n\\,0),scale=1280:720:flags=bicubic+accurate_rnd+full_chroma_int:\
         in_color_matrix=bt709:in_range=tv",
    );
    let levels = difference(&rgb(&out.join("poster.jpg"), "null"), &expected);
    assert!(levels < 1.0, "{levels}");
}

#[test]
fn a_tile_shows_what_is_shown_from_its_time_on() {
    const COLOURS: [(&str, [f64; 3]); 4] = [
        ("0xc02020", [192.0, 32.0, 32.0]),
        ("0x20c020", [32.0, 192.0, 32.0]),
        ("0x2020c0", [32.0, 32.0, 192.0]),
        ("0xc0c0c0", [192.0, 192.0, 192.0]),
    ];
    let folder = tempdir().unwrap();
    let mut arguments = String::new();
    for (colour, _) in COLOURS.iter().chain(&COLOURS).chain(&COLOURS) {
        arguments += &format!("-f lavfi -i color={colour}:s=320x180:r=25:d=1 ");
    }
    arguments += "-filter_complex concat=n=12 -c:v libx264 -preset ultrafast";
    let clip = make(folder.path(), "colours.mp4", &arguments);
    let (report, out) = oracle::transcode(&clip, &fast());
    let cues = cues(&std::fs::read_to_string(out.join("storyboard.vtt")).unwrap());
    assert_eq!(cues.len(), 12);
    for (second, cue) in (0..).zip(&cues) {
        assert_eq!(
            (cue.start_ms, cue.end_ms),
            (second * 1000, second * 1000 + 1000)
        );
        let crop = format!(
            "format=rgb24,crop={}:{}:{}:{}",
            cue.width, cue.height, cue.left, cue.top
        );
        let found = mean(&out.join(&cue.sheet), &crop);
        let (name, expected) = COLOURS[second as usize % COLOURS.len()];
        let is_alike = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 6.0);
        assert!(is_alike, "{second} s: {found:?}, expected {name}");
    }
    assert_eq!(check(&out, &report), [""; 0]);
}

#[test]
fn where_the_top_rung_is_copied_the_poster_is_as_large() {
    let folder = tempdir().unwrap();
    let clip = make(
        folder.path(),
        "copied.mp4",
        "-f lavfi -i testsrc2=s=1280x720:r=25:d=4 -pix_fmt yuv420p -c:v libx264 -g 50 -sc_threshold 0 \
         -preset veryfast -x264-params open-gop=0",
    );
    for ladder in ["360:23:800k,720:23:9000k", "720:23:9000k"] {
        let options = Options {
            ladder: ladder.parse().unwrap(),
            ..fast()
        };
        let (report, out) = oracle::transcode(&clip, &options);
        assert!(report.renditions.last().unwrap().copied);
        assert_eq!(report.poster.unwrap().width_px, 1280);
        assert_eq!(report.storyboard.unwrap().tiles, 4);
        assert_eq!(check(&out, &report), [""; 0]);
    }
}

/// libav mirrors such pictures without a copy: their rows lie in memory from the last to the first.
#[test]
fn a_small_picture_that_is_mirrored_is_a_tile_like_any_other() {
    let folder = tempdir().unwrap();
    let halves = "-f lavfi -i color=0xc02020:s=128x48:r=25:d=0.4 -f lavfi -i color=0x2020c0:s=128x48:r=25:d=0.4 \
         -filter_complex [0][1]vstack,scale=out_color_matrix=bt709,format=yuv420p -colorspace bt709 \
         -color_primaries bt709 -color_trc bt709 -color_range tv -c:v libx264 -preset ultrafast";
    let clip = make(folder.path(), "mirrored.mp4", halves);
    let mut file = std::fs::read(&clip).unwrap();
    let numbers = |matrix: [u32; 9]| matrix.map(u32::to_be_bytes).concat();
    const ONE: u32 = 1 << 16;
    let upright = numbers([ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30]);
    let mirrored = numbers([ONE, 0, 0, 0, ONE.wrapping_neg(), 0, 0, 96 << 16, 1 << 30]);
    let head = file.windows(4).position(|four| four == b"tkhd").unwrap();
    let matrix = file[head..].windows(36).position(|at| at == upright);
    file[head + matrix.unwrap()..][..36].copy_from_slice(&mirrored);
    std::fs::write(&clip, file).unwrap();

    let (report, out) = oracle::transcode(&clip, &fast());
    assert_eq!(check(&out, &report), [""; 0]);
    for name in ["poster.jpg", "storyboard-0.jpg"] {
        for (top, expected) in [(0, [32.0, 32.0, 192.0]), (56, [192.0, 32.0, 32.0])] {
            let found = mean(
                &out.join(name),
                &format!("format=rgb24,crop=128:40:0:{top}"),
            );
            let is_alike = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 6.0);
            assert!(is_alike, "{name} from {top}: {found:?}");
        }
    }
}

const SHORT: &str = "-f lavfi -i testsrc2=s=640x360:r=25:d=0.2 -c:v libx264 -preset ultrafast";

#[test]
fn they_come_when_the_renditions_are_complete_unless_they_are_off() {
    let folder = tempdir().unwrap();
    let clip = make(folder.path(), "short.mp4", SHORT);
    let run = |options: &Options| {
        let (source, sink) = (Source::path(&clip).unwrap(), MemorySink::new());
        let report = transcode::transcode(source, options, &sink, &Control::default()).unwrap();
        (report, sink.take_extras())
    };
    let (report, extras) = run(&fast());
    let names: Vec<_> = extras.iter().map(|extra| extra.name.as_str()).collect();
    assert_eq!(names, ["poster.jpg", "storyboard-0.jpg", "storyboard.vtt"]);
    assert_eq!(report.storyboard.unwrap().tiles, 1);

    let without = Options {
        pictures: false,
        ..fast()
    };
    let (report, extras) = run(&without);
    assert_eq!((report.poster, report.storyboard), (None, None));
    assert_eq!(extras, []);
}

/// Takes renditions, and does something else with extras.
struct Extras<F>(MemorySink, F);

impl<F: Fn(Extra) -> io::Result<()> + Sync> Sink for Extras<F> {
    fn rendition(&self, plan: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>> {
        self.0.rendition(plan)
    }

    fn extra(&self, extra: Extra) -> io::Result<()> {
        assert!(!self.0.clone().into_files().is_empty() || extra.name != "poster.jpg");
        (self.1)(extra)
    }
}

#[test]
fn a_sink_that_refuses_one_or_a_cancel_ends_the_transcode() {
    let folder = tempdir().unwrap();
    let clip = make(folder.path(), "short.mp4", SHORT);
    let run = |sink: &dyn Sink, control: &Control| {
        let source = Source::path(&clip).unwrap();
        transcode::transcode(source, &fast(), sink, control)
    };
    let full = Extras(MemorySink::new(), |_| Err(io::Error::other("full")));
    let refused = run(&full, &Control::default());
    assert!(matches!(refused, Err(Error::Sink(_))), "{refused:?}");

    let control = Control::default();
    let cancel: CancelToken = control.cancel.clone();
    let impatient = Extras(MemorySink::new(), move |extra: Extra| {
        assert_eq!(extra.name, "poster.jpg", "no more after the cancel");
        cancel.cancel();
        Ok(())
    });
    let cancelled = run(&impatient, &control);
    assert!(matches!(cancelled, Err(Error::Cancelled)), "{cancelled:?}");
}
