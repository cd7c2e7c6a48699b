//! Starting, stopping and starting again.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

use crate::page::{PATIENCE, Site, clip};
use crate::process::{Folder, assetlab, is_alive, output};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[]);
    let id = site.upload("butterfly.mp4", "video/mp4", clip()).await;
    let (token, worker) = (site.token().to_owned(), site.process.worker());
    assert!(site.process.terminate().success());
    assert!(!is_alive(worker), "the worker stops with the site");

    let site = Site::start(&folder, &[]);
    assert_eq!(site.token(), token);
    let status = site.wait_for(&id, &["done", "error"]).await;
    assert_eq!(status["status"], "done");
}

#[tokio::test]
async fn the_worker_does_not_outlive_a_killed_site() {
    let folder = Folder::new();
    let mut site = Site::start(&folder, &[]);
    let worker = site.process.worker();
    site.process.kill();
    let deadline = Instant::now() + PATIENCE;
    while is_alive(worker) {
        assert!(Instant::now() < deadline, "the worker lives on");
        thread::yield_now();
    }
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = Folder::new();
    let _first = Site::start(&folder, &[]);
    let mut second = assetlab(&[]);
    second
        .env("DATA_DIR", folder.data())
        .env("PORT", "0")
        .env("S3_PORT", "0");
    let (output, text) = output(second);
    assert!(!output.status.success());
    assert!(
        text.contains("another assetlab uses the data folder"),
        "{text}"
    );
    assert!(text.contains("DATA_DIR"), "{text}");
}

#[test]
fn a_port_in_use_is_named_with_its_variable() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for variable in ["PORT", "S3_PORT"] {
        let folder = Folder::new();
        let mut command = assetlab(&[]);
        command
            .env("DATA_DIR", folder.data())
            .env("BIND", "127.0.0.1")
            .env("PORT", "0")
            .env("S3_PORT", "0")
            .env(variable, &port);
        let (output, text) = output(command);
        assert!(!output.status.success());
        let expected = format!("port {port} is in use on 127.0.0.1");
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains(&format!("with {variable}")), "{text}");
    }
}

#[tokio::test]
async fn no_secret_reaches_the_log() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[("RUST_LOG", "trace")]);
    let id = site.upload("butterfly.mp4", "video/mp4", clip()).await;
    let original = site.link(&format!("/api/video/{id}")).await;
    assert_eq!(site.get(&original).await.status(), 200);
    site.wait_for(&id, &["done", "error"]).await;

    let keys = fs::read_to_string(folder.data().join("s3-keys")).unwrap();
    let (_, secret) = keys.trim().rsplit_once('=').unwrap();
    let signature = original.split("X-Amz-Signature=").nth(1).unwrap();
    let log = folder.log();
    assert!(log.contains(&id), "the log was read");
    for secret in [site.token(), secret, signature, "X-Amz-Signature"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{}", line.unwrap_or_default());
    }
}
