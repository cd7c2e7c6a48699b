//! A transcode in a process of its own, whose peak memory can be told from everybody else's.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use transcode::{Control, Error, FolderSink, Options, Source};

const FILE: &str = "HOSTILE_FILE";
/// With one thread, the same file gives the same bytes.
pub(crate) const ONE_THREAD: (&str, &str) = ("HOSTILE_THREADS", "1");
/// Where memory ends: enough for everything that is not made to use it up.
pub(crate) const MAX_MIB: u64 = 1536;

/// What became of a file.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The report's or the error's text, with a sum of what was written.
    pub(crate) result: Result<String, String>,
    pub(crate) peak_mib: u64,
}

impl Outcome {
    pub(crate) fn is_done(&self) -> bool {
        self.result.is_ok()
    }

    pub(crate) fn is_limit(&self, what: &str) -> bool {
        self.says(&format!("exceeds a limit: {what}"))
    }

    /// Refused for what libav would have to remember of it.
    pub(crate) fn is_too_much_index(&self) -> bool {
        self.says("index is too large")
    }

    fn says(&self, what: &str) -> bool {
        self.result
            .as_ref()
            .is_err_and(|error| error.contains(what))
    }

    /// Blamed on the file, in words of our own.
    pub(crate) fn is_refused(&self) -> bool {
        self.result.is_err()
    }
}

/// Transcodes a file with the default options, in a process that ends with it. Panics if that
/// process crashes, or if the error is not the file's fault.
pub(crate) fn transcode(path: &Path, max_cpu_s: u32) -> Outcome {
    transcode_with(path, max_cpu_s, &[])
}

/// The same with environment variables of its own.
pub(crate) fn transcode_with(path: &Path, max_cpu_s: u32, variables: &[(&str, &str)]) -> Outcome {
    let itself = std::env::current_exe().unwrap();
    // A hang is killed by the time it takes of the processor, however busy the machine is. Memory
    // is bounded as a worker bounds its own, but closer.
    let bounds = format!("ulimit -t {max_cpu_s} && ulimit -d {}", MAX_MIB * 1024);
    let limited = format!("{bounds} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &limited, itself.to_str().unwrap()])
        .args(["--exact", "child::the_child", "--ignored", "--nocapture"])
        .env(FILE, path)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.strip_prefix("outcome: "));
    let line = line.unwrap_or_else(|| panic!("{path:?}: {}: {said}{complaints}", output.status));
    let [kind, peak_kib, text] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    let result = match kind {
        "done" => Ok(text.to_owned()),
        "input" => Err(text.to_owned()),
        _ => panic!("{path:?}: not the file's fault: {text}"),
    };
    let peak_mib = peak_kib.parse::<u64>().unwrap() / 1024;
    let name = path.file_name().unwrap().to_string_lossy();
    println!("{name}: {peak_mib} MiB, {result:?}");
    Outcome { result, peak_mib }
}

#[test]
#[ignore = "the other end of transcode()"]
fn the_child() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let threads = std::env::var(ONE_THREAD.0).map_or(2, |threads| threads.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let sink = FolderSink::new(folder.path()).unwrap();
    let options = Options {
        preset: "ultrafast".into(),
        threads,
        ..Options::default()
    };
    let source = Source::path(path).unwrap();
    let result = transcode::transcode(source, &options, &sink, &Control::default());
    let text = match &result {
        Ok(report) => {
            let sizes = report.renditions.iter().map(|r| (r.width_px, r.height_px));
            let sizes: Vec<_> = sizes.collect();
            let (duration_ms, warnings) = (report.duration_ms, &report.warnings);
            let (peak_kib, sum) = (peak_kib(), sum(folder.path()));
            format!("done {peak_kib} {duration_ms} ms, {sizes:?}, {sum:016x}, {warnings:?}")
        }
        Err(error @ Error::Input(_)) => format!("input {} {error}", peak_kib()),
        Err(error) => format!("other {} {error:?}", peak_kib()),
    };
    println!("\noutcome: {text}");
}

/// A sum of all files in a folder.
fn sum(folder: &Path) -> u64 {
    let paths = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = paths.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut sum = DefaultHasher::new();
    for path in paths {
        std::fs::read(path).unwrap().hash(&mut sum);
    }
    sum.finish()
}

/// The most memory that was ever resident (proc_pid_status(5)).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
