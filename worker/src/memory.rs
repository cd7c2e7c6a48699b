//! A bound on the process's memory.

use std::io;

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
