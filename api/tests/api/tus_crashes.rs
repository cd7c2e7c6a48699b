//! The API dies as under `kill -9` at each step of a resumable upload; another one goes on with it.

use std::time::Duration;

use bytes::Bytes;
use embedded_s3::test_server::TestServer;
use reqwest::{Client, Method, StatusCode};
use store::FailPoint;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::process::start;
use crate::site::{MIB, buckets, open_uploads};
use crate::tus_client::{append, head, id_of, offset, offset_in, patch, request, video};
use crate::tus_lines::{half_a_patch, stands_at};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where it dies, and at which of the times that it gets there.
const STEPS: [(FailPoint, u32); 15] = [
    (FailPoint::UploadOpened, 1),
    (FailPoint::UploadNamed, 1),
    (FailPoint::WriterNamed, 1),
    (FailPoint::WriterNamed, 2),
    (FailPoint::UploadPartStored, 1),
    (FailPoint::UploadPartStored, 2),
    (FailPoint::UploadPartRecorded, 1),
    (FailPoint::UploadPartRecorded, 3),
    (FailPoint::TailStored, 1),
    (FailPoint::TailNamed, 1),
    (FailPoint::OriginalStored, 1),
    (FailPoint::StatusCreated, 1),
    (FailPoint::Indexed, 1),
    (FailPoint::Queued, 1),
    (FailPoint::UploadCompleted, 1),
];
const LEN: usize = 18 * MIB as usize;
/// The first request brings so much, the second one the rest.
const FIRST: usize = 9 * MIB as usize;

/// Does what a client does until its upload is whole: begin, ask, append. Returns where the upload was, and
/// whether somebody was not there to answer.
async fn upload(client: &Client, bases: &mut dyn Iterator<Item = String>, file: &Bytes) -> String {
    let mut base = bases.next().unwrap();
    let mut path: Option<String> = None;
    for _ in 0..10 {
        let url = path.as_ref().map(|path| format!("{base}{path}"));
        let stands_at = match &url {
            None => {
                let creation = request(client, Method::POST, &format!("{base}/api/tus"));
                let creation = creation.header("Upload-Length", file.len());
                if let Ok(answer) = creation.send().await {
                    assert_eq!(answer.status(), StatusCode::CREATED);
                    path = Some(answer.headers()["location"].to_str().unwrap().to_owned());
                    continue;
                }
                None
            }
            Some(url) => match request(client, Method::HEAD, url).send().await {
                Ok(answer) => {
                    assert_eq!(answer.status(), StatusCode::OK);
                    Some(offset_in(answer.headers()))
                }
                Err(_) => None,
            },
        };
        match (stands_at, url) {
            (Some(at), Some(url)) if at == file.len() => return url,
            (Some(at), Some(url)) => {
                let to = if at < FIRST { FIRST } else { file.len() };
                let sent = patch(client, &url, at, file.slice(at..to)).send().await;
                match sent {
                    Ok(answer) => assert_eq!(answer.status(), StatusCode::NO_CONTENT),
                    Err(_) => base = bases.next().unwrap(),
                }
            }
            _ => base = bases.next().unwrap(),
        }
    }
    panic!("it does not get anywhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_step_it_dies_at_the_upload_goes_on_and_arrives() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let (_heir, heir) = start(&s3, &[]).await;
    for (number, (point, time)) in STEPS.into_iter().enumerate() {
        let file = video(LEN, number as u64);
        let order = format!("{}=abort#{time}", point.name());
        let (mut dying, base) = start(&s3, &[("FAIL_POINTS", order)]).await;
        let mut bases = [base, heir.clone()].into_iter();
        let url = upload(&client, &mut bases, &file).await;
        assert!(bases.next().is_none(), "nobody died at {point:?}");
        assert!(dying.has_died(), "{point:?}");

        let id = id_of(&url);
        let original = buckets(&s3).get_object().bucket("raw");
        let original = original.key(format!("uploads/{id}.orig"));
        let stored = original.send().await.unwrap().body.collect().await.unwrap();
        assert!(
            stored.into_bytes() == file,
            "{point:?}: the original differs"
        );
        let marker = buckets(&s3).head_object().bucket("raw");
        marker.key(format!("queue/{id}")).send().await.unwrap();
    }
    // Only the one whose client never heard of it is left to the sweep.
    assert_eq!(open_uploads(&s3).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_end_was_cut_short_is_gone_all_the_same() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let order = format!("{}=abort", FailPoint::UploadGivenUp.name());
    let (mut dying, base) = start(&s3, &[("FAIL_POINTS", order)]).await;
    let url = crate::tus_client::begin(&client, &base, LEN).await;
    crate::tus_client::append(&client, &url, 0, video(FIRST, 1)).await;
    assert!(request(&client, Method::DELETE, &url).send().await.is_err());
    assert!(dying.has_died());

    let (_heir, heir) = start(&s3, &[("UPLOAD_EXPIRY", "0s".into())]).await;
    let url = url.replace(&base, &heir);
    assert_eq!(head(&client, &url).await.status(), StatusCode::GONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_stores_what_came_and_lets_its_client_go() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let (_heir, heir) = start(&s3, &[]).await;
    let (stopping, base) = start(&s3, &[]).await;
    let file = video(LEN, 1);
    let url = crate::tus_client::begin(&client, &base, LEN).await;
    let mut line = half_a_patch(&url, 0, LEN, &file[..FIRST]).await;
    stands_at(&client, &url, 8 * MIB as usize).await;
    stopping.terminate();
    let mut answer = vec![0; 4096];
    let read = timeout(PATIENCE, line.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read.unwrap()]).to_lowercase();
    assert!(answer.starts_with("http/1.1 204 "), "{answer}");
    let url = url.replace(&base, &heir);
    let at = offset(&client, &url).await;
    let told = format!("upload-offset: {at}\r\n");
    assert!(answer.contains(&told), "{at}: {answer}");
    let whole = append(&client, &url, at, file.slice(at..)).await;
    assert_eq!(whole, LEN);
}
