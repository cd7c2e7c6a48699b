//! What was given up is listed, and queued again.

use std::fs;

use store::queue::Queue;
use store::{AccessKey, Settings, State, Store, VideoId};

use crate::process::{Folder, Running, assetlab, output};

/// The embedded S3 as a worker sees it.
pub(crate) fn settings(folder: &Folder, endpoint: &str) -> Settings {
    let keys = fs::read_to_string(folder.data().join("s3-keys")).unwrap();
    let mut values = keys.lines().map(|line| line.split_once('=').unwrap().1);
    Settings {
        endpoint: Some(endpoint.to_owned()),
        region: Some("us-east-1".to_owned()),
        access_key: Some(AccessKey {
            id: values.next().unwrap().to_owned(),
            secret: values.next().unwrap().to_owned(),
        }),
        ..Settings::new("assetlab-raw", "assetlab-video")
    }
}

/// One failure is enough to give a job up.
async fn store(folder: &Folder, endpoint: &str) -> Store {
    let settings = Settings {
        max_failures: 1,
        ..settings(folder, endpoint)
    };
    Store::connect(settings).await.unwrap()
}

#[tokio::test]
async fn a_job_that_was_given_up_is_listed_and_queued_again() {
    let folder = Folder::new();
    let s3 = Running::start(assetlab(&["s3"]), &folder, "S3_VIDEO_BUCKET=");
    let endpoint = s3.printed_after("AWS_ENDPOINT_URL_S3=");
    let store = store(&folder, endpoint).await;
    let id = VideoId::new();
    let mut upload = store.begin_original(id, "film.mp4").await.unwrap();
    upload.complete().await.unwrap();
    store.enqueue(id, "film.mp4").await.unwrap();
    let (claim, mut status) = Queue::new(store.clone(), "worker")
        .claim(1)
        .await
        .unwrap()
        .unwrap();
    claim.fail(&mut status, "the disk melted").await.unwrap();

    let (_, port) = endpoint.rsplit_once(':').unwrap();
    let jobs = |args: &[&str]| {
        let mut command = assetlab(&[&["jobs"], args].concat());
        command.env("DATA_DIR", folder.data()).env("S3_PORT", port);
        output(command)
    };
    let (listed, text) = jobs(&[]);
    assert!(listed.status.success(), "{text}");
    for expected in [&id.to_string(), "film.mp4", "the disk melted"] {
        assert!(text.contains(expected), "{text}");
    }

    // One by its id, then, failed again, with all others.
    for which in [&id.to_string(), "--all"] {
        let (requeued, text) = jobs(&["requeue", which]);
        assert!(requeued.status.success(), "{text}");
        let status = store.status(id).await.unwrap().unwrap().value;
        assert_eq!((status.status, status.error), (State::Pending, None));
        if which != "--all" {
            let queue = Queue::new(store.clone(), "worker");
            let (claim, mut status) = queue.claim(1).await.unwrap().unwrap();
            claim.fail(&mut status, "once more").await.unwrap();
        }
    }
    let (_, text) = jobs(&[]);
    assert!(text.contains("no job was given up"), "{text}");
    let (left, text) = jobs(&["requeue", &id.to_string()]);
    assert!(left.status.success(), "{text}");
    assert!(text.contains("is queued or worked on already"), "{text}");

    let stranger = VideoId::new().to_string();
    let (refused, text) = jobs(&["requeue", &stranger]);
    assert!(!refused.status.success());
    assert!(text.contains(&stranger), "{text}");
}

#[tokio::test]
async fn the_environment_can_name_another_s3() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let s3 = Running::start(assetlab(&["s3"]), &folder, "S3_VIDEO_BUCKET=");
    let keys = fs::read_to_string(folder.data().join("s3-keys")).unwrap();
    let mut jobs = assetlab(&["jobs"]);
    jobs.env("DATA_DIR", elsewhere.data())
        .envs(keys.lines().filter_map(|line| line.split_once('=')))
        .env(
            "AWS_ENDPOINT_URL_S3",
            s3.printed_after("AWS_ENDPOINT_URL_S3="),
        );
    let (listed, text) = output(jobs);
    assert!(listed.status.success(), "{text}");
    assert!(text.contains("no job was given up"), "{text}");
    assert!(!elsewhere.data().exists(), "nothing is created by looking");
}
