//! AssetLab as it is run: its release binaries as processes, driven over HTTP.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::blocking::multipart::Form;
use serde_json::Value;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wait4::Wait4;

use crate::measure::Usage;
use crate::s3_proxy::S3Proxy;

/// All clients of a measurement come from one address.
const RATES_OFF: [(&str, &str); 4] = [
    ("UPLOAD_RATE", "off"),
    ("UPLOAD_RATE_PER_TOKEN", "off"),
    ("SIGNING_RATE", "off"),
    ("SIGNING_RATE_PER_TOKEN", "off"),
];
/// The admin token.
pub(crate) const TOKEN: &str = "bench";
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Where the binaries lie
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Binaries {
    /// Folder of AssetLab's release binaries [default: this program's]
    #[arg(long, env = "BENCH_BINARIES")]
    binaries: Option<PathBuf>,
}

impl Binaries {
    fn command(&self, name: &str) -> anyhow::Result<Command> {
        let folder = match &self.binaries {
            Some(folder) => folder.clone(),
            None => std::env::current_exe()?.with_file_name(""),
        };
        let path = folder.join(name);
        if !path.is_file() {
            bail!("there is no {}: build it first", path.display());
        }
        // However this process ends, the kernel ends what its main thread has started.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(path)
            .env_clear()
            .env("LOG_FORMAT", "json");
        Ok(command)
    }
}

/// A process that is killed when dropped, and its log.
pub(crate) struct Process {
    /// None once it was waited for.
    child: Option<Child>,
    started: Instant,
    log: PathBuf,
}

impl Process {
    fn start(mut command: Command, log: PathBuf) -> anyhow::Result<Self> {
        let child = command.stderr(File::create(&log)?).spawn()?;
        Ok(Self {
            child: Some(child),
            started: Instant::now(),
            log,
        })
    }

    /// What follows `key` in the first line with it that is printed, up to the next white space.
    fn printed_after(&mut self, key: &str) -> anyhow::Result<String> {
        let output = self.child.as_mut().and_then(|child| child.stdout.take());
        let output = output.context("its output is not read")?;
        let mut lines = BufReader::new(output).lines();
        for line in &mut lines {
            if let Some((_, rest)) = line?.split_once(key) {
                let word = rest.split_whitespace().next().unwrap_or_default();
                // So that it never writes to a closed pipe.
                thread::spawn(move || lines.for_each(drop));
                return Ok(word.to_owned());
            }
        }
        bail!("it ended: {}", fs::read_to_string(&self.log)?)
    }

    /// The log's lines so far whose message is this.
    pub(crate) fn events(&self, message: &str) -> anyhow::Result<Vec<Event>> {
        let text = fs::read_to_string(&self.log)?;
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let events = lines
            .map(Event)
            .filter(|event| event.0["fields"]["message"] == message);
        Ok(events.collect())
    }

