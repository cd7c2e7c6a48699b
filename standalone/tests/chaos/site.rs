//! The parts of a site as processes: S3, the API and workers, and what they are told.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::{AccessKey, Settings, Store};
use tempfile::TempDir;
use tokio::process::Command;

use crate::announced;
use crate::process::{Process, command, logs};
use crate::receiver::{Receiver, SECRET};
use crate::sources::LADDER;
use crate::uploads::TOKEN;

pub(crate) const RAW_BUCKET: &str = "assetlab-raw";
pub(crate) const VIDEO_BUCKET: &str = "assetlab-video";

/// As short, or as patient, as this much violence demands.
const VARIABLES: [(&str, &str); 23] = [
    ("S3_RAW_BUCKET", RAW_BUCKET),
    ("S3_VIDEO_BUCKET", VIDEO_BUCKET),
    ("AWS_REGION", "us-east-1"),
    ("ADMIN_TOKEN", TOKEN),
    ("PORT", "0"),
    ("LEASE", "3s"),
    ("POLL_INTERVAL", "200ms"),
    ("WORKER_JOBS", "2"),
    ("MAX_ATTEMPTS", "1000"),
    ("MAX_TAKEOVERS", "1000"),
    ("UPLOAD_EXPIRY", "3m"),
    ("ORIGINAL_GRACE", "5s"),
    ("REPAIR_INTERVAL", "3s"),
    ("SWEEP_INTERVAL", "5s"),
    ("X264_PRESET", "ultrafast"),
    ("WEBHOOK_SECRET", SECRET),
    ("WEBHOOK_TIMEOUT", "1s"),
    ("WEBHOOK_BACKOFF", "200ms"),
    // All clients come from one address, with one token.
    ("UPLOAD_RATE", "off"),
    ("UPLOAD_RATE_PER_TOKEN", "off"),
    ("SIGNING_RATE", "off"),
    ("SIGNING_RATE_PER_TOKEN", "off"),
    ("FAILED_TOKEN_RATE", "off"),
];

/// The S3 server, and how to reach it.
pub(crate) struct Site {
    /// With logs and data.
    folder: TempDir,
    _s3: Process,
    /// S3's address.
    pub(crate) endpoint: String,
    keys: Vec<(String, String)>,
    /// Who is told of each video's end.
    pub(crate) receiver: Receiver,
}

impl Site {
    pub(crate) async fn start() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut assetlab = command("assetlab");
        assetlab.arg("s3");
        assetlab.env("DATA_DIR", &data).env("S3_PORT", "0");
        let mut s3 = Process::start(assetlab, folder.path(), "s3");
        let endpoint = s3.word_after("AWS_ENDPOINT_URL_S3=").await;
        let keys = fs::read_to_string(data.join("s3-keys")).unwrap();
        let keys = keys.lines().filter_map(|line| line.split_once('='));
        Arc::new(Self {
            endpoint: endpoint.unwrap_or_else(|| panic!("S3 did not start: {}", s3.said())),
            keys: keys
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            receiver: Receiver::up(announced::answer),
            _s3: s3,
            folder,
        })
    }

    pub(crate) fn log_folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A worker that reaches S3 at `endpoint`.
    pub(crate) fn worker(&self, endpoint: &str) -> Command {
        let mut worker = self.configured("assetlab", endpoint);
        worker.arg("worker").env("LADDER", LADDER);
        worker.env("WEBHOOK_URL", self.receiver.url());
        worker
    }

    /// An API that reaches S3 at `endpoint`; clients are sent to S3 itself.
    pub(crate) fn api(&self, endpoint: &str) -> Command {
        let mut api = self.configured("assetlab-api", endpoint);
        api.env("S3_PUBLIC_ENDPOINT", &self.endpoint);
        api
    }

    fn configured(&self, name: &str, endpoint: &str) -> Command {
        let mut command = command(name);
        let keys = self.keys.iter().map(|(name, value)| (name, value));
        command
            .envs(VARIABLES)
            .envs(keys)
            .env("AWS_ENDPOINT_URL_S3", endpoint);
        command
    }

    pub(crate) fn access_key(&self) -> AccessKey {
        let value = |name: &str| {
            let key = self.keys.iter().find(|(key, _)| key == name);
            key.map(|(_, value)| value.clone()).unwrap()
        };
        AccessKey {
            id: value("AWS_ACCESS_KEY_ID"),
            secret: value("AWS_SECRET_ACCESS_KEY"),
        }
    }

    /// The buckets as the harness sees them: without a fault, and with `change`d settings.
    pub(crate) async fn store(&self, change: impl FnOnce(&mut Settings)) -> Store {
        let mut settings = Settings {
            endpoint: Some(self.endpoint.clone()),
            region: Some("us-east-1".into()),
            access_key: Some(self.access_key()),
            ..Settings::new(RAW_BUCKET, VIDEO_BUCKET)
        };
        change(&mut settings);
        Store::connect(settings).await.unwrap()
    }

    /// Copies the logs to where they outlive the run.
    pub(crate) fn keep_logs(&self, seed: u64) -> PathBuf {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{seed}"));
        fs::create_dir_all(&kept).unwrap();
        for log in logs(&self.log_folder()) {
            fs::copy(&log, kept.join(log.file_name().unwrap())).unwrap();
        }
        kept
    }
}
