//! What a child process costs.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use wait4::Wait4;

/// What a run took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// User and system time of all threads, in seconds.
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
    /// Largest resident set, in bytes.
    pub(crate) peak_memory_bytes: u64,
}

impl Usage {
    pub(crate) fn peak_memory_mib(self) -> f64 {
        self.peak_memory_bytes as f64 / f64::from(1 << 20)
    }

    /// Of one run after the other.
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            cpu_s: self.cpu_s + next.cpu_s,
            wall_s: self.wall_s + next.wall_s,
            peak_memory_bytes: self.peak_memory_bytes.max(next.peak_memory_bytes),
        }
    }
}

/// Runs a command to its end; fails with what it wrote to its standard error.
///
/// Linux counts the parent's resident set at the time of the start as the child's own: this
/// process must stay smaller than what it measures.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<Usage> {
    let name = command.get_program().to_string_lossy().into_owned();
    let started = Instant::now();
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let mut errors = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        pipe.read_to_string(&mut errors)?;
    }
    let used = child.wait4()?;
    if !used.status.success() {
        bail!("{command:?} failed ({}): {errors}", used.status);
    }
    Ok(Usage {
        cpu_s: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        wall_s: started.elapsed().as_secs_f64(),
        peak_memory_bytes: used.rusage.maxrss,
    })
}

/// The middle one, or the mean of the two in the middle; not a number of none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match (figures.len(), figures.len() / 2) {
        (0, _) => f64::NAN,
        (len, half) if len % 2 == 0 => (figures[half - 1] + figures[half]) / 2.0,
        (_, half) => figures[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_the_childs() {
        let mut shell = Command::new("sh");
        let used = run(shell.args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"]));
        let used = used.unwrap();
        assert!(used.cpu_s > 0.0 && used.wall_s > 0.0, "{used:?}");
        assert!(used.peak_memory_bytes > 100_000, "{used:?}");
        let failed = run(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"]));
        assert!(failed.unwrap_err().to_string().contains("no such luck"));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }
}
