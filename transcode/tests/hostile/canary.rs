//! A port and a file that nobody may touch, and everything that could tell that somebody did.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use crate::Attempt;
use crate::oracle::make;

/// A video that can be played, so that whoever follows a reference to it does get somewhere.
pub(crate) struct Canary {
    port: TcpListener,
    pub(crate) folder: TempDir,
    pub(crate) file: PathBuf,
    secret: String,
}

impl Canary {
    pub(crate) fn new() -> Self {
        LOG.start();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        port.set_nonblocking(true).unwrap();
        let secret = format!("canary-{:016x}", RandomState::new().build_hasher().finish());
        let folder = tempfile::tempdir().unwrap();
        let clip = format!(
            "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -c:v mpeg2video -r 25 -g 1 \
             -metadata service_name={secret}"
        );
        let file = make(folder.path(), "canary.ts", &clip);
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            contains(&bytes, &secret),
            "the secret must be in the file to begin with"
        );
        Self {
            port,
            folder,
            file,
            secret,
        }
    }

    /// What a hostile file may name: by path, as a URL, and over the network.
    pub(crate) fn targets(&self) -> [String; 3] {
        let path = self.file.to_str().unwrap();
        [path.to_owned(), format!("file:{path}"), self.url()]
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/canary.ts", self.port.local_addr().unwrap())
    }

    /// Whether ffprobe, with options that let it, follows a file's reference to the canary's file.
    pub(crate) fn is_found_by(&self, options: &[&str], path: &Path) -> bool {
        let mut ffprobe = Command::new("ffprobe");
        // Nothing more than finding it is asked for: what it makes of it may be an error.
        let output = ffprobe
            .args(["-v", "debug"])
            .args(options)
            .arg(path)
            .output()
            .unwrap();
        let opened = format!("Opening '{}'", self.file.display());
        let log = String::from_utf8_lossy(&output.stderr);
        log.contains(&opened) || log.contains("Video: mpeg2video")
    }

    /// Panics if anything of the secret came out, or anything came in.
    pub(crate) fn is_unharmed_by(&self, attempt: &Attempt, what: &str) {
        assert!(
            !contains(&attempt.output, &self.secret),
            "{what}: in the output"
        );
        if let Err(error) = &attempt.outcome {
            let said = format!("{error:?} {error} {}", error.user_message());
            assert!(!said.contains(&self.secret), "{what}: in the error: {said}");
        }
        assert!(!contains(&LOG.bytes(), &self.secret), "{what}: in the log");
        assert!(self.port.accept().is_err(), "{what}: something connected");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// All that is logged in this process, at every level.
static LOG: Log = Log(Mutex::new(Vec::new()));

struct Log(Mutex<Vec<u8>>);

impl Log {
    fn start(&'static self) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
            log.with_ansi(false).with_writer(self).init();
        });
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for &'static Log {
    type Writer = &'a Log;

    fn make_writer(&'a self) -> &'a Log {
        self
    }
}
