//! libav's own log lines as `tracing` events of the target `libav`.
//!
//! They speak of the file at hand, not of the service, and a damaged file makes thousands of
//! them. So they have a target of their own, at levels that are off unless asked for
//! (`RUST_LOG=libav=debug`): libav's errors and warnings at DEBUG, all else at TRACE.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ffmpeg_next::ffi::AV_LOG_WARNING;
use tracing::Level;

/// Lines let through in each [`WINDOW`], whatever files make libav say.
const MAX_LINES: u32 = 100;
const WINDOW: Duration = Duration::from_secs(1);

/// Whether anyone listens to lines of a level of libav's.
pub(crate) fn is_wanted(level: i32) -> bool {
    if level <= AV_LOG_WARNING {
        tracing::enabled!(target: "libav", Level::DEBUG)
    } else {
        tracing::enabled!(target: "libav", Level::TRACE)
    }
}

/// Passes a line on, cleaned, unless there have been too many.
pub(crate) fn write(level: i32, line: &str) {
    static WINDOWED: Mutex<Option<Limiter>> = Mutex::new(None);
    let line = clean(line);
    if line.is_empty() {
        return;
    }
    let now = Instant::now();
    let admitted = WINDOWED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_with(|| Limiter::new(now))
        .admit(now);
    let Some(left_out) = admitted else {
        return;
    };
    if left_out > 0 {
        tracing::debug!(target: "libav", left_out, "there were too many lines");
    }
    if level <= AV_LOG_WARNING {
        tracing::debug!(target: "libav", "{line}");
    } else {
        tracing::trace!(target: "libav", "{line}");
    }
}

struct Limiter {
    since: Instant,
    lines: u32,
    left_out: u64,
}

impl Limiter {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            lines: 0,
            left_out: 0,
        }
    }

    /// `None` if a line is one too many, else how many were left out since the last that was not.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= WINDOW {
            (self.since, self.lines) = (now, 0);
        }
        if self.lines >= MAX_LINES {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// A file may make libav print whatever it holds: no control characters, and no URLs, which may
/// be secrets.
fn clean(line: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = line.chars().map(visible).collect();
    let words = line.split_whitespace();
    let words: Vec<&str> = words
        .map(|word| if word.contains("://") { "[url]" } else { word })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_control_characters_do_not_pass() {
        assert_eq!(
            clean("opening 'https://s3.local/a?X-Amz-Signature=secret'\x1b[31m twice\n"),
            "opening [url] [31m twice"
        );
        assert_eq!(clean("\n"), "");
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        let admitted = (0..1000).filter_map(|_| limiter.admit(start)).count();
        assert_eq!(admitted, MAX_LINES as usize);
        assert_eq!(limiter.admit(start + WINDOW), Some(900));
        assert_eq!(limiter.admit(start + WINDOW), Some(0));
    }
}
