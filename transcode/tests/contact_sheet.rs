//! Poster and storyboard of every fixture, and of every clip in the folder that `ASSETLAB_CLIPS` names, on one
//! picture to look at: `make contact-sheet` writes `target/contact-sheet-0.png` and on.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use std::fs;
use std::path::{Path, PathBuf};

use oracle::run;
use tempfile::tempdir;
use transcode::{Control, FolderSink, Ladder, Options, Source};

/// Rows of one picture, which viewers still open.
const ROWS: usize = 24;

/// Files of a folder and of those in it, by name.
fn clips(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| clips(folder)));
    files.sort();
    files
}

/// A clip's row: its poster, and the first sheet of its storyboard; none where it is no video.
fn row(clip: &Path, folder: &Path) -> Option<PathBuf> {
    let options = Options {
        // The size that the poster is made of, and no more.
        ladder: "720:30:3500k".parse::<Ladder>().unwrap(),
        preset: "ultrafast".into(),
        ..Options::default()
    };
    let sink = FolderSink::new(folder).unwrap();
    let source = Source::path(clip).unwrap();
    let report = transcode::transcode(source, &options, &sink, &Control::default()).ok()?;
    let name: String = clip
        .file_name()?
        .to_str()?
        .chars()
        .filter(|c| c.is_alphanumeric() || "._-".contains(*c))
        .collect();
    let at_s = report.poster?.time_ms as f64 / 1000.0;
    let boxed = |width: u32| {
        format!(
            "scale={width}:270:force_original_aspect_ratio=decrease,pad={width}:300:(ow-iw)/2:30:gray,setsar=1"
        )
    };
    let label = format!(
        "drawtext=text='{name}  {at_s} s of {}':x=8:y=8:fontsize=16",
        report.duration_ms as f64 / 1000.0
    );
    let graph = format!(
        "[0:v]{}[p];[1:v]{}[s];[p][s]hstack,{label}",
        boxed(480),
        boxed(960)
    );
    let path = folder.join("row.png");
    let text = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (poster, sheet) = (text("poster.jpg"), text("storyboard-0.jpg"));
    let arguments = [
        "-v",
        "error",
        "-y",
        "-i",
        &poster,
        "-i",
        &sheet,
        "-filter_complex",
        &graph,
        path.to_str()?,
    ];
    run("ffmpeg", &arguments);
    Some(path)
}

#[test]
#[ignore = "a picture to look at, and no judgement"]
fn posters_and_storyboards_to_look_at() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut all = clips(&fixtures);
    if let Some(folder) = std::env::var_os("ASSETLAB_CLIPS") {
        all.extend(clips(Path::new(&folder)));
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned();
    let folder = tempdir().unwrap();
    let rows: Vec<PathBuf> = (0..)
        .zip(&all)
        .filter_map(|(index, clip)| row(clip, &folder.path().join(index.to_string())))
        .collect();
    for (number, rows) in rows.chunks(ROWS).enumerate() {
        let path = target.join(format!("contact-sheet-{number}.png"));
        let mut arguments = vec!["-v", "error", "-y"];
        for row in rows {
            arguments.extend(["-i", row.to_str().unwrap()]);
        }
        let stacked = format!("vstack=inputs={}", rows.len());
        if rows.len() > 1 {
            arguments.extend(["-filter_complex", &stacked]);
        }
        arguments.push(path.to_str().unwrap());
        run("ffmpeg", &arguments);
        println!("{}", path.display());
    }
    assert!(!rows.is_empty());
}
