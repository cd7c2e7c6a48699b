//! Where and with what was measured.

use std::fs;
use std::process::Command;

use time::OffsetDateTime;

/// Date, commit, machine and versions, as one paragraph.
pub(crate) fn description() -> String {
    let today = OffsetDateTime::now_utc().date();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ffmpeg = first_line("ffmpeg", &["-version"]);
    let ffmpeg = ffmpeg.split(" Copyright").next().unwrap_or_default();
    format!(
        "Measured {today} at commit {}: {cores} cores of {}, {:.0} GiB; {ffmpeg}, {}.",
        commit(),
        cpu_model(),
        memory_gib(),
        first_line("rustc", &["--version"]),
    )
}

fn commit() -> String {
    let changed = ["status", "--porcelain", "--", ":!benches/RESULTS.md"];
    let changed = !first_line("git", &changed).is_empty();
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"]);
    commit + if changed { " with changes" } else { "" }
}

fn cpu_model() -> String {
    field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown model".into())
}

fn memory_gib() -> f64 {
    let total = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kib = total.trim_end_matches(" kB").parse::<f64>();
    kib.map_or(0.0, |kib| kib / f64::from(1 << 20))
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let (_, value) = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

/// What a program says of itself; nothing if it cannot be run.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().to_owned()
}
