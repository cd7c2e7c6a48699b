//! Originals behind URLs: no fault of the network or the server changes a byte of what comes out.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;
mod server;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use oracle::make;
use server::{Fault, Server, Validator};
use tempfile::tempdir;
use transcode::{
    CancelToken, Control, Error, HttpSource, MemorySink, Options, Report, RetryPolicy, Source,
};

type Files = Vec<(String, Vec<u8>)>;

const NEVER: Duration = Duration::from_secs(24 * 3600);

/// About 4 MB, with its index at the end.
fn film() -> Vec<u8> {
    static FILM: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let folder = tempdir().unwrap();
        let clip = "-f lavfi -i testsrc2=s=160x90:r=25:d=4,noise=alls=80:allf=t \
            -f lavfi -i sine=r=48000:d=4 -c:v libx264 -preset ultrafast -b:v 8M -c:a aac";
        fs::read(make(folder.path(), "film.mp4", clip)).unwrap()
    };
    FILM.get_or_init(make).clone()
}

/// What comes out of it when nothing is in the way.
fn expected() -> &'static Files {
    static EXPECTED: OnceLock<Files> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let film = std::io::Cursor::new(film());
        run(Source::reader(film).unwrap(), CancelToken::new())
            .unwrap()
            .1
    })
}

/// Tries again at once.
fn hasty() -> RetryPolicy {
    RetryPolicy {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(8),
        ..RetryPolicy::default()
    }
}

fn run(source: Source, cancel: CancelToken) -> Result<(Report, Files), Error> {
    let sink = MemorySink::new();
    // With several threads x264's rate control is not repeatable to the byte.
    let options = Options {
        threads: 1,
        preset: "ultrafast".into(),
        ..Options::default()
    };
    let control = Control {
        cancel,
        ..Control::default()
    };
    let report = transcode::transcode(source, &options, &sink, &control)?;
    Ok((report, sink.into_files()))
}

fn source(server: &Server, policy: RetryPolicy) -> Source {
    let url = format!("{}/film.mp4?signature=secret", server.base_url);
    Source::http(HttpSource::new(move || Ok(url.clone())).with_retries(policy))
}

/// Transcodes the film from a server with faults; the same must come out as without.
fn check(
    policy: RetryPolicy,
    fault: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
) -> (Report, Server) {
    let server = Server::start(film(), fault);
    let (report, files) = run(source(&server, policy), CancelToken::new()).unwrap();
    assert!(files == *expected(), "the result differs");
    (report, server)
}

/// What the transcode of the film ends with that cannot be had from this server.
fn failure(server: &Server) -> String {
    let error = run(source(server, hasty()), CancelToken::new()).unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error:?}");
    let shown = format!("{error} {error:?} {}", error.user_message());
    assert!(
        !shown.contains("secret") && !shown.contains("film.mp4"),
        "the URL shows: {shown}"
    );
    error.to_string()
}

/// Numbers from 0 to `below`, the same for each seed; drawn by Weyl's sequence and a multiply.
fn random(seed: usize, number: usize, below: usize) -> usize {
    let mixed = (seed * 1000 + number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> 32) ^ mixed).wrapping_mul(0xff51_afd7) % below
}

#[test]
fn one_connection_serves_an_undisturbed_film() {
    let (report, server) = check(hasty(), |_, _| Fault::None);
    let log = server.log();
    assert_eq!(log.connections, 1);
    assert_eq!(report.fetched.requests, log.paths.len() as u64);
    assert_eq!(report.fetched.bytes, log.body_bytes);
}

#[test]
fn connections_that_drop_at_any_byte_change_nothing() {
    for seed in 1..=4 {
        let (_, server) = check(hasty(), move |number, _| match random(seed, number, 8) {
            0 => Fault::HangUp,
            1 => Fault::CutAfter(0),
            2 => Fault::None,
            _ => Fault::CutAfter(random(seed + 100, number, 400_000)),
        });
        assert!(server.log().paths.len() > 12, "faults were met");
    }
}

#[test]
fn servers_that_fail_now_and_then_change_nothing() {
    for seed in 1..=2 {
        let (_, server) = check(hasty(), move |number, _| match random(seed, number, 6) {
            0 => Fault::Status(500),
            1 => Fault::Status(503),
            2 => Fault::RetryAfter(429, 0),
            _ => Fault::Short(1 + random(seed + 100, number, 300_000)),
        });
        assert!(server.log().paths.len() > 12, "faults were met");
    }
}

#[test]
fn a_body_that_stalls_is_fetched_again_from_there() {
    let policy = RetryPolicy {
        stall_timeout: Duration::from_millis(500),
        ..hasty()
    };
    let (_, server) = check(policy, |number, _| match number {
        1 => Fault::StallAfter(0),
        2 => Fault::StallAfter(100_000),
        4 => Fault::Mute,
        _ => Fault::None,
    });
    assert!(server.log().paths.len() > 7, "faults were met");
}

#[test]
fn a_stall_of_twenty_seconds_is_survived() {
    check(RetryPolicy::default(), |number, _| match number {
        3 => Fault::Trickle(100_000, Duration::from_secs(20)),
        _ => Fault::None,
    });
}

