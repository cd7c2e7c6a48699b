//! What is logged of why nothing is copied.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs `work` and gives its result and the reasons that were logged meanwhile on this thread.
pub(crate) fn reasons_during<T>(work: impl FnOnce() -> T) -> (T, String) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let done = tracing::subscriber::with_default(subscriber, work);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let after = log.lines().filter_map(|line| line.split_once("reason=\""));
    let reasons: Vec<&str> = after
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect();
    (done, reasons.join(", "))
}
