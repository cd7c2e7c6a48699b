//! An original behind a URL, read in HTTP ranges.
//!
//! Reads are answered from a cache of blocks. A film with its index at the end costs a request or
//! two more than one with it in front, and no byte is fetched twice while it is cached. A dropped
//! connection is resumed where it broke, never taken for the end.

mod answer;
mod blocks;
mod original;

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use super::{Line, Traffic};
use blocks::{BLOCK_LEN, Blocks};
use original::Original;

/// Gives a URL that is good now.
type UrlProvider = dyn FnMut() -> io::Result<String> + Send;

/// Where an original can be fetched from. The URL may be a secret and is never shown.
///
/// It is read on the thread that transcodes, which must not be one of an async runtime's: there, use
/// the likes of tokio's `spawn_blocking`. The server must serve ranges. Redirects are followed, though not from https to http, so a URL
/// from a stranger may lead anywhere that this machine can reach. What replaces the original
/// while it is read is an error if the server tells by an entity tag, the date of modification or
/// the length.
///
/// ```no_run
/// let film = transcode::HttpSource::new(|| Ok("http://localhost:8000/film.mp4".into()));
/// let source = transcode::Source::http(film);
/// ```
pub struct HttpSource {
    url: Box<UrlProvider>,
    policy: RetryPolicy,
    traffic: Arc<Traffic>,
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpSource([redacted])")
    }
}

/// How long to bear with a server and the way to it.
///
/// ```no_run
/// use std::time::Duration;
/// use transcode::{HttpSource, RetryPolicy};
///
/// let impatient = RetryPolicy {
///     stall_timeout: Duration::from_secs(5),
///     max_failures: 3,
///     ..RetryPolicy::default()
/// };
/// let film = HttpSource::new(|| Ok("http://localhost:8000/film.mp4".into()));
/// let source = transcode::Source::http(film.with_retries(impatient));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer, and for more of it. However slow, an answer that goes on is
    /// waited for.
    pub stall_timeout: Duration,
    /// Failures in a row, without a byte of the original between them, after which the last one
    /// is final; at least 1. A URL that is refused is replaced twice at most.
    pub max_failures: u32,
    /// Wait after the first failure; it doubles with each further one.
    pub first_wait: Duration,
    /// Longest wait between tries, also where the server asks for more (`Retry-After`).
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    /// 10 s to connect, 15 s without a byte, 8 failures with waits from 0.2 s to 15 s: gives up
    /// on a server that is not there after half a minute.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(15),
            max_failures: 8,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(15),
        }
    }
}

impl HttpSource {
    /// `url` is called at the start, and again each time the server refuses the last one (400,
    /// 401 or 403): the place to sign a URL that expires.
    pub fn new(url: impl FnMut() -> io::Result<String> + Send + 'static) -> Self {
        Self {
            url: Box::new(url),
            policy: RetryPolicy::default(),
            traffic: Arc::default(),
        }
    }

    /// The same with another policy.
    #[must_use]
    pub fn with_retries(self, policy: RetryPolicy) -> Self {
        Self { policy, ..self }
    }

    /// The same, counted by `traffic` while it is read.
    #[must_use]
    pub fn with_traffic(self, traffic: Arc<Traffic>) -> Self {
        Self { traffic, ..self }
    }

    pub(super) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    pub(super) fn open(self, line: Arc<Line>) -> io::Result<HttpReader> {
        let mut reader = HttpReader {
            original: Original::new(self.url, self.policy, line)?,
            blocks: Blocks::default(),
            position: 0,
        };
        reader.fetch(0)?;
        Ok(reader)
    }
}

pub(super) struct HttpReader {
    original: Original,
    blocks: Blocks,
    position: u64,
}

impl HttpReader {
    pub(super) fn len_bytes(&self) -> u64 {
        self.original.len_bytes().unwrap_or(0)
    }

    /// Fetches block `first` and as many after it as the recent reads suggest.
    fn fetch(&mut self, first: u64) -> io::Result<()> {
        let window = self.blocks.window(first);
        let (from, end) = (window.start * BLOCK_LEN, window.end * BLOCK_LEN);
        let bytes = self.original.get(from, end)?;
        self.blocks.keep(first, &bytes);
        Ok(())
    }
}

impl Read for HttpReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.position >= self.len_bytes() {
            return Ok(0);
        }
        let len = match self.blocks.read(self.position, buffer) {
            Some(len) => len,
            None => {
                self.fetch(self.position / BLOCK_LEN)?;
                let len = self.blocks.read(self.position, buffer);
                len.ok_or(io::ErrorKind::UnexpectedEof)?
            }
        };
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
