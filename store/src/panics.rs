//! Panics: as log lines, and what they said.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};

/// Makes every panic a line of the log, in its format and within the span of what was being done; with a
/// backtrace where `RUST_BACKTRACE` asks for one. Called once, by whoever starts the log.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let is_wanted = backtrace.status() == BacktraceStatus::Captured;
        let backtrace = is_wanted.then(|| tracing::field::display(backtrace));
        tracing::error!(%panic, backtrace, "panicked");
    }));
}

/// What a caught panic said, for the operator.
#[must_use]
pub fn panic_words(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", said.unwrap_or("no message"))
}
