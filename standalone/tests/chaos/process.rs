//! The real binaries as processes that end with the harness.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Generous: a process starts through a line that fails, on a machine that is busy.
const START_PATIENCE: Duration = Duration::from_secs(120);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A binary of this build, with nothing in its environment but what it is told.
pub(crate) fn command(name: &str) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_assetlab")).with_file_name(name);
    assert!(
        path.is_file(),
        "there is no {}: `cargo build --bins -p standalone -p api` makes it",
        path.display()
    );
    // Should this process die without a word, the kernel ends what it has started.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL"])
        .arg(path)
        .env_clear()
        .env("LOG_FORMAT", "json")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for inherited in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(inherited) {
            command.env(inherited, value);
        }
    }
    command
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It aborted itself.
    Aborted,
    Killed,
    /// In good order.
    Exited,
    /// As no process should.
    Failed(ExitStatus),
}

impl End {
    fn of(status: ExitStatus) -> Self {
        match status.signal() {
            Some(6) => Self::Aborted,
            Some(9) => Self::Killed,
            None if status.success() => Self::Exited,
            _ => Self::Failed(status),
        }
    }
}

/// A running process and its log, to which former and later processes of its name write, too.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    /// Where in the log it began.
    log_start: u64,
}

impl Process {
    /// What it prints and what it logs go to `<folder>/<name>.log`.
    pub(crate) fn start(mut command: Command, folder: &Path, name: &str) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options()
            .append(true)
            .create(true)
            .open(&log)
            .unwrap();
        let log_start = file.metadata().unwrap().len();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        Self {
            child: command.spawn().unwrap(),
            log,
            log_start,
        }
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        let mut file = File::open(&self.log).unwrap();
        file.seek(SeekFrom::Start(self.log_start)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What follows `key` in what it says, up to a space or a quotation mark; none if it ends first.
    pub(crate) async fn word_after(&mut self, key: &str) -> Option<String> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let ended = self.child.try_wait().unwrap().is_some();
            let said = self.said();
            if let Some((_, rest)) = said.split_once(key)
                && let Some((word, _)) = rest.split_once([' ', '"', '\n'])
            {
                return Some(word.to_owned());
            }
            if ended {
                return None;
            }
            assert!(Instant::now() < deadline, "no {key:?}: {said}");
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// How it ended by itself, if it does within that time.
    pub(crate) async fn ends_within(&mut self, time: Duration) -> Option<End> {
        let ended = timeout(time, self.child.wait()).await.ok()?;
        Some(End::of(ended.unwrap()))
    }

    pub(crate) async fn kill(&mut self) -> End {
        self.child.start_kill().unwrap();
        End::of(self.child.wait().await.unwrap())
    }

    /// Asks it to end, and kills it where it does not.
    pub(crate) async fn stop(&mut self, patience: Duration) -> End {
        self.signal("TERM").await;
        match self.ends_within(patience).await {
            Some(end) => end,
            None => self.kill().await,
        }
    }

    /// Whether it is stopped.
    pub(crate) fn is_frozen(&self) -> bool {
        let id = self.child.id().unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name in parentheses may hold anything; the state follows it.
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    pub(crate) async fn signal(&self, name: &str) {
        // None where it has ended and is reaped: the number may be another's by now.
        if let Some(id) = self.child.id() {
            let mut kill = Command::new("kill");
            kill.args(["-s", name, &id.to_string()]);
            kill.status().await.unwrap();
        }
    }
}

/// The logs in a folder.
pub(crate) fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    paths.filter(is_log).collect()
}

/// All lines of all logs that mention something.
pub(crate) fn lines_about(folder: &Path, what: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for path in logs(folder) {
        let text = fs::read(&path).unwrap();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = String::from_utf8_lossy(&text);
        let about = text.lines().filter(|line| line.contains(what));
        lines.extend(about.map(|line| format!("{line} ({name})")));
    }
    // Each begins with its time.
    lines.sort();
    lines
}
