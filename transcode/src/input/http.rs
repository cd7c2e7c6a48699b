//! An original behind a URL, read in HTTP ranges (RFC 9110 §14).
//!
//! Reads are answered from a cache of blocks. A read that runs on fetches ever larger windows; a
//! seek fetches little until it, too, runs on. So a film with its index at the end costs a
//! request or two more than one with it in front, and no byte is fetched twice while it is
//! cached. A dropped connection is resumed where it broke, never taken for the end.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderValue, IF_MATCH, RANGE};

use super::Line;

const BLOCK_LEN: u64 = 256 * 1024;
const MAX_WINDOW_BLOCKS: u64 = 32;
/// Room for the index and for both places of a badly interleaved file: 32 MiB.
const MAX_CACHED_BLOCKS: usize = 128;
/// Failures in a row, without a byte between them, before giving up: about half a minute.
const MAX_FAILURES: u32 = 8;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one request; what came before it ran out is kept, and the next goes on from there. A cancel
/// is heard no later than this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Gives a URL that is good now.
type UrlProvider = dyn FnMut() -> io::Result<String> + Send;

/// Where an original can be fetched from. The URL may be a secret and is never shown.
///
/// ```no_run
/// let film = transcode::HttpSource::new(|| Ok("http://localhost:8000/film.mp4".into()));
/// let source = transcode::Source::http(film);
/// ```
pub struct HttpSource {
    url: Box<UrlProvider>,
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpSource([redacted])")
    }
}

impl HttpSource {
    /// `url` is called at the start, and again each time the server refuses the last one (401 or
    /// 403): the place to sign a URL that expires.
    pub fn new(url: impl FnMut() -> io::Result<String> + Send + 'static) -> Self {
        Self { url: Box::new(url) }
    }

    pub(super) fn open(mut self, line: Arc<Line>) -> io::Result<HttpReader> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .build()
            .map_err(|error| io::Error::other(error.without_url()))?;
        let current_url = (self.url)()?;
        let mut reader = HttpReader {
            client,
            provider: self.url,
            current_url,
            line,
            etag: None,
            len_bytes: None,
            position: 0,
            window_blocks: 1,
            next_sequential: 0,
            blocks: BTreeMap::new(),
            uses: 0,
        };
        reader.fetch_window(0)?;
        Ok(reader)
    }
}

struct Block {
    bytes: Vec<u8>,
    last_used: u64,
}

pub(super) struct HttpReader {
    client: Client,
    provider: Box<UrlProvider>,
    current_url: String,
    line: Arc<Line>,
    /// Of the first answer: the object must stay the same.
    etag: Option<HeaderValue>,
    len_bytes: Option<u64>,
    position: u64,
    window_blocks: u64,
    /// The block after the last window: a read of it runs on.
    next_sequential: u64,
    blocks: BTreeMap<u64, Block>,
    uses: u64,
}

/// Why a request brought less than was asked for, and what follows.
enum Failure {
    Passing(io::Error),
    Refused(io::Error),
    Final(io::Error),
}

