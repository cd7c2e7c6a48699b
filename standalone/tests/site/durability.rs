//! `kill -9` of the S3 in the middle of writes: what was acknowledged is there, whole; the rest is
//! absent or whole, and leaves nothing behind.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use tokio::task::JoinSet;

use crate::process::{Folder, Running, assetlab};

const BUCKET: &str = "assetlab-raw";
const WRITERS: usize = 8;
const KEYS: usize = 5;
const LEN_BYTES: usize = 300_000;
const ACKNOWLEDGED: usize = 100;

fn start(folder: &Folder) -> (Running, Client) {
    let s3 = Running::start(assetlab(&["s3"]), folder, "S3_VIDEO_BUCKET=");
    let keys = fs::read_to_string(folder.data().join("s3-keys")).unwrap();
    let value = |name: &str| {
        keys.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
    };
    let (id, secret) = (value("AWS_ACCESS_KEY_ID="), value("AWS_SECRET_ACCESS_KEY="));
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .endpoint_url(s3.printed_after("AWS_ENDPOINT_URL_S3="))
        .force_path_style(true)
        .region(Region::from_static("us-east-1"))
        .retry_config(RetryConfig::disabled())
        .build();
    (s3, Client::from_conf(config))
}

/// A body that says which write it is, all through.
fn body(key: &str, version: usize) -> Vec<u8> {
    format!("{key} {version};")
        .bytes()
        .cycle()
        .take(LEN_BYTES)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = Folder::new();
    let (mut s3, client) = start(&folder);
    // The newest version of each key that was acknowledged.
    let newest: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let (sender, mut acknowledgements) = tokio::sync::mpsc::unbounded_channel();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (client, newest, sender) = (client.clone(), newest.clone(), sender.clone());
        writers.spawn(async move {
            for version in 0.. {
                let key = format!("{writer}/{}", version % KEYS);
                let put = client.put_object().bucket(BUCKET).key(&key);
                let put = put.body(body(&key, version).into()).send().await;
                if put.is_err() {
                    return;
                }
                newest.lock().unwrap().insert(key, version);
                // The receiver goes when it has seen enough.
                let _ = sender.send(());
            }
        });
    }
    for _ in 0..ACKNOWLEDGED {
        acknowledgements.recv().await.unwrap();
    }
    s3.kill();
    writers.join_all().await;

    let (s3, client) = start(&folder);
    let newest = newest.lock().unwrap().clone();
    assert!(newest.len() >= WRITERS);
    for (key, version) in &newest {
        let object = client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        let bytes = object.body.collect().await.unwrap().to_vec();
        // The write that the kill cut off may have come through, but only as a whole.
        let later = version + KEYS;
        assert!(
            bytes == body(key, *version) || bytes == body(key, later),
            "{key} {version}"
        );
    }
    let list = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let blobs = fs::read_dir(folder.data().join("s3/blobs"))
        .unwrap()
        .count();
    assert_eq!(blobs, list.contents().len(), "nothing is left behind");
    drop(s3);
}
