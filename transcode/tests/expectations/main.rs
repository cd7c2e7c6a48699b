//! Every fixture, and every clip of the folder that `ASSETLAB_CLIPS` names, against the table of
//! expectations: `cargo test -p transcode --test expectations [-- PART_OF_A_NAME]`.
//!
//! Each clip has a process of its own, so that a crash or a hang is the failure of one row, is
//! named, and leaves the others their turn. Who failed is listed at the end.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod fragments;
#[path = "../oracle/mod.rs"]
mod oracle;
mod outcome;
mod picture;
mod rendition;
mod sound;
#[path = "../stills/mod.rs"]
mod stills;
mod table;

use std::env;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use table::Row;

/// The argument by which this program starts itself for one row.
const ROW: &str = "--row";
/// A row that takes longer hangs: so much, and so much for each megabyte of the file. Ordinary
/// clips take a tenth of it on one old core.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_PER_MB: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let rows = table::read();
    if let [first, index] = &arguments[..]
        && first == ROW
    {
        return judge_here(&rows[index.parse::<usize>().unwrap()]);
    }
    // What cargo and libtest's users add, such as `--nocapture`, means nothing here.
    let part = arguments.iter().find(|argument| !argument.starts_with('-'));
    let wanted = |row: &Row| part.is_none_or(|part| row.name().contains(part.as_str()));

    let (mut ran, mut failed) = (0, Vec::new());
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| wanted(row)) {
        let Some(path) = row.path() else { continue };
        ran += 1;
        match judge_apart(index, &path) {
            Ok(said) => println!("{:<50} {said}", row.name()),
            Err(said) => {
                println!("{:<50} FAILED\n{said}", row.name());
                failed.push(row.name());
            }
        }
    }
    println!("{ran} clips, {} off their row", failed.len());
    for name in &failed {
        println!("  {name}");
    }
    if ran > 0 && failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Judges one row in this process.
fn judge_here(row: &Row) -> ExitCode {
    let path = row.path().expect("it was there a moment ago");
    let verdict = outcome::judge(row, &path);
    println!("{}", verdict.said);
    for failure in &verdict.failures {
        println!("  {failure}");
    }
    if verdict.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Judges one row in a process that may crash or hang.
fn judge_apart(index: usize, path: &Path) -> Result<String, String> {
    let len_bytes = path.metadata().map_err(|error| error.to_string())?.len();
    let bound = PATIENCE + PATIENCE_PER_MB * (len_bytes / 1_000_000) as u32;
    // A file, not a pipe: no amount of complaints can block the process.
    let mut complaints = tempfile::tempfile().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args([ROW, &index.to_string()])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::try_clone(&complaints).unwrap())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (sender, said) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.read_to_string(&mut text);
        let _ = sender.send(text);
    });
    let said = said.recv_timeout(bound);
    if said.is_err() {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    reader.join().unwrap();
    let said = said.map_err(|_| format!("  hangs: not done after {} s", bound.as_secs()))?;
    if status.success() {
        return Ok(said.trim_end().to_owned());
    }
    let mut last_words = String::new();
    complaints.rewind().unwrap();
    let _ = complaints.read_to_string(&mut last_words);
    let from = last_words.len().saturating_sub(2000);
    let last_words = last_words.get(from..).unwrap_or_default();
    Err(format!("  ended with {status}\n{said}{last_words}"))
}
