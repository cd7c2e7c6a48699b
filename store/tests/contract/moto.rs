//! moto, an S3 server that others wrote and that keeps everything in memory, as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

/// Where `make moto` puts it.
const DEFAULT_PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/moto/bin/moto_server"
);

/// A running moto; it ends when this is dropped, and when this process dies.
pub(crate) struct Moto {
    child: Child,
    endpoint: String,
}

impl Moto {
    /// Starts it; none where it is not installed, which `make test` and CI do not put up with.
    pub(crate) fn start() -> Option<Self> {
        let program = std::env::var_os("MOTO_SERVER")
            .map_or_else(|| PathBuf::from(DEFAULT_PATH), PathBuf::from);
        if program.is_file() {
            return Some(Self::run(&program));
        }
        let reason = format!("there is no {}: `make moto` makes it", program.display());
        let is_must = std::env::var_os("MOTO_SERVER").is_some() || std::env::var_os("CI").is_some();
        assert!(!is_must, "{reason}");
        eprintln!("SKIPPED what is asked of moto: {reason}");
        None
    }

    fn run(program: &Path) -> Self {
        // The interpreter of the environment that the program is in.
        let mut child = Command::new(program.with_file_name("python"))
            .args(["-u", "-c", include_str!("moto.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let endpoint = loop {
            let line = lines.next().unwrap_or_else(|| panic!("moto ended: {said}"));
            let line = line.unwrap();
            if let Some((_, endpoint)) = line.split_once("Running on ") {
                break endpoint.trim().to_owned();
            }
            said.push_str(&(line + "\n"));
        };
        // A line for each request, which it must be able to write.
        thread::spawn(move || lines.for_each(drop));
        Self { child, endpoint }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
