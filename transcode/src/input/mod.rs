//! What can be opened, and how libav gets to read it.
//!
//! libav is given no protocol at all: every byte comes through [`Source`]'s reader, so no file
//! can make it open a URL or another file.

mod demux;
#[cfg(feature = "http")]
mod http;
mod mp4;
mod timeline;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use demux::{Demuxer, MAX_ALLOCATION_LEN, OUT_OF_MEMORY};
#[cfg(feature = "http")]
pub use http::{HttpSource, RetryPolicy};

use crate::control::CancelToken;

/// A reader that can be handed to libav.
trait Input: Read + Seek + Send {}
impl<T: Read + Seek + Send> Input for T {}

/// The original: a file, any reader, or a URL.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// let file = transcode::Source::path("holiday.mov")?;
/// let memory = transcode::Source::reader(std::io::Cursor::new(vec![0_u8; 1024]))?;
/// # Ok(()) }
/// ```
pub struct Source(Kind);

enum Kind {
    Local {
        reader: Box<dyn Input>,
        len_bytes: u64,
    },
    /// Opened when it is first read: connecting takes time, and must hear of a cancel.
    #[cfg(feature = "http")]
    Http(HttpSource),
}

/// What a reader that waits and fetches shares with the transcode it serves.
struct Line {
    /// Whom to listen to while waiting.
    cancel: CancelToken,
    traffic: Arc<Traffic>,
}

/// Counts what reading an original over the network takes, while it is read.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Traffic {
    /// What there was until now.
    #[must_use]
    pub fn so_far(&self) -> Fetched {
        Fetched {
            requests: self.requests.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// What reading an original over the network took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Requests sent, failed ones included.
    pub requests: u64,
    /// Bytes of the original received, those received twice counted twice.
    pub bytes: u64,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Local { .. } => "Source::Local",
            #[cfg(feature = "http")]
            Kind::Http(_) => "Source::Http",
        })
    }
}

impl Source {
    /// A local file.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn path(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::reader(File::open(path)?)
    }

    /// Anything that reads and seeks; calls must block rather than answer `WouldBlock`.
    ///
    /// # Errors
    /// If the reader cannot tell its length by seeking.
    pub fn reader(mut reader: impl Read + Seek + Send + 'static) -> io::Result<Self> {
        let len_bytes = reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        let reader = Box::new(reader);
        Ok(Self(Kind::Local { reader, len_bytes }))
    }

    /// An original behind a URL, read in HTTP ranges. Nothing is sent until it is read.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http(source: HttpSource) -> Self {
        Self(Kind::Http(source))
    }

    /// Opens the reader for libav, which flattens every error to a number: the tap keeps them.
    /// The last is its length in bytes.
    fn open(self, cancel: &CancelToken) -> io::Result<(TappedReader, Tap, u64)> {
        let traffic = match &self.0 {
            Kind::Local { .. } => Arc::default(),
            #[cfg(feature = "http")]
            Kind::Http(source) => source.traffic(),
        };
        let line = Arc::new(Line {
            cancel: cancel.clone(),
            traffic,
        });
        let (inner, len_bytes) = match self.0 {
            Kind::Local { reader, len_bytes } => (reader, len_bytes),
            #[cfg(feature = "http")]
            Kind::Http(source) => {
                let reader = source.open(Arc::clone(&line))?;
                let len_bytes = reader.len_bytes();
                (Box::new(reader) as Box<dyn Input>, len_bytes)
            }
        };
        let reads = Arc::default();
        let tap = Tap { reads, line };
        let reader = TappedReader {
            inner: Arc::new(Mutex::new(inner)),
            tap: tap.clone(),
        };
        Ok((reader, tap, len_bytes))
    }
}

/// What became of reads that libav asked for.
#[derive(Clone)]
pub(crate) struct Tap {
    reads: Arc<Mutex<Reads>>,
    line: Arc<Line>,
}

#[derive(Default)]
struct Reads {
    error: Option<io::Error>,
    position_bytes: u64,
    read_bytes: u64,
    /// Reading ends when `read_bytes` is more.
    allowed_bytes: Option<u64>,
}

impl Tap {
    fn with<T>(&self, act: impl FnOnce(&mut Reads) -> T) -> T {
        act(&mut self.reads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Network traffic so far; zero for local readers.
    pub(crate) fn fetched(&self) -> Fetched {
        self.line.traffic.so_far()
    }

    /// The error that a read met since this was last asked.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.with(|reads| reads.error.take())
    }

    /// Lets no more than so many bytes be read from now on.
    pub(crate) fn allow(&self, bytes: Option<u64>) {
        self.with(|reads| (reads.read_bytes, reads.allowed_bytes) = (0, bytes));
    }

    /// The bytes read, if they are more than was allowed.
    pub(crate) fn exceeded(&self) -> Option<u64> {
        self.with(|reads| {
            let is_more = reads
                .allowed_bytes
                .is_some_and(|allowed| reads.read_bytes > allowed);
            is_more.then_some(reads.read_bytes)
        })
    }

    /// Where the last read ended.
    pub(crate) fn position_bytes(&self) -> u64 {
        self.with(|reads| reads.position_bytes)
    }
}

/// libav keeps the reader it is given; a clone can be given to it once more.
#[derive(Clone)]
struct TappedReader {
    inner: Arc<Mutex<Box<dyn Input>>>,
    tap: Tap,
}

impl TappedReader {
    fn inner(&self) -> MutexGuard<'_, Box<dyn Input>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.tap
                .with(|reads| reads.error.get_or_insert(error).kind());
            kind.into()
        })
    }
}

impl Read for TappedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.tap.line.cancel.is_cancelled() || self.tap.exceeded().is_some() {
            // Known to the demuxer, which asks for it: no fault of the source.
            return Err(io::ErrorKind::Other.into());
        }
        let result = self.inner().read(buffer);
        let len = self.keep(result)?;
        self.tap.with(|reads| {
            reads.position_bytes += len as u64;
            reads.read_bytes += len as u64;
        });
        Ok(len)
    }
}

impl Seek for TappedReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let result = self.inner().seek(to);
        let position_bytes = self.keep(result)?;
        self.tap.with(|reads| reads.position_bytes = position_bytes);
        Ok(position_bytes)
    }
}
