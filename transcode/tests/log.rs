//! What libav says goes to the subscriber, and nowhere else.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod lines;
mod oracle;

use std::io::Cursor;

use lines::Lines;
use oracle::make;
use tempfile::tempdir;
use transcode::{Control, MemorySink, Options, Source};

/// One test for the whole file: libav's callback and this subscriber are the process's.
#[test]
fn libav_speaks_through_tracing() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=320x180:r=25:d=8 -c:v libx264 -preset ultrafast";
    let mut film = std::fs::read(make(folder.path(), "film.ts", clip)).unwrap();
    for packet in film.chunks_mut(188).skip(100).step_by(3) {
        packet[20..40].fill(0x55);
    }
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer({
            let lines = lines.clone();
            move || lines.clone()
        })
        .init();
    let source = Source::reader(Cursor::new(film)).unwrap();
    let report = transcode::transcode(
        source,
        &Options::default(),
        &MemorySink::new(),
        &Control::default(),
    );
    let log = lines.text();
    let libav: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" libav: "))
        .collect();
    assert!(
        libav.iter().any(|line| line.contains("h264")),
        "{report:?}\n{log}"
    );
    assert!(libav.iter().all(|line| line.contains("DEBUG")), "{libav:?}");
}
