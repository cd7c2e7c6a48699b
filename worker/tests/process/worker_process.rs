//! `assetlab-worker` as a process, and clips for it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use store::{Settings, State, Status, Store, VideoId};
use tempfile::TempDir;

/// A running worker; killed when dropped.
pub(crate) struct Worker {
    child: Child,
    temp_dir: TempDir,
    log: File,
}

/// A second of a small picture, with sound.
pub(crate) static TINY: LazyLock<Vec<u8>> = LazyLock::new(|| clip("320x180", 1, 30));

impl Worker {
    pub(crate) fn start(settings: &Settings, more_env: &[(&str, &str)]) -> Self {
        let binary = Command::new(env!("CARGO_BIN_EXE_assetlab-worker"));
        Self::start_by(binary, settings, more_env)
    }

    /// Each core costs threads, and their stacks.
    pub(crate) fn start_on_one_core(settings: &Settings, more_env: &[(&str, &str)]) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let (_, cores) = status.split_once("Cpus_allowed_list:").unwrap();
        let core = cores.trim().split(|c: char| !c.is_ascii_digit()).next();
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", core.unwrap(), env!("CARGO_BIN_EXE_assetlab-worker")]);
        Self::start_by(taskset, settings, more_env)
    }

    fn start_by(mut command: Command, settings: &Settings, more_env: &[(&str, &str)]) -> Self {
        let temp_dir = tempfile::tempdir().unwrap();
        let log = tempfile::tempfile().unwrap();
        let key = settings.access_key.as_ref().unwrap();
        let child = command
            .env_clear()
            .current_dir(temp_dir.path())
            .env("TMPDIR", temp_dir.path())
            .env("S3_RAW_BUCKET", &settings.raw_bucket)
            .env("S3_VIDEO_BUCKET", &settings.video_bucket)
            .env("AWS_ENDPOINT_URL_S3", settings.endpoint.as_ref().unwrap())
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret)
            .env("AWS_REGION", "us-east-1")
            .env("POLL_INTERVAL", "100ms")
            .env("X264_PRESET", "ultrafast")
            .env("RUST_LOG", "info")
            .envs(more_env.iter().copied())
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            temp_dir,
            log,
        }
    }

    /// What it has logged up to now.
    pub(crate) fn log(&self) -> String {
        let mut log = vec![0; self.log.metadata().unwrap().len() as usize];
        self.log.read_exact_at(&mut log, 0).unwrap();
        String::from_utf8(log).unwrap()
    }

    /// Lines of its log about a video, with `message` in them.
    pub(crate) fn said(&self, message: &str, id: VideoId) -> Vec<String> {
        let (log, id) = (self.log(), id.to_string());
        let lines = log.lines().map(str::to_owned);
        lines
            .filter(|line| line.contains(message) && line.contains(&id))
            .collect()
    }

    /// Whether it stopped itself, or was stopped.
    pub(crate) fn is_frozen(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name in parentheses may hold anything; the state follows it.
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        for _ in 0..2400 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the worker runs on");
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// What the system lets it allocate, in bytes.
    pub(crate) fn memory_limit_bytes(&self) -> u64 {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max data size"));
        line.unwrap()
            .split_whitespace()
            .nth(3)
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Files it has written: in its temp and working folder, or open there and already deleted.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let listed = std::fs::read_dir(self.temp_dir.path()).unwrap();
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let is_standard = |fd: &Path| ["0", "1", "2"].iter().any(|name| fd.ends_with(name));
        let open = open
            .filter_map(|fd| Some(fd.ok()?.path()))
            .filter(|fd| !is_standard(fd));
        let open = open.filter_map(|fd| std::fs::read_link(fd).ok());
        let temp_dirs = [
            self.temp_dir.path(),
            Path::new("/tmp"),
            Path::new("/var/tmp"),
        ];
        listed
            .map(|entry| entry.unwrap().path())
            .chain(open.filter(|file| temp_dirs.iter().any(|dir| file.starts_with(dir))))
            .collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("worker {}:\n{}", self.child.id(), self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A clip with a moving picture and a tone, made by the ffmpeg CLI; the index at its end.
pub(crate) fn clip(size: &str, seconds: u32, crf: u32) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i"])
        .arg(format!(
            "testsrc2=size={size}:rate=24:duration={seconds},noise=alls=20"
        ))
        .args([
            "-f",
            "lavfi",
            "-i",
            &format!("sine=frequency=440:duration={seconds}"),
        ])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-crf",
            &crf.to_string(),
        ])
        .args(["-pix_fmt", "yuv420p", "-c:a", "aac"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::read(path).unwrap()
}

/// Uploads and queues.
pub(crate) async fn upload(store: &Store, bytes: Vec<u8>) -> VideoId {
    let id = VideoId::new();
    let mut upload = store.begin_original(id, "clip.mp4").await.unwrap();
    upload.part(bytes.into()).await.unwrap();
    upload.complete().await.unwrap();
    store.enqueue(id, "clip.mp4").await.unwrap();
    id
}

/// Waits for a state, calling `meanwhile` between looks; gives up after two minutes.
pub(crate) async fn wait_for(
    store: &Store,
    id: VideoId,
    wanted: State,
    mut meanwhile: impl FnMut(),
) -> Status {
    for _ in 0..2400 {
        let status = store.status(id).await.unwrap().unwrap().value;
        meanwhile();
        if status.status == wanted {
            return status;
        }
        assert!(
            !status.status.is_terminal(),
            "{:?}: {:?}",
            status.status,
            status.error
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("video {id} never was {wanted:?}");
}

/// Waits for what must come true soon.
pub(crate) async fn wait_until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come true in a minute");
}
