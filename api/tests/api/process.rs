//! `assetlab-api` as a process: set up by its environment, stopped by a signal.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use embedded_s3::test_server::TestServer;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, StatusCode};
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::site::{TOKEN, assert_error, json};

/// Generous: the tests share two processors.
const PATIENCE: Duration = Duration::from_secs(60);

fn api(s3: &TestServer) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assetlab-api"));
    command
        .env_clear()
        .env("S3_RAW_BUCKET", "raw")
        .env("S3_VIDEO_BUCKET", "video")
        .env("AWS_ENDPOINT_URL_S3", s3.endpoint())
        .env("AWS_ACCESS_KEY_ID", s3.credentials().access_key_id())
        .env(
            "AWS_SECRET_ACCESS_KEY",
            s3.credentials().secret_access_key(),
        )
        .env("AWS_REGION", "us-east-1")
        .env("ADMIN_TOKEN", TOKEN)
        .env("PORT", "0")
        .env("RUST_LOG", "info,api=trace,store=trace")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// A child that does not outlive its test.
pub(crate) struct Running(Child);

/// Starts a process, and returns it with its address once it listens.
pub(crate) async fn start(s3: &TestServer, env: &[(&str, String)]) -> (Running, String) {
    let mut running = Running(api(s3).envs(env.iter().cloned()).spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    // Reading a pipe blocks, and the S3 server runs on this thread.
    let base = tokio::task::spawn_blocking(move || {
        let base = read_to(&mut log, &mut String::new(), "listening on ");
        // So that it never writes to a closed pipe.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        base
    });
    // Of one that does not get so far, the drop ends the log.
    let base = timeout(PATIENCE, base).await.unwrap();
    (running, base.unwrap())
}

impl Running {
    /// Tells it to stop, as whoever runs it does.
    pub(crate) fn terminate(&self) {
        let pid = self.0.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end, which must be none that it chose.
    pub(crate) fn has_died(&mut self) -> bool {
        self.0.wait().unwrap().code().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads the log up to a line with `mark` in it and returns what follows there.
fn read_to(log: &mut impl BufRead, text: &mut String, mark: &str) -> String {
    loop {
        let start = text.len();
        assert!(log.read_line(text).unwrap() > 0, "{text}");
        if let Some((_, rest)) = text[start..].split_once(mark) {
            return rest.trim().to_owned();
        }
    }
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop_and_logs_no_secret() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let mut running = Running(api(&s3).spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    // Reading a pipe blocks, and the S3 server runs on this thread.
    let (mut log, mut text, base) = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        let base = read_to(&mut log, &mut text, "listening on ");
        (log, text, base)
    })
    .await
    .unwrap();

    let client = Client::builder().no_proxy().build().unwrap();
    let get = |path: &str| {
        client
            .get(format!("{base}{path}"))
            .bearer_auth("guess-4711")
            .header("x-forwarded-for", "198.51.100.1")
    };
    let ready = get("/readyz?X-Amz-Signature=sig-4711")
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    let upload = client
        .post(format!("{base}/api/upload?token=sig-4711"))
        .header("x-forwarded-for", "198.51.100.1")
        .bearer_auth("guess-4711");
    assert_error(
        upload.send().await.unwrap(),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;
    let link = client.post(format!("{base}/api/upload-links"));
    let link = link.header("forwarded", "for=198.51.100.1");
    let link = json(link.bearer_auth(TOKEN).send().await.unwrap()).await;
    let link_token = link["token"].as_str().unwrap();
    for expected in [StatusCode::CREATED, StatusCode::CONFLICT] {
        let upload = client.post(format!("{base}/api/upload"));
        let file = Part::bytes(b"\0".as_slice()).file_name("a.mp4");
        let upload = upload.multipart(Form::new().part("file", file));
        let answer = upload.bearer_auth(link_token).send().await.unwrap();
        assert_eq!(answer.status(), expected);
    }
    let parts = client
        .post(format!("{base}/api/uploads"))
        .bearer_auth(TOKEN);
    let parts = parts.body(r#"{"len_bytes": 5}"#).send().await.unwrap();
    assert_eq!(parts.status(), StatusCode::CREATED);
    let url = &json(parts).await["parts"][0]["url"];
    assert!(url.as_str().unwrap().contains("X-Amz-Signature="));
    assert_error(
        get("/").send().await.unwrap(),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;

    running.terminate();
    drop(client);
    let (status, text) = tokio::task::spawn_blocking(move || {
        log.read_to_string(&mut text).unwrap();
        (running.0.wait().unwrap(), text)
    })
    .await
    .unwrap();
    assert!(status.success(), "{status}: {text}");
    assert!(
        text.contains("CORS_ORIGINS is unset") && text.contains("path=\"/api/upload\""),
        "{text}"
    );
    let warnings = text.matches("a proxy that TRUSTED_PROXIES does not name");
    assert_eq!(warnings.count(), 1, "{text}");
    let secret = s3.credentials().secret_access_key();
    for secret in [TOKEN, "4711", secret, link_token, "X-Amz-Signature"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn event_streams_do_not_hold_up_its_end() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let mut running = Running(api(&s3).spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let (mut log, base) = tokio::task::spawn_blocking(move || {
        let base = read_to(&mut log, &mut String::new(), "listening on ");
        (log, base)
    })
    .await
    .unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let form = Form::new().part("file", Part::bytes(b"\0".as_slice()).file_name("a.mp4"));
    let upload = client.post(format!("{base}/api/upload"));
    let upload = upload.bearer_auth(TOKEN).multipart(form);
    let uploaded = json(upload.send().await.unwrap()).await;
    let id = uploaded["id"].as_str().unwrap();
    let events = client.get(format!("{base}/api/video/{id}/events"));
    let mut events = events.send().await.unwrap();
    assert!(events.chunk().await.unwrap().is_some());

    running.terminate();
    // To its end, which is in order.
    let rest = async { while events.chunk().await.unwrap().is_some() {} };
    timeout(PATIENCE, rest).await.unwrap();
    drop(client);
    let (status, text) = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        (running.0.wait().unwrap(), text)
    })
    .await
    .unwrap();
    assert!(status.success(), "{status}: {text}");
    assert!(!text.contains("were broken off"), "{text}");
}

/// Containers start in any order.
#[tokio::test]
async fn it_waits_until_there_is_an_s3() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let proxy = Proxy::start(&s3.endpoint());
    proxy.cut();
    let mut command = api(&s3);
    command.env("AWS_ENDPOINT_URL_S3", proxy.endpoint());
    let mut running = Running(command.spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let log = tokio::task::spawn_blocking(move || {
        read_to(&mut log, &mut String::new(), "waiting for S3");
        log
    });
    let mut log = log.await.unwrap();
    proxy.mend();
    let base =
        tokio::task::spawn_blocking(move || read_to(&mut log, &mut String::new(), "listening on "));
    assert!(base.await.unwrap().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn what_is_missing_or_cannot_work_is_named_and_help_prints_no_token() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let run = |mut command: Command| command.output().unwrap();
    let mut incomplete = api(&s3);
    incomplete
        .env_remove("ADMIN_TOKEN")
        .env_remove("S3_RAW_BUCKET");
    let output = run(incomplete);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        error.contains("--admin-token") && error.contains("--s3-raw-bucket"),
        "{error}"
    );

    for (variable, value, words) in [
        ("UPLOAD_IDLE_TIMEOUT", "0s", "write 1s or more"),
        ("UPLOAD_RATE", "300", "write it like 300/5m"),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/8,proxy",
            "`proxy` is not a network",
        ),
    ] {
        let mut wrong = api(&s3);
        wrong.env(variable, value);
        let output = run(wrong);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(error.contains(words), "{error}");
    }

    let mut help = api(&s3);
    help.arg("--help");
    let help = String::from_utf8(run(help).stdout).unwrap();
    for variable in [
        "ADMIN_TOKEN",
        "PORT",
        "BIND",
        "CORS_ORIGINS",
        "PUBLIC_URL",
        "FRONTEND_DIR",
        "MAX_UPLOAD_BYTES",
        "UPLOAD_IDLE_TIMEOUT",
        "SIGNING_RATE",
        "TRUSTED_PROXIES",
    ] {
        assert!(help.contains(variable), "{variable} is not in {help}");
    }
    assert!(!help.contains(TOKEN), "{help}");
}