impl HttpReader {
    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes.unwrap_or(0)
    }

    /// Fetches block `first` and as many after it as the recent reads suggest.
    fn fetch_window(&mut self, first: u64) -> io::Result<()> {
        let runs_on = first != 0 && first == self.next_sequential;
        self.window_blocks = if runs_on {
            (self.window_blocks * 2).min(MAX_WINDOW_BLOCKS)
        } else {
            1
        };
        let wanted_end = first + self.window_blocks;
        let end_block = self
            .blocks
            .range(first..wanted_end)
            .next()
            .map_or(wanted_end, |(at, _)| *at);
        self.next_sequential = end_block;

        let mut bytes = Vec::new();
        let start = first * BLOCK_LEN;
        let mut failures = 0;
        loop {
            let end = self
                .len_bytes
                .unwrap_or(u64::MAX)
                .min(end_block * BLOCK_LEN);
            let from = start + bytes.len() as u64;
            if from >= end {
                break;
            }
            let before = bytes.len();
            let Err(failure) = self.fetch(from, end, &mut bytes) else {
                continue;
            };
            failures = if bytes.len() > before {
                1
            } else {
                failures + 1
            };
            self.recover(failure, failures)?;
        }
        self.keep(first, &bytes);
        Ok(())
    }

    /// One request for the bytes `from..end`, appended to `bytes` as they arrive.
    fn fetch(&mut self, from: u64, end: u64, bytes: &mut Vec<u8>) -> Result<(), Failure> {
        let mut request = self.client.get(&self.current_url);
        request = request.header(RANGE, format!("bytes={from}-{}", end - 1));
        if let Some(etag) = &self.etag {
            request = request.header(IF_MATCH, etag);
        }
        self.line.requests.fetch_add(1, Ordering::Relaxed);
        let response = request
            .send()
            .map_err(|error| Failure::Passing(without_url(error)))?;
        self.check(&response, from)?;
        let mut body = response.take(end.min(self.len_bytes()).saturating_sub(from));
        let mut chunk = [0; 64 * 1024];
        loop {
            if self.line.cancel.is_cancelled() {
                return Err(Failure::Final(cancelled()));
            }
            match body.read(&mut chunk) {
                Ok(0) => break,
                Ok(len) => {
                    self.line.bytes.fetch_add(len as u64, Ordering::Relaxed);
                    bytes.extend_from_slice(&chunk[..len]);
                }
                Err(error) => return Err(Failure::Passing(error.kind().into())),
            }
        }
        if body.limit() > 0 {
            return Err(Failure::Passing(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    /// Reads the head of an answer: is it the part that was asked for, of the same object?
    fn check(&mut self, response: &Response, from: u64) -> Result<(), Failure> {
        let status = response.status();
        let say = |what: &str| io::Error::other(format!("{what} (HTTP status {status})"));
        match status {
            StatusCode::PARTIAL_CONTENT => {
                let range = response
                    .headers()
                    .get(CONTENT_RANGE)
                    .and_then(|v| v.to_str().ok());
                let (start, total) = range.and_then(content_range).ok_or_else(|| {
                    Failure::Final(say("the server's Content-Range is unreadable"))
                })?;
                if start != from || self.len_bytes.is_some_and(|len| len != total) {
                    return Err(Failure::Final(say(
                        "the server answered with another range",
                    )));
                }
                self.len_bytes = Some(total);
                // A weak tag cannot be used with If-Match (RFC 9110 §13.1.1).
                let etag = response
                    .headers()
                    .get(ETAG)
                    .filter(|tag| !tag.as_bytes().starts_with(b"W/"));
                self.etag = self.etag.take().or_else(|| etag.cloned());
                Ok(())
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from == 0 => {
                self.len_bytes = Some(0);
                Ok(())
            }
            StatusCode::OK => Err(Failure::Final(say("the server does not serve ranges"))),
            StatusCode::PRECONDITION_FAILED => Err(Failure::Final(say(
                "the original was replaced while it was being read",
            ))),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Refused(say(
                "the server refused access to the original",
            ))),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::Passing(say("the server is busy")))
            }
            _ if status.is_server_error() => Err(Failure::Passing(say("the server failed"))),
            _ => Err(Failure::Final(say(
                "the server does not give out the original",
            ))),
        }
    }

    /// Waits before the next try, or gives up.
    fn recover(&mut self, failure: Failure, failures: u32) -> io::Result<()> {
        let error = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing(error) | Failure::Refused(error) if failures >= MAX_FAILURES => {
                return Err(error);
            }
            Failure::Refused(error) => {
                self.current_url = (self.provider)()?;
                error
            }
            Failure::Passing(error) => error,
        };
        tracing::debug!(%error, failures, "reading the original failed, trying again");
        let mut wait = FIRST_BACKOFF * 2_u32.pow(failures.min(6));
        let step = Duration::from_millis(50);
        while !wait.is_zero() {
            if self.line.cancel.is_cancelled() {
                return Err(cancelled());
            }
            std::thread::sleep(step.min(wait));
            wait = wait.saturating_sub(step);
        }
        Ok(())
    }

    fn keep(&mut self, first: u64, bytes: &[u8]) {
        for (at, block) in (first..).zip(bytes.chunks(BLOCK_LEN as usize)) {
            self.uses += 1;
            self.blocks.insert(
                at,
                Block {
                    bytes: block.to_vec(),
                    last_used: self.uses,
                },
            );
        }
        while self.blocks.len() > MAX_CACHED_BLOCKS {
            let oldest = self.blocks.iter().min_by_key(|(_, block)| block.last_used);
            let Some(at) = oldest.map(|(at, _)| *at) else {
                break;
            };
            self.blocks.remove(&at);
        }
    }
}

impl Read for HttpReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.position >= self.len_bytes() {
            return Ok(0);
        }
        let at = self.position / BLOCK_LEN;
        if !self.blocks.contains_key(&at) {
            self.fetch_window(at)?;
        }
        self.uses += 1;
        let block = self
            .blocks
            .get_mut(&at)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        block.last_used = self.uses;
        let available = &block.bytes[(self.position % BLOCK_LEN) as usize..];
        let len = available.len().min(buffer.len());
        buffer[..len].copy_from_slice(&available[..len]);
        self.position += len as u64;
        Ok(len)
    }
}

impl Seek for HttpReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.len_bytes().checked_add_signed(by),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// `bytes 0-9/100` as (0, 100).
fn content_range(value: &str) -> Option<(u64, u64)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()?))
}

fn without_url(error: reqwest::Error) -> io::Error {
    io::Error::other(error.without_url())
}

fn cancelled() -> io::Error {
    io::Error::other("cancelled")
}
