//! A small HTTP file server over sockets that misbehaves on request.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod answer;

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does to one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Serves it well.
    None,
    /// Announces all, sends so many bytes, hangs up.
    CutAfter(usize),
    /// Announces all, sends so many bytes, and then nothing until the client hangs up.
    StallAfter(usize),
    /// Sends pieces of so many bytes, with a pause after each.
    Trickle(usize, Duration),
    /// Gives and announces fewer bytes than were asked for (RFC 9110 §15.3.7).
    Short(usize),
    /// Answers with this status and no file.
    Status(u16),
    /// The same, and says in how many seconds to come again.
    RetryAfter(u16, u32),
    /// Sends the client elsewhere.
    Redirect(u16, String),
    /// Hangs up before answering.
    HangUp,
    /// Never answers.
    Mute,
    /// From here on there is another file.
    Replaced,
    /// Answers with all of the file and status 200.
    WholeFile,
    /// Says that the bytes are those of another place.
    WrongRange,
    /// Sends more than the file has, without end.
    Endless,
}

/// By what the server tells one version of the file from the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Validator {
    Etag,
    /// Sent, but `If-Match` is ignored.
    EtagOnly,
    LastModified,
    /// None; the next version is a byte longer.
    Length,
}

/// What was asked for and sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Paths asked for, in order.
    pub(crate) paths: Vec<String>,
    /// The same requests' whole heads.
    pub(crate) heads: Vec<String>,
    /// Bytes of the file that were sent.
    pub(crate) body_bytes: u64,
    pub(crate) connections: usize,
}

pub(crate) struct Server {
    pub(crate) base_url: String,
    log: Arc<Mutex<Log>>,
}

/// What connections share.
struct Site<F> {
    file: Mutex<answer::Version>,
    validator: Validator,
    fault: F,
    log: Arc<Mutex<Log>>,
}

impl Server {
    /// Serves `file` under every path; `fault` says what happens to the n-th request, from 0.
    pub(crate) fn start(
        file: Vec<u8>,
        fault: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
    ) -> Self {
        Self::with_validator(file, Validator::Etag, fault)
    }

    pub(crate) fn with_validator(
        file: Vec<u8>,
        validator: Validator,
        fault: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::<Mutex<Log>>::default();
        let site = Arc::new(Site {
            file: Mutex::new(answer::Version::first(file)),
            validator,
            fault,
            log: Arc::clone(&log),
        });
        // The threads end with the test's process.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let site = Arc::clone(&site);
                site.log.lock().unwrap().connections += 1;
                std::thread::spawn(move || site.serve(&connection.unwrap()));
            }
        });
        Self { base_url, log }
    }

    pub(crate) fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }
}

impl<F: Fn(usize, &str) -> Fault> Site<F> {
    /// One request after the other, until either side hangs up.
    fn serve(&self, connection: &TcpStream) {
        let mut requests = BufReader::new(connection);
        while let Some(request) = Request::read(&mut requests) {
            let number = {
                let mut log = self.log.lock().unwrap();
                log.paths.push(request.path.clone());
                log.heads.push(request.head.clone());
                log.paths.len() - 1
            };
            let fault = (self.fault)(number, &request.path);
            let version = {
                let mut file = self.file.lock().unwrap();
                if fault == Fault::Replaced {
                    *file = file.next(self.validator);
                }
                file.clone()
            };
            let (sent, goes_on) =
                answer::answer(connection, &request, &version, self.validator, fault);
            self.log.lock().unwrap().body_bytes += sent as u64;
            if !goes_on {
                return;
            }
        }
    }
}

struct Request {
    path: String,
    head: String,
    range: (usize, usize),
}

impl Request {
    fn read(connection: &mut impl BufRead) -> Option<Self> {
        let lines = connection.lines().map_while(Result::ok);
        let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let path = lines.first()?.split(' ').nth(1)?.to_owned();
        let mut request = Self {
            path,
            head: lines.join("\n"),
            range: (0, usize::MAX),
        };
        if let Some(range) = request.header("range") {
            let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
            request.range = (from.parse().ok()?, to.parse().ok()?);
        }
        Some(request)
    }

    fn header(&self, wanted: &str) -> Option<&str> {
        let mut headers = self
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        Some(headers.next()?.1)
    }
}