#[test]
fn a_slow_body_is_waited_for() {
    // It takes 4 s, and to give up only once would be the end.
    let policy = RetryPolicy {
        stall_timeout: Duration::from_secs(3),
        max_failures: 1,
        ..hasty()
    };
    check(policy, |number, _| match number {
        0 => Fault::Trickle(16 * 1024, Duration::from_millis(250)),
        _ => Fault::None,
    });
}

#[test]
fn a_body_without_end_is_read_no_further_than_asked() {
    let (report, _) = check(hasty(), |_, _| Fault::Endless);
    assert!(report.fetched.bytes as f64 <= 1.1 * film().len() as f64);
}

#[test]
fn a_server_says_when_to_come_again() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    let policy = RetryPolicy {
        longest_wait: Duration::from_secs(10),
        ..hasty()
    };
    check(policy, move |number, _| {
        times.lock().unwrap().push(Instant::now());
        match number {
            1 => Fault::RetryAfter(503, 1),
            _ => Fault::None,
        }
    });
    let asked = asked.lock().unwrap();
    let waited = asked[2] - asked[1];
    assert!(waited >= Duration::from_secs(1), "too soon: {waited:?}");
    // But not for longer than the policy allows.
    check(hasty(), |number, _| match number {
        1 => Fault::RetryAfter(429, 24 * 3600),
        _ => Fault::None,
    });
}

#[test]
fn an_expired_url_is_replaced_by_a_fresh_one() {
    for status in [401, 403, 400] {
        let server = Server::start(film(), move |number, path| match (number, path) {
            (2.., "/0") | (4.., "/1") => Fault::Status(status),
            _ => Fault::None,
        });
        let base = server.base_url.clone();
        let signed = AtomicUsize::new(0);
        let url = move || Ok(format!("{base}/{}", signed.fetch_add(1, Ordering::Relaxed)));
        // A fresh URL needs no wait.
        let policy = RetryPolicy {
            first_wait: NEVER,
            longest_wait: NEVER,
            ..RetryPolicy::default()
        };
        let source = Source::http(HttpSource::new(url).with_retries(policy));
        let (_, files) = run(source, CancelToken::new()).unwrap();
        assert!(files == *expected(), "the result differs");
        assert_eq!(server.log().paths.last().map(String::as_str), Some("/2"));
    }
}

#[test]
fn a_replaced_original_is_an_error_and_no_mixture() {
    for validator in [
        Validator::Etag,
        Validator::EtagOnly,
        Validator::LastModified,
        Validator::Length,
    ] {
        let server = Server::with_validator(film(), validator, |number, _| match number {
            2 => Fault::Replaced,
            _ => Fault::None,
        });
        let error = failure(&server);
        assert!(error.contains("replaced"), "{validator:?}: {error}");
    }
}

#[test]
fn a_server_without_ranges_is_named() {
    for (fault, said) in [
        (Fault::WholeFile, "does not serve ranges"),
        (Fault::WrongRange, "another range"),
        (Fault::Status(404), "does not give out"),
        (Fault::Redirect(302, "ftp://127.0.0.1/".into()), ""),
        (Fault::Redirect(302, "file:///etc/hostname".into()), ""),
        (Fault::Redirect(302, "/film.mp4?secret".into()), ""),
    ] {
        let answer = fault.clone();
        let server = Server::start(film(), move |_, _| answer.clone());
        let error = failure(&server);
        assert!(error.contains(said), "{fault:?}: {error}");
        assert!(server.log().paths.len() <= 6, "{fault:?} is tried no more");
    }
}

#[test]
fn patience_has_an_end() {
    let server = Server::start(film(), |_, _| Fault::Status(503));
    failure(&server);
    assert_eq!(
        server.log().paths.len() as u32,
        RetryPolicy::default().max_failures
    );
    let server = Server::start(film(), |_, _| Fault::Status(403));
    failure(&server);
    assert_eq!(server.log().paths.len(), 3, "with three URLs");
    // Nobody listens there.
    let mut server = Server::start(Vec::new(), |_, _| Fault::None);
    server.base_url = "http://127.0.0.1:1".into();
    failure(&server);
}

#[test]
fn a_redirect_is_followed_once_and_told_no_secret() {
    let other = Server::start(film(), |number, _| match number {
        2 => Fault::HangUp,
        _ => Fault::None,
    });
    let to = format!("{}/elsewhere", other.base_url);
    let (report, server) = check(hasty(), move |_, _| Fault::Redirect(307, to.clone()));
    let (asked, served) = (server.log(), other.log());
    assert_eq!(asked.paths.len(), 2, "at first, and after the failure");
    assert!(served.paths.len() > 3);
    assert_eq!(
        report.fetched.requests as usize,
        asked.paths.len() + served.paths.len()
    );
    let told = served.heads.join("\n");
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn a_cancel_is_heard_whatever_the_server_does() {
    for fault in [
        Fault::Mute,
        Fault::StallAfter(0),
        Fault::StallAfter(1000),
        Fault::Status(503),
    ] {
        let cancel = CancelToken::new();
        let cancelled = cancel.clone();
        let server = Server::start(film(), move |number, _| match number {
            1 => {
                cancelled.cancel();
                fault.clone()
            }
            _ => Fault::None,
        });
        // Only the cancel ends this.
        let policy = RetryPolicy {
            stall_timeout: NEVER,
            first_wait: NEVER,
            longest_wait: NEVER,
            ..RetryPolicy::default()
        };
        let error = run(source(&server, policy), cancel).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error:?}");
    }
}
