//! A site as its users see it: over HTTP.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::Value;

use crate::process::{Folder, Running, assetlab};

/// Generous, since tests share two processors with everything else that runs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Site {
    pub(crate) process: Running,
    pub(crate) origin: String,
    token: String,
    http: Client,
}

impl Site {
    /// Starts a site; `variables` come on top of what a site in a test needs.
    pub(crate) fn start(folder: &Folder, variables: &[(&str, &str)]) -> Self {
        let mut command = assetlab(&[]);
        command
            .env("BIND", "127.0.0.1")
            .envs(variables.iter().copied());
        let process = Running::start(command, folder, "#token=");
        let (origin, token) = process
            .printed_after("    ")
            .split_once("/#token=")
            .unwrap();
        Self {
            origin: origin.to_owned(),
            token: token.to_owned(),
            http: Client::new(),
            process,
        }
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The id of the uploaded video.
    pub(crate) async fn upload(&self, filename: &str, mime: &str, bytes: Vec<u8>) -> String {
        let part = Part::bytes(bytes)
            .file_name(filename.to_owned())
            .mime_str(mime)
            .unwrap();
        let answer = self
            .http
            .post(format!("{}/api/upload", self.origin))
            .bearer_auth(&self.token)
            .multipart(Form::new().part("file", part))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn status(&self, id: &str) -> Value {
        self.get(&format!("/api/video/{id}/status"))
            .await
            .json()
            .await
            .unwrap()
    }

    /// Polls the status until it says one of `wanted`.
    pub(crate) async fn wait_for(&self, id: &str, wanted: &[&str]) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status(id).await;
            if wanted.contains(&status["status"].as_str().unwrap()) {
                return status;
            }
            assert!(Instant::now() < deadline, "still {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http
            .get(format!("{}{path}", self.origin))
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// Bytes `from..=to` of what is at a path.
    pub(crate) async fn range(&self, path: &str, from: u64, to: u64) -> Response {
        let get = self.http.get(format!("{}{path}", self.origin));
        get.header("range", format!("bytes={from}-{to}"))
            .send()
            .await
            .unwrap()
    }

    /// The path and query of the link in `{url}`, which is on this site.
    pub(crate) async fn link(&self, path: &str) -> String {
        let answer: Value = self.get(path).await.json().await.unwrap();
        let url = answer["url"].as_str().unwrap();
        url.strip_prefix(&self.origin).unwrap().to_owned()
    }
}

/// Seven seconds of film, 1280×720.
pub(crate) fn clip_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/butterfly_720p2997_7s.mp4")
}

pub(crate) fn clip() -> Vec<u8> {
    std::fs::read(clip_path()).unwrap()
}
