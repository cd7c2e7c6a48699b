//! Clips that lack one thing: whatever it is, all of them are encoded anew.
//!
//! Each row is a clip that is copied (`compatible`) but for what the row changes.

mod containers;
mod packets;
mod streams;

use std::fs;
use std::path::{Path, PathBuf};

use transcode::{Control, CopyMode, Options};

use crate::drawing::{LADDER, PICTURE, SOUND, draw, options};
use crate::oracle::ssim;
use crate::reasons::reasons_during;
use crate::sinks::transcode;

struct NearMiss {
    name: &'static str,
    /// A part of the reason that is given for not copying it.
    why: &'static str,
    /// As `drawing::draw` takes them.
    picture: &'static str,
    sound: &'static str,
    encoding: &'static str,
    container: &'static str,
    /// What is done to the drawn file.
    then: fn(&Path) -> PathBuf,
    /// Likeness of the top rung to the clip as ffmpeg decodes it; less where they differ on purpose.
    least_ssim: f64,
}

const DRAWN: NearMiss = NearMiss {
    name: "",
    why: "",
    picture: PICTURE,
    sound: SOUND,
    encoding: "",
    container: "mp4",
    then: Path::to_owned,
    least_ssim: 0.93,
};

/// Draws and judges each row; prints what became of it and why.
fn all_are_encoded(rows: &[NearMiss]) {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for row in rows {
        let folder = folder.path().join(row.name.replace([' ', ':', ','], "_"));
        fs::create_dir(&folder).unwrap();
        let drawn = format!("drawn.{}", row.container);
        let drawn = draw(&folder, &drawn, row.picture, row.sound, row.encoding);
        let (what, found) = judge(row, &(row.then)(&drawn));
        println!("{:<55} {what}", row.name);
        wrong.extend(found.iter().map(|found| format!("{}: {found}", row.name)));
        fs::remove_dir_all(&folder).unwrap();
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What became of a clip and why, and what is wrong with that.
fn judge(row: &NearMiss, source: &Path) -> (String, Vec<String>) {
    let auto = options(LADDER);
    let never = Options {
        copy: CopyMode::Never,
        ..auto.clone()
    };
    let control = Control::default();
    let (auto, reasons) = reasons_during(|| transcode(source, &auto, &control).unwrap());
    let never = transcode(source, &never, &control).unwrap();
    let mut wrong = Vec::new();
    if auto.report != never.report {
        wrong.push(format!(
            "the report is not that of COPY=never: {:?}, {:?}",
            auto.report, never.report
        ));
    }
    if auto.files != never.files {
        wrong.push("the files are not those of COPY=never".into());
    }
    if !reasons.contains(row.why) {
        wrong.push(format!("the reason is not that of the row: {reasons:?}"));
    }
    let top = auto.report.renditions.last().unwrap();
    let file = source.with_extension("out.mp4");
    fs::write(&file, &auto.files[&top.name]).unwrap();
    let likeness = ssim(&file, source, top.width_px, top.height_px);
    if likeness < row.least_ssim {
        wrong.push(format!("SSIM {likeness}"));
    }
    let what = match (top.copied, auto.begun.len() > auto.completed) {
        (true, _) => "COPIED",
        (false, true) => "begun anew",
        (false, false) => "encoded",
    };
    (format!("{what:<11} {reasons}"), wrong)
}
