//! Files that were made to do harm: to reach what the uploader may not reach, or to use up the
//! machine. Whatever they are called, nothing is opened on their behalf, and time and memory stay
//! within bounds.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod avi;
mod bombs;
mod canary;
mod child;
mod claims;
#[path = "../clips/mod.rs"]
mod clips;
mod damage;
mod h264;
mod indexes;
mod matroska;
mod mp4;
mod names;
#[path = "../oracle/mod.rs"]
mod oracle;
mod references;
mod scripts;
mod subtitles;

use std::io::Cursor;

use transcode::{Control, Error, MemorySink, Options, Report, Source};

/// What came of a file, and all that was written on the way.
struct Attempt {
    outcome: Result<Report, Error>,
    output: Vec<u8>,
}

fn attempt(source: Source) -> Attempt {
    let options = Options {
        preset: "ultrafast".into(),
        threads: 1,
        ..Options::default()
    };
    let sink = MemorySink::new();
    let outcome = transcode::transcode(source, &options, &sink, &Control::default());
    let files = sink.into_files();
    Attempt {
        outcome,
        output: files.into_iter().flat_map(|(_, bytes)| bytes).collect(),
    }
}

fn in_memory(bytes: &[u8]) -> Source {
    Source::reader(Cursor::new(bytes.to_vec())).unwrap()
}