    /// Waits for a line of the log.
    fn wait_for(&self, message: &str) -> anyhow::Result<Event> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(event) = self.events(message)?.pop() {
                return Ok(event);
            }
            thread::sleep(LOOK_INTERVAL);
        }
        bail!(
            "no {message:?} in the log: {}",
            fs::read_to_string(&self.log)?
        )
    }

    /// Its resident set in bytes: now, and at most since [`forget_peak`](Self::forget_peak).
    pub(crate) fn memory_bytes(&self) -> anyhow::Result<(u64, u64)> {
        let status = fs::read_to_string(self.proc_file("status")?)?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib << 10)
        };
        let both = of("VmRSS:").zip(of("VmHWM:"));
        both.context("the kernel does not say how much memory a process has")
    }

    /// The peak is what it is now (proc(5), `clear_refs`).
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(fs::write(self.proc_file("clear_refs")?, "5")?)
    }

    fn proc_file(&self, name: &str) -> anyhow::Result<PathBuf> {
        let child = self.child.as_ref().context("it was stopped before")?;
        Ok(Path::new("/proc").join(child.id().to_string()).join(name))
    }

    /// Ends it in good order; what it and its children took.
    pub(crate) fn stop(mut self) -> anyhow::Result<Usage> {
        let child = self.child.take().context("it was stopped before")?;
        Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()?;
        let used = child.wait4()?;
        Ok(Usage {
            cpu_s: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
            wall_s: self.started.elapsed().as_secs_f64(),
            peak_memory_bytes: used.rusage.maxrss,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A line of a log.
pub(crate) struct Event(Value);

impl Event {
    pub(crate) fn number(&self, field: &str) -> f64 {
        self.0["fields"][field].as_f64().unwrap_or(f64::NAN)
    }

    pub(crate) fn is_of(&self, id: &str) -> bool {
        self.0["fields"]["video_id"] == id
    }

    pub(crate) fn at(&self) -> anyhow::Result<OffsetDateTime> {
        let text = self.0["timestamp"].as_str().unwrap_or_default();
        Ok(OffsetDateTime::parse(text, &Rfc3339)?)
    }
}

/// The API, as a client sees it.
pub(crate) struct Api {
    origin: String,
    http: reqwest::blocking::Client,
}

impl Api {
    fn at(origin: String) -> anyhow::Result<Self> {
        let http = reqwest::blocking::Client::builder().timeout(None).build()?;
        Ok(Self { origin, http })
    }

    /// Such as `http://127.0.0.1:41234`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Uploads a clip; its id.
    pub(crate) fn upload(&self, clip: &Path) -> anyhow::Result<String> {
        let request = self.http.post(format!("{}/api/upload", self.origin));
        let form = Form::new().file("file", clip)?;
        let answer = request.bearer_auth(TOKEN).multipart(form).send()?;
        let answer: Value = answer.error_for_status()?.json()?;
        Ok(answer["id"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a video is done; any other end is an error.
    pub(crate) fn wait_for(&self, id: &str) -> anyhow::Result<()> {
        let url = format!("{}/api/video/{id}/status", self.origin);
        loop {
            let status: Value = self.http.get(&url).send()?.error_for_status()?.json()?;
            match status["status"].as_str() {
                Some("done") => return Ok(()),
                Some("error") => bail!("a clip was refused: {}", status["error"]),
                _ => thread::sleep(10 * LOOK_INTERVAL),
            }
        }
    }
}

/// `assetlab`: all of it in one process, and the worker as its child.
pub(crate) struct Site {
    pub(crate) process: Process,
    pub(crate) api: Api,
    _folder: TempDir,
}

impl Site {
    pub(crate) fn start(binaries: &Binaries, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = binaries.command("assetlab")?;
        command
            .env("DATA_DIR", folder.path().join("data"))
            .envs([("BIND", "127.0.0.1"), ("PORT", "0"), ("S3_PORT", "0")])
            .env("ADMIN_TOKEN", TOKEN)
            .envs(RATES_OFF)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Process::start(command, folder.path().join("log"))?;
        let link = process.printed_after("    ")?;
        let origin = link.split("/#").next().unwrap_or_default();
        let api = Api::at(origin.to_owned())?;
        process.wait_for("worker started")?;
        Ok(Self {
            process,
            api,
            _folder: folder,
        })
    }
}

/// S3 and API as processes of their own.
pub(crate) struct Servers {
    pub(crate) api: Process,
    /// Such as `http://127.0.0.1:3000`.
    pub(crate) origin: String,
    /// S3's host and port.
    pub(crate) endpoint: String,
    /// What tells a process where the buckets are.
    variables: Vec<(String, String)>,
    _s3: Process,
    folder: TempDir,
}

impl Servers {
    pub(crate) fn start(binaries: &Binaries) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let mut command = binaries.command("assetlab")?;
        command
            .arg("s3")
            .env("DATA_DIR", at("data"))
            .env("S3_PORT", "0");
        let mut s3 = Process::start(piped(command), at("s3.log"))?;
        let endpoint = s3.printed_after("AWS_ENDPOINT_URL_S3=http://")?;
        let keys = fs::read_to_string(at("data/s3-keys"))?;
        let keys = keys.lines().filter_map(|line| line.split_once('='));
        let constant = [
            ("AWS_REGION", "us-east-1"),
            ("S3_RAW_BUCKET", "assetlab-raw"),
            ("S3_VIDEO_BUCKET", "assetlab-video"),
        ];
        let variables: Vec<_> = keys
            .chain(constant)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut command = binaries.command("assetlab-api")?;
        command
            .envs(variables.iter().cloned())
            .env("AWS_ENDPOINT_URL_S3", format!("http://{endpoint}"))
            .envs([("PORT", "0"), ("ADMIN_TOKEN", TOKEN)])
            .envs(RATES_OFF);
        let api = Process::start(piped(command), at("api.log"))?;
        let origin = api.listening_at()?;
        Ok(Self {
            api,
            origin,
            endpoint,
            variables,
            _s3: s3,
            folder,
        })
    }

    /// What is set for processes that reach the buckets.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(set, _)| set == name);
        found.map_or("", |(_, value)| value)
    }
}

/// [`Servers`] with a worker, whose requests are counted.
pub(crate) struct Parts {
    pub(crate) worker: Process,
    pub(crate) api: Api,
    pub(crate) s3: S3Proxy,
    /// Held open for a worker that ends when it closes.
    _input: Option<ChildStdin>,
    _servers: Servers,
}

/// How the worker is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// As `assetlab` starts it.
    Child,
    /// `assetlab-worker`.
    Separate,
}

impl Parts {
    pub(crate) fn start(
        binaries: &Binaries,
        worker: As,
        latency: Duration,
    ) -> anyhow::Result<Self> {
        let servers = Servers::start(binaries)?;
        let s3 = S3Proxy::start(servers.endpoint.clone(), latency)?;
        let mut command = match worker {
            As::Separate => binaries.command("assetlab-worker")?,
            As::Child => {
                let mut command = binaries.command("assetlab")?;
                command.args(["worker", "--child"]);
                command
            }
        };
        command
            .envs(servers.variables.iter().cloned())
            .env("AWS_ENDPOINT_URL_S3", s3.endpoint())
            .env("COPY", "never");
        let log = servers.folder.path().join("worker.log");
        let mut worker = Process::start(piped(command), log)?;
        worker.wait_for("worker started")?;
        Ok(Self {
            _input: worker.child.as_mut().and_then(|child| child.stdin.take()),
            worker,
            api: Api::at(servers.origin.clone())?,
            s3,
            _servers: servers,
        })
    }
}

impl Process {
    /// Where the API says it listens.
    fn listening_at(&self) -> anyhow::Result<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let log = fs::read_to_string(&self.log)?;
            if let Some((_, rest)) = log.split_once("listening on ") {
                let origin = rest.split('"').next().unwrap_or_default();
                return Ok(origin.to_owned());
            }
            thread::sleep(LOOK_INTERVAL);
        }
        bail!(
            "the API does not listen: {}",
            fs::read_to_string(&self.log)?
        )
    }
}

fn piped(mut command: Command) -> Command {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}
