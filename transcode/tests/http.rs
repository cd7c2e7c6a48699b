//! Originals behind URLs: little traffic, and no fault of the network changes a byte.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;
mod server;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use oracle::make;
use server::{Fault, Server};
use tempfile::tempdir;
use transcode::{Control, Error, HttpSource, MemorySink, Options, Report, Source};

type Files = Vec<(String, Vec<u8>)>;

/// About 9 MB, index in front or at the end.
fn film(index_in_front: bool) -> Vec<u8> {
    let folder = tempdir().unwrap();
    let flags = if index_in_front {
        "-movflags +faststart"
    } else {
        ""
    };
    let clip = format!(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=6,noise=alls=60:allf=t \
         -f lavfi -i sine=r=48000:d=6 -c:v libx264 -preset ultrafast -b:v 12M -c:a aac {flags}"
    );
    fs::read(make(folder.path(), "film.mp4", &clip)).unwrap()
}

fn run(source: Source) -> Result<(Report, Files), Error> {
    let sink = MemorySink::new();
    // With several threads x264's rate control is not repeatable to the byte.
    let options = Options {
        threads: 1,
        preset: "ultrafast".into(),
        ..Options::default()
    };
    let report = transcode::transcode(source, &options, &sink, &Control::default())?;
    Ok((report, sink.into_files()))
}

fn over_http(server: &Server) -> Result<(Report, Files), Error> {
    let url = format!("{}/film.mp4", server.base_url);
    run(Source::http(HttpSource::new(move || Ok(url.clone()))))
}

fn from_memory(film: &[u8]) -> Files {
    run(Source::reader(std::io::Cursor::new(film.to_vec())).unwrap())
        .unwrap()
        .1
}

#[test]
fn a_film_is_fetched_about_once() {
    for index_in_front in [true, false] {
        let film = film(index_in_front);
        let len = film.len() as f64;
        let server = Server::start(film.clone(), |_, _| Fault::None);
        let (report, files) = over_http(&server).unwrap();
        assert!(
            files == from_memory(&film),
            "the network must not change the result"
        );
        let log = server.log();
        assert_eq!(report.fetched.bytes, log.body_bytes);
        assert_eq!(report.fetched.requests, log.paths.len() as u64);
        assert!(
            log.body_bytes as f64 <= 1.05 * len,
            "{} of {len} bytes",
            log.body_bytes
        );
        assert!(log.paths.len() <= 12, "{} requests", log.paths.len());
    }
}

#[test]
fn faults_on_the_way_change_nothing() {
    let film = film(false);
    let expected = from_memory(&film);
    let server = Server::start(film, |number, _| match number {
        1 => Fault::HangUp,
        3 => Fault::Status(503),
        5 => Fault::CutAfter(100_000),
        6 => Fault::CutAfter(0),
        8 => Fault::Status(500),
        _ => Fault::None,
    });
    let (_, files) = over_http(&server).unwrap();
    assert!(server.log().paths.len() > 9, "every fault was met");
    assert!(files == expected, "the result differs");
}

#[test]
fn an_expired_url_is_replaced_by_a_fresh_one() {
    let film = film(false);
    let expected = from_memory(&film);
    let server = Server::start(film, |number, path| match (number, path) {
        (2.., "/0") => Fault::Status(403),
        _ => Fault::None,
    });
    let base = server.base_url.clone();
    let signed = AtomicUsize::new(0);
    let source =
        HttpSource::new(move || Ok(format!("{base}/{}", signed.fetch_add(1, Ordering::Relaxed))));
    let (_, files) = run(Source::http(source)).unwrap();
    assert!(files == expected, "the result differs");
    assert_eq!(server.log().paths.last().map(String::as_str), Some("/1"));
}

#[test]
fn a_replaced_original_is_an_error_and_no_mixture() {
    let server = Server::start(film(false), |number, _| match number {
        2.. => Fault::Replaced,
        _ => Fault::None,
    });
    let error = over_http(&server).unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error:?}");
    assert!(error.to_string().contains("replaced"), "{error}");
}

#[test]
fn an_error_never_shows_the_url() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (base, status) in [(None, 404), (None, 400), (Some(closed), 0)] {
        let server = Server::start(vec![0; 10], move |_, _| Fault::Status(status));
        let base = base.map_or(server.base_url.clone(), |address| {
            format!("http://{address}")
        });
        let url = format!("{base}/film.mp4?signature=secret");
        let error = run(Source::http(HttpSource::new(move || Ok(url.clone())))).unwrap_err();
        let shown = format!("{error} {error:?} {}", error.user_message());
        assert!(
            !shown.contains("secret") && !shown.contains("film.mp4"),
            "{shown}"
        );
    }
}
