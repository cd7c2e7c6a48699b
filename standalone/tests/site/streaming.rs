//! Large objects through the S3. With `ASSETLAB_LONG=1`, 2 GiB each way.

use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::process::Folder;
use crate::s3::{self, BUCKET, begin_upload, complete_upload, get, send_part};

const PIECE_LEN_BYTES: usize = 1 << 20;
const PART_LEN_BYTES: usize = 5 << 20;
const PARTS: usize = 200;
const PARTS_AT_ONCE: usize = 4;

/// Sends so many pieces as one object.
async fn send(client: &Client, piece: &Bytes, pieces: usize) {
    let put = client.put_object().bucket(BUCKET).key("k");
    let link = PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap();
    let link = put.presigned(link).await.unwrap();
    let body = stream::iter(vec![piece.clone(); pieces]).map(Ok::<_, std::io::Error>);
    let sent = reqwest::Client::new()
        .put(link.uri())
        .header("content-length", pieces * piece.len())
        .body(reqwest::Body::wrap_stream(body))
        .send();
    assert_eq!(sent.await.unwrap().status(), 200);
}

/// Reads it again, piece by piece.
async fn receive(client: &Client, piece: &Bytes, pieces: usize) {
    let object = client.get_object().bucket(BUCKET).key("k").send().await;
    let mut body = object.unwrap().body;
    let mut at = 0;
    while let Some(mut chunk) = body.try_next().await.unwrap() {
        while !chunk.is_empty() {
            let from = at % piece.len();
            let len = chunk.len().min(piece.len() - from);
            assert!(chunk.split_to(len) == piece[from..from + len], "at {at}");
            at += len;
        }
    }
    assert_eq!(at, pieces * piece.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_however_much_is_streamed() {
    let is_long = std::env::var_os("ASSETLAB_LONG").is_some();
    let pieces = if is_long { 2048 } else { 192 };
    let piece: Bytes = (0..PIECE_LEN_BYTES)
        .map(|at| (at / 251 + at) as u8)
        .collect();
    let folder = Folder::new();
    let (server, client) = s3::start(s3::command(), &folder);
    // What it takes for any object: threads, buffers, the database.
    send(&client, &piece, 8).await;
    receive(&client, &piece, 8).await;
    let before = server.peak_memory_bytes();

    let start = Instant::now();
    send(&client, &piece, pieces).await;
    let (sent, sent_in) = (server.peak_memory_bytes(), start.elapsed());
    receive(&client, &piece, pieces).await;
    let (received, both_in) = (server.peak_memory_bytes(), start.elapsed());
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "{pieces} MiB in {sent_in:.1?} in, {:.1?} out; peak memory {} MiB before, {} MiB after in, {} MiB after out",
        both_in - sent_in,
        mib(before),
        mib(sent),
        mib(received),
    );
    assert!(mib(received - before) < 32, "memory grows with the object");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_parts_become_one_object() {
    let folder = Folder::new();
    let (_server, client) = s3::start(s3::command(), &folder);
    let upload_id = begin_upload(&client, "k").await.unwrap();
    let part = |number: usize| vec![number as u8; PART_LEN_BYTES];
    let sending = (0..PARTS).map(|at| {
        let (client, upload_id) = (&client, &upload_id);
        async move { send_part(client, "k", upload_id, at as i32 + 1, part(at)).await }
    });
    let parts: Vec<_> = stream::iter(sending)
        .buffered(PARTS_AT_ONCE)
        .collect()
        .await;
    let parts: Vec<_> = parts.into_iter().map(Option::unwrap).collect();

    let start = Instant::now();
    let etag = complete_upload(&client, "k", &upload_id, parts)
        .await
        .unwrap();
    println!("{PARTS} parts completed in {:.1?}", start.elapsed());
    assert!(etag.ends_with(&format!("-{PARTS}\"")), "{etag}");
    let head = client.head_object().bucket(BUCKET).key("k").send().await;
    let len_bytes = (PARTS * PART_LEN_BYTES) as i64;
    assert_eq!(head.unwrap().content_length, Some(len_bytes));
    for at in 1..PARTS {
        let seam = at * PART_LEN_BYTES;
        let range = client.get_object().bucket(BUCKET).key("k");
        let range = range
            .range(format!("bytes={}-{seam}", seam - 1))
            .send()
            .await;
        let bytes = range.unwrap().body.collect().await.unwrap().to_vec();
        assert_eq!(bytes, [at as u8 - 1, at as u8]);
    }
    let delete = client.delete_object().bucket(BUCKET).key("k").send().await;
    delete.unwrap();
    assert!(get(&client, "k").await.is_none());
    let blobs = std::fs::read_dir(folder.data().join("s3/blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
}
