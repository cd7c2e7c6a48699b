//! The real binary as a child process, on free ports, with a data folder of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

use tempfile::TempDir;

/// The binary, without anything from this process's environment that could configure it.
pub(crate) fn assetlab(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assetlab"));
    command.args(args).env_clear();
    for inherited in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(inherited) {
            command.env(inherited, value);
        }
    }
    command
}

/// A data folder, and room for the log beside it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.0.path().join("log")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }
}

/// A running `assetlab`, ready to answer.
pub(crate) struct Running {
    child: Child,
    /// What it printed up to the line that says that it is ready.
    pub(crate) printed: String,
}

impl Running {
    /// Starts `command` on free ports and waits until it prints a line with `ready` in it.
    pub(crate) fn start(mut command: Command, folder: &Folder, ready: &str) -> Self {
        let log = File::options()
            .append(true)
            .create(true)
            .open(folder.log_path())
            .unwrap();
        let mut child = command
            .env("DATA_DIR", folder.data())
            .env("PORT", "0")
            .env("S3_PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = String::new();
        while !printed.contains(ready) {
            match lines.next() {
                Some(line) => printed.push_str(&(line.unwrap() + "\n")),
                None => panic!("it ended instead of getting ready: {}", folder.log()),
            }
        }
        // So that it never writes to a closed pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { child, printed }
    }

    /// The first `key` that was printed, up to the next white space.
    pub(crate) fn printed_after(&self, key: &str) -> &str {
        let (_, rest) = self.printed.split_once(key).unwrap();
        rest.split_whitespace().next().unwrap()
    }

    /// The process id of the worker, once there is one.
    pub(crate) fn worker(&self) -> u32 {
        loop {
            if let Some(worker) = children_of(self.child.id()).first() {
                return *worker;
            }
            assert!(is_alive(self.child.id()), "the site is gone");
            thread::yield_now();
        }
    }

    /// The most memory it has had so far.
    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<u64>().unwrap() << 10
    }

    pub(crate) fn terminate(mut self) -> ExitStatus {
        signal(self.child.id(), "TERM");
        self.child.wait().unwrap()
    }

    /// As the kernel does it when memory runs out.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            signal(self.child.id(), "TERM");
            self.child.wait().unwrap();
        }
    }
}

/// Runs a command to its end.
pub(crate) fn output(mut command: Command) -> (Output, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8(text).unwrap())
}

pub(crate) fn signal(process: u32, name: &str) {
    let kill = format!("kill -{name} {process}");
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
}

pub(crate) fn is_alive(process: u32) -> bool {
    // One that nobody has reaped yet is dead too.
    state_and_parent(process).is_some_and(|(state, _)| state != "Z")
}

fn state_and_parent(process: u32) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything; state and parent follow it.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned);
    Some((fields.next()?, fields.next()?))
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| {
            let process: u32 = entry.unwrap().file_name().to_str()?.parse().ok()?;
            let (state, its_parent) = state_and_parent(process)?;
            (state != "Z" && its_parent == parent.to_string()).then_some(process)
        })
        .collect()
}
