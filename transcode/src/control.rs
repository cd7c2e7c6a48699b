//! Watching and stopping a transcode from outside.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops a transcode from any thread. Clones share one state; it cannot be unset.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the transcode to end with [`Error::Cancelled`](crate::Error::Cancelled). It does so
    /// within a few frames, or when the source's or the sink's current call returns.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How far a transcode has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// From 0 to 1, never going back; an estimate, from the bytes read, where the container does
    /// not state its duration.
    pub fraction: f64,
    /// Time stamp of the picture last decoded, in milliseconds from the start.
    pub position_ms: u64,
}

/// Receives [`Progress`], on the thread that called [`transcode`](crate::transcode).
pub type OnProgress = dyn Fn(Progress) + Send + Sync;

/// How the caller follows and stops a transcode. The default does neither.
#[derive(Default)]
pub struct Control {
    /// Watched throughout.
    pub cancel: CancelToken,
    /// Called about once for each per cent.
    pub on_progress: Option<Box<OnProgress>>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

/// What a caller has been told so far.
pub(crate) struct ProgressReport<'a> {
    on_progress: Option<&'a OnProgress>,
    fraction: f64,
}

impl<'a> ProgressReport<'a> {
    pub(crate) fn new(control: &'a Control) -> Self {
        Self {
            on_progress: control.on_progress.as_deref(),
            fraction: 0.0,
        }
    }

    /// Tells of each per cent once; a transcode that has started anew is silent until it gets on.
    pub(crate) fn tell(&mut self, position_s: f64, fraction: f64) {
        let Some(on_progress) = self.on_progress else {
            return;
        };
        let fraction = fraction.min(1.0);
        if fraction >= self.fraction + 0.01 {
            self.fraction = fraction;
            on_progress(Progress {
                fraction,
                position_ms: (position_s * 1000.0) as u64,
            });
        }
    }
}
