//! What Linux tells a process about itself.

use std::fs;
use std::sync::LazyLock;

use prometheus::core::Collector;

use super::families::{BUILD_INFO, CPU_SECONDS, RESIDENT_MEMORY_BYTES, START_TIME_SECONDS};

/// The process now; where the system does not tell, only its version.
pub(super) fn sample() -> Vec<Box<dyn Collector>> {
    let mut samples = vec![BUILD_INFO.at([env!("CARGO_PKG_VERSION")], 1.0)];
    if let Some(stat) = fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|line| Stat::parse(&line))
    {
        let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
        let page_len_bytes = rustix::param::page_size() as f64;
        samples.push(CPU_SECONDS.at([], stat.cpu_ticks as f64 / ticks_per_second));
        samples.push(RESIDENT_MEMORY_BYTES.at([], stat.resident_pages as f64 * page_len_bytes));
        if let Some(booted_at_s) = *BOOTED_AT_S {
            let started_at_s = booted_at_s + stat.started_at_ticks as f64 / ticks_per_second;
            samples.push(START_TIME_SECONDS.at([], started_at_s));
        }
    }
    samples
}

/// When the machine started, in seconds since the Unix epoch: it is asked once, since it wavers.
static BOOTED_AT_S: LazyLock<Option<f64>> = LazyLock::new(|| {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
});

/// What is of use in `/proc/self/stat` (proc(5)).
#[derive(Debug, PartialEq)]
struct Stat {
    /// In user and in kernel mode, of all threads.
    cpu_ticks: u64,
    /// Since the machine started.
    started_at_ticks: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(line: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold anything.
        let (_, after_name) = line.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // proc(5) counts from 1, and the first of these is its third.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: number(14)? + number(15)?,
            started_at_ticks: number(22)?,
            resident_pages: number(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_shifts_nothing() {
        let line =
            "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 31 11 0 0 20 0 5 0 4242 9000000 512 1844";
        let stat = Stat {
            cpu_ticks: 42,
            started_at_ticks: 4242,
            resident_pages: 512,
        };
        assert_eq!(Stat::parse(line), Some(stat));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_memory_and_a_past() {
        let line = fs::read_to_string("/proc/self/stat").unwrap();
        let stat = Stat::parse(&line).unwrap();
        assert!(stat.resident_pages > 0 && stat.started_at_ticks > 0);
        assert_eq!(sample().len(), 4);
    }
}
