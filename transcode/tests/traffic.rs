//! What reading over HTTP costs: bytes and requests for the shapes of file there are. Prints a
//! table: `cargo test -p transcode --test traffic -- --nocapture`.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod interleave;
mod oracle;
mod server;

use std::fs;
use std::path::Path;

use interleave::in_turns;
use oracle::make;
use server::{Fault, Server};
use tempfile::tempdir;
use transcode::{Control, HttpSource, MemorySink, Options, Source};

const DURATION_S: f64 = 20.0;
/// Of requests at 8 MiB each for 40 MB, with as many again for finding the way.
const MAX_REQUESTS: usize = 24;

/// Larger than the reader's cache: 40 MB, without B-frames so that AVI can hold it.
fn film(folder: &Path) -> String {
    let film = format!(
        "-f lavfi -i testsrc2=s=320x180:r=25:d={DURATION_S},noise=alls=70:allf=t \
         -f lavfi -i aevalsrc=random(0)-0.5:s=48000:d={DURATION_S} \
         -c:v libx264 -preset ultrafast -b:v 16M -maxrate 16M -bufsize 16M -pix_fmt yuv420p \
         -c:a aac -b:a 256k"
    );
    make(folder, "film.mkv", &film).display().to_string()
}

/// Gives bytes fetched, as a multiple of the length, and requests.
fn fetch(name: &str, file: Vec<u8>) -> (f64, usize) {
    let len_bytes = file.len() as f64;
    let server = Server::start(file, |_, _| Fault::None);
    let url = format!("{}/{name}", server.base_url);
    let options = Options {
        preset: "ultrafast".into(),
        ..Options::default()
    };
    let report = transcode::transcode(
        Source::http(HttpSource::new(move || Ok(url.clone()))),
        &options,
        &MemorySink::new(),
        &Control::default(),
    )
    .unwrap();
    let off_ms = report.duration_ms as f64 - DURATION_S * 1000.0;
    assert!(off_ms.abs() < 100.0, "{name}: {} ms", report.duration_ms);
    let log = server.log();
    assert_eq!(report.fetched.bytes, log.body_bytes, "{name}");
    assert_eq!(report.fetched.requests, log.paths.len() as u64, "{name}");
    let times = log.body_bytes as f64 / len_bytes;
    println!(
        "{name:24} {:5.1} MB, fetched {times:.3} times, {:3} requests, {} connections",
        len_bytes / 1e6,
        log.paths.len(),
        log.connections
    );
    (times, log.paths.len())
}

#[test]
fn every_shape_of_file_is_fetched_about_once() {
    let folder = tempdir().unwrap();
    let film = film(folder.path());
    let shape_with = |name: &str, input: &str, how: &str| {
        let arguments = format!("-i {film} {input} -c copy {how}");
        fs::read(make(folder.path(), name, &arguments)).unwrap()
    };
    let shape = |name: &str, how: &str| shape_with(name, "", how);
    let index_last = shape("index-last.mp4", "");
    let text = folder.path().join("text.srt");
    let line = |s: usize| format!("{s}\n00:00:{s:02},000 --> 00:00:{s:02},900\nLine {s}\n\n");
    fs::write(&text, (0..20).map(line).collect::<String>()).unwrap();
    let text = format!("-i {}", text.display());
    let with_text = shape_with("text.mp4", &text, "-c:s mov_text");
    let heavy_sound = shape("heavy-sound.mov", "-c:a pcm_s24le");
    let shapes = [
        (
            "index-first.mp4",
            shape("index-first.mp4", "-movflags +faststart"),
        ),
        (
            "turns-of-10-s.mov",
            in_turns(&heavy_sound, DURATION_S, 10.0),
        ),
        (
            "sound-after-picture.mov",
            in_turns(&heavy_sound, DURATION_S, DURATION_S),
        ),
        ("index-last.mp4", index_last),
        (
            "fragmented.mp4",
            shape("fragmented.mp4", "-movflags +frag_keyframe+empty_moov"),
        ),
        ("text.mkv", shape_with("text.mkv", &text, "")),
        (
            "text-after-picture.mp4",
            in_turns(&with_text, DURATION_S, DURATION_S),
        ),
        ("text.mp4", with_text),
        ("cues-last.mkv", fs::read(&film).unwrap()),
        ("no-cues.mkv", shape("no-cues.mkv", "-live 1")),
        ("stream.ts", shape("stream.ts", "")),
        (
            "index-last.avi",
            shape("index-last.avi", "-bsf:v h264_mp4toannexb"),
        ),
        ("stream.flv", shape("stream.flv", "")),
    ];
    let costs = shapes.map(|(name, file)| (name, fetch(name, file)));
    for (name, (times, requests)) in costs {
        assert!(times <= 1.05, "{name} was fetched {times} times");
        assert!(requests <= MAX_REQUESTS, "{name} took {requests} requests");
    }
}
