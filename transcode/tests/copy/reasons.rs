//! What is logged of why nothing is copied.

use tracing_subscriber::fmt;

use crate::lines::Lines;

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
    let log = lines.text();
    let after = log.lines().filter_map(|line| line.split_once("reason=\""));
    let reasons: Vec<&str> = after
        .filter_map(|(_, rest)| rest.split('"').next())
        .collect();
    (done, reasons.join(", "))
}
