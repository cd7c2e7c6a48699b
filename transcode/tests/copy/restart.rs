//! A file that proves to be unfit in the middle: everything is begun anew, as if it had never been
//! tried.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use transcode::{Control, CopyMode, Options};

use crate::drawing::{LADDER, draw, options};
use crate::patches::{nal_headers, patch, pictures};
use crate::sinks::transcode;

const IDR_SLICE: u8 = 5;
const OTHER_SLICE: u8 = 1;

/// Twelve seconds with a line of text, of which the last IDR frame is none.
fn unfit_at_the_end(folder: &Path) -> PathBuf {
    let text = folder.join("line.srt");
    fs::write(&text, "1\n00:00:01,000 --> 00:00:02,000\nOnce\n").unwrap();
    let sound = format!("-f lavfi -i sine=r=48000:d=12 -i {}", text.display());
    let picture = "s=640x360:r=25:d=12";
    let clip = draw(folder, "long.mp4", picture, &sound, "-c:s mov_text");
    let last_idr = pictures(&clip)[5 * 50].clone();
    patch(&clip, "unfit.mp4", |bytes| {
        let headers = nal_headers(bytes, last_idr);
        let slice = headers
            .into_iter()
            .find(|at| bytes[*at] & 0x1f == IDR_SLICE);
        let slice = slice.expect("an IDR frame");
        bytes[slice] = bytes[slice] & 0xe0 | OTHER_SLICE;
    })
}

#[test]
fn all_renditions_are_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let source = unfit_at_the_end(folder.path());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let control = Control {
        on_progress: Some(Box::new({
            let seen = Arc::clone(&seen);
            move |progress| seen.lock().unwrap().push(progress)
        })),
        ..Control::default()
    };
    let auto = transcode(&source, &options(LADDER), &control).unwrap();
    let never = Options {
        copy: CopyMode::Never,
        ..options(LADDER)
    };
    let never = transcode(&source, &never, &Control::default()).unwrap();

    let times_begun = |name: &str| auto.begun.iter().filter(|begun| *begun == name).count();
    assert_eq!([times_begun("180p"), times_begun("360p")], [2, 2]);
    assert_eq!(auto.completed, 2, "what was given up was never completed");
    assert_eq!(auto.report, never.report);
    assert!(
        auto.files == never.files,
        "the files are those of COPY=never"
    );

    assert_eq!(auto.report.subtitles.len(), 1);
    assert_eq!(auto.extras, never.extras, "no line is there twice");

    let fractions: Vec<f64> = seen.lock().unwrap().iter().map(|p| p.fraction).collect();
    assert!(
        fractions.is_sorted(),
        "progress never goes back: {fractions:?}"
    );
    assert!(
        fractions.last().is_some_and(|last| *last > 0.97),
        "{fractions:?}"
    );
}
