//! The API and workers as processes, over buckets of their own.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use store::{Settings, State, Store, VideoId};
use tempfile::TempDir;
use tokio::process::Command;

use crate::buckets::Buckets;
use crate::process::{End, Process, command};

/// What takes longer never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const TOKEN: &str = "a token for tests";

/// A second of a small picture.
pub(crate) static CLIP: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    let source = "testsrc2=size=320x180:rate=24:duration=1";
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast"]);
    ffmpeg.args(["-pix_fmt", "yuv420p"]).arg(&path);
    assert!(ffmpeg.status().unwrap().success());
    std::fs::read(path).unwrap()
});

/// Waits for what must come true.
pub(crate) async fn wait_until(is_so: impl AsyncFn() -> bool) {
    let coming = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, coming).await;
    came.expect("what must come true");
}

pub(crate) async fn wait_for_done(store: &Store, id: VideoId) {
    let is_done = async || {
        let status = store.status(id).await.unwrap().map(|there| there.value);
        let failed = |state| matches!(state, State::Error);
        assert!(!status.as_ref().is_some_and(|status| failed(status.status)));
        status.is_some_and(|status| status.status == State::Done)
    };
    wait_until(is_done).await;
}

/// Buckets, and the logs of the processes around them.
pub(crate) struct Site {
    pub(crate) buckets: Buckets,
    pub(crate) store: Store,
    folder: TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let buckets = Buckets::start().await;
        Self {
            store: buckets.store().await,
            buckets,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, name: &str, settings: &Settings, env: &[(&str, &str)]) -> Command {
        let mut command = command(name);
        let key = settings.access_key.as_ref().unwrap();
        command
            .env("S3_RAW_BUCKET", &settings.raw_bucket)
            .env("S3_VIDEO_BUCKET", &settings.video_bucket)
            .env("AWS_ENDPOINT_URL_S3", settings.endpoint.as_ref().unwrap())
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret)
            .env("AWS_REGION", "us-east-1")
            .env("RUST_LOG", "info")
            .envs(env.iter().copied());
        command
    }

    pub(crate) async fn api(&self, env: &[(&str, &str)]) -> Api {
        let mut command = self.command("assetlab-api", &self.buckets.settings(), env);
        command.env("ADMIN_TOKEN", TOKEN).env("PORT", "0");
        let mut process = Process::start(command, self.folder.path(), "api");
        let base = process.word_after("listening on ").await;
        Api {
            base: base.unwrap_or_else(|| panic!("the API ended: {}", process.said())),
            process,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) fn worker(&self, settings: &Settings, env: &[(&str, &str)]) -> Process {
        let mut command = self.command("assetlab", settings, env);
        command
            .arg("worker")
            .env("POLL_INTERVAL", "100ms")
            .env("X264_PRESET", "ultrafast");
        Process::start(command, self.folder.path(), "worker")
    }
}

/// A running `assetlab-api`.
pub(crate) struct Api {
    pub(crate) process: Process,
    base: String,
    client: Client,
}

impl Api {
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub(crate) fn delete(&self, id: VideoId) -> RequestBuilder {
        let url = format!("{}/api/video/{id}", self.base);
        self.client.delete(url).bearer_auth(TOKEN)
    }

    pub(crate) fn upload(&self, file: Part) -> RequestBuilder {
        let form = Form::new().part("file", file.file_name("clip.mp4"));
        let url = format!("{}/api/upload", self.base);
        self.client.post(url).bearer_auth(TOKEN).multipart(form)
    }

    /// An upload by a link.
    pub(crate) async fn upload_by(&self, link: &Value) -> Response {
        let file = Part::bytes(CLIP.clone()).file_name("clip.mp4");
        let upload = self.client.post(format!("{}/api/upload", self.base));
        let upload = upload.bearer_auth(link["token"].as_str().unwrap());
        let upload = upload.multipart(Form::new().part("file", file));
        upload.send().await.unwrap()
    }

    /// A link to upload with for a while.
    pub(crate) async fn link(&self, expires_in_seconds: u64) -> Value {
        let post = self.client.post(format!("{}/api/upload-links", self.base));
        let wanted = serde_json::json!({ "expires_in_seconds": expires_in_seconds });
        let answer = post
            .bearer_auth(TOKEN)
            .body(wanted.to_string())
            .send()
            .await;
        json(answer.unwrap()).await
    }

    pub(crate) async fn uploaded(&self) -> VideoId {
        let answer = self.upload(Part::bytes(CLIP.clone())).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        json(answer).await["id"].as_str().unwrap().parse().unwrap()
    }

    /// That the process aborted itself, at a fail point.
    pub(crate) async fn aborted(&mut self) {
        let end = self.process.ends_within(PATIENCE).await;
        assert_eq!(end, Some(End::Aborted), "{}", self.process.said());
    }
}

pub(crate) async fn json(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}
