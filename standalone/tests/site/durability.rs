//! `kill -9` of the S3 in the middle of writes, again and again: what was acknowledged is there, whole and with its
//! ETag; the rest is absent or whole, nobody ever reads half of it, and it leaves nothing behind.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use crate::process::Folder;
use crate::s3::{self, BUCKET, begin_upload, complete_upload, get, send_part};

const WRITERS: usize = 6;
const UPLOADERS: usize = 2;
const READERS: usize = 2;
const KEYS: usize = 5;
const LEN_BYTES: usize = 300_000;
const FIRST_PART_LEN_BYTES: usize = 5 << 20;
/// A kill after so many writes were acknowledged.
const ACKNOWLEDGED: [usize; 4] = [100, 37, 150, 11];

/// What is known about a key.
#[derive(Clone, Default)]
struct Known {
    /// The newest version that was acknowledged, and its ETag.
    acknowledged: Option<(usize, String)>,
    /// The newest that was sent.
    sent: usize,
}

#[derive(Clone)]
struct Writes {
    client: Client,
    known: Arc<Mutex<HashMap<String, Known>>>,
    acknowledgements: UnboundedSender<()>,
}

impl Writes {
    /// Writes its keys in turn until the server is gone.
    async fn go_on(self, writer: usize, is_multipart: bool) {
        let kind = if is_multipart { "upload" } else { "put" };
        for turn in 0.. {
            let key = format!("{kind} {writer}/{}", turn % KEYS);
            let version = {
                let mut known = self.known.lock().unwrap();
                let known = known.entry(key.clone()).or_default();
                known.sent += 1;
                known.sent
            };
            let bytes = body(&key, version);
            let etag = if is_multipart {
                upload(&self.client, &key, bytes).await
            } else {
                let put = self.client.put_object().bucket(BUCKET).key(&key);
                put.body(bytes.into())
                    .send()
                    .await
                    .ok()
                    .and_then(|put| put.e_tag)
            };
            let Some(etag) = etag else { return };
            let mut known = self.known.lock().unwrap();
            known.get_mut(&key).unwrap().acknowledged = Some((version, etag));
            // The receiver goes when it has seen enough.
            let _ = self.acknowledgements.send(());
        }
    }

    /// Reads keys in turn until the server is gone: each is absent or whole.
    async fn watch(self) {
        loop {
            let keys: Vec<String> = self.known.lock().unwrap().keys().cloned().collect();
            for key in keys {
                let read = self
                    .client
                    .get_object()
                    .bucket(BUCKET)
                    .key(&key)
                    .send()
                    .await;
                let object = match read {
                    Ok(object) => object,
                    Err(error) if error.raw_response().is_some() => continue,
                    Err(_) => return,
                };
                // Shorter than announced is an error here.
                let Ok(bytes) = object.body.collect().await else {
                    return;
                };
                let bytes = bytes.to_vec();
                assert!(
                    bytes == body(&key, version_of(&bytes)),
                    "{key} is a mixture"
                );
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn upload(client: &Client, key: &str, bytes: Vec<u8>) -> Option<String> {
    let upload_id = begin_upload(client, key).await?;
    let (first, second) = bytes.split_at(FIRST_PART_LEN_BYTES);
    let parts = vec![
        send_part(client, key, &upload_id, 1, first.to_vec()).await?,
        send_part(client, key, &upload_id, 2, second.to_vec()).await?,
    ];
    complete_upload(client, key, &upload_id, parts).await
}

/// A body that says which write it is, all through.
fn body(key: &str, version: usize) -> Vec<u8> {
    let len_bytes = match key.starts_with("upload") {
        true => FIRST_PART_LEN_BYTES + LEN_BYTES,
        false => LEN_BYTES,
    };
    let text = format!("{version} {key};").into_bytes();
    let mut bytes = text.repeat(len_bytes / text.len() + 1);
    bytes.truncate(len_bytes);
    bytes
}

fn version_of(bytes: &[u8]) -> usize {
    let digits = bytes.split(|byte| *byte == b' ').next().unwrap();
    std::str::from_utf8(digits).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_each_kill() {
    let folder = Folder::new();
    let known: Arc<Mutex<HashMap<String, Known>>> = Arc::default();
    for acknowledged in ACKNOWLEDGED {
        let (mut server, client) = s3::start(s3::command(), &folder);
        let (acknowledgements, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let writes = Writes {
            client,
            known: Arc::clone(&known),
            acknowledgements,
        };
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS + UPLOADERS {
            tasks.spawn(writes.clone().go_on(writer, writer >= WRITERS));
        }
        for _ in 0..READERS {
            tasks.spawn(writes.clone().watch());
        }
        for _ in 0..acknowledged {
            seen.recv().await.unwrap();
        }
        server.kill();
        tasks.join_all().await;

        let (_server, client) = s3::start(s3::command(), &folder);
        let known_now = known.lock().unwrap().clone();
        for (key, there) in known_now {
            // What came through unacknowledged stays, too, from here on.
            let acknowledged = check(&client, &key, &there).await;
            known.lock().unwrap().insert(
                key,
                Known {
                    acknowledged,
                    ..there
                },
            );
        }
        check_disk(&client, &folder).await;
    }
}

/// The version that is there, with its ETag.
async fn check(client: &Client, key: &str, known: &Known) -> Option<(usize, String)> {
    let there = get(client, key).await;
    match (&there, &known.acknowledged) {
        (None, None) => {}
        (None, Some((version, _))) => panic!("{key}: version {version} is gone"),
        (Some((bytes, etag)), acknowledged) => {
            let version = version_of(bytes);
            assert!(*bytes == body(key, version), "{key} is not whole");
            match acknowledged {
                Some((newest, its_etag)) if version == *newest => {
                    assert_eq!(etag, its_etag, "{key}");
                }
                // The write that the kill cut off may have come through.
                _ => assert_eq!(version, known.sent, "{key}"),
            }
        }
    }
    there.map(|(bytes, etag)| (version_of(&bytes), etag))
}

/// Of what was cut off no blob is left: there are those of the objects, one for each part.
async fn check_disk(client: &Client, folder: &Folder) {
    let uploads = client
        .list_multipart_uploads()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    for upload in uploads.uploads() {
        let abort = client.abort_multipart_upload().bucket(BUCKET);
        let abort = abort.key(upload.key().unwrap());
        abort
            .upload_id(upload.upload_id().unwrap())
            .send()
            .await
            .unwrap();
    }
    let list = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let keys = list.contents().iter().map(|object| object.key().unwrap());
    let parts: usize = keys
        .map(|key| if key.starts_with("upload") { 2 } else { 1 })
        .sum();
    let blobs = fs::read_dir(folder.data().join("s3/blobs"))
        .unwrap()
        .count();
    assert_eq!(blobs, parts, "something is left behind");
}
