//! A bound on the process's memory, and how near it is.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bounds what this process may allocate, in bytes, for good.
///
/// An index of a few bytes can stand for gigabytes; where memory ends, libav refuses the file by
/// name, instead of the machine killing whom it likes. So that it never hits a sound job, the
/// bound lies well above what one takes.
///
/// # Errors
/// If the system refuses.
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    let maximum = getrlimit(Resource::Data).maximum;
    let current = Some(maximum.map_or(bytes, |maximum| maximum.min(bytes)));
    Ok(setrlimit(Resource::Data, Rlimit { current, maximum })?)
}

/// With less than this left an allocation may be refused: libav takes up to 144 MiB at once.
const ROOM_LEN_BYTES: u64 = 144 << 20;
/// Frames fill the room in more time than that.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Watches, for one job, whether memory was ever short. Where it is, libav's errors say little: what a
/// decoder got no memory for looks like damage.
#[derive(Default)]
pub(crate) struct MemoryWatch(AtomicBool);

impl MemoryWatch {
    /// Looks until it is dropped.
    pub(crate) async fn look(&self) -> Infallible {
        loop {
            self.was_short();
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Whether memory is short, or was.
    pub(crate) fn was_short(&self) -> bool {
        let limit = getrlimit(Resource::Data).current;
        let is_short = limit.is_some_and(|limit| data_len_bytes() + ROOM_LEN_BYTES > limit);
        self.0.fetch_or(is_short, Ordering::Relaxed) | is_short
    }
}

/// What counts for the bound; 0 where the system does not tell.
fn data_len_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.map_or(0, |kib: u64| kib << 10)
}
