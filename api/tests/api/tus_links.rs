//! Resumable uploads with a one-time link, whose creation may be sent again.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::site::{MIB, Site, TOKEN, assert_error, json};
use crate::tus_client::{OFFSET_STREAM, append, begin, location, offset_in, video};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB_USIZE: usize = MIB as usize;

#[tokio::test]
async fn a_link_begins_one_upload_and_goes_on_with_it() {
    let site = Site::start().await;
    let link = site.client.post(format!("{}/api/upload-links", site.base));
    let link = link.bearer_auth(TOKEN).body(r#"{"max_bytes": 1000}"#);
    let link = json(link.send().await.unwrap()).await;
    let (token, id) = (
        link["token"].as_str().unwrap(),
        link["id"].as_str().unwrap(),
    );
    let create = async |len: usize| {
        let post = site
            .client
            .post(format!("{}/api/tus", site.base))
            .bearer_auth(token);
        let post = post
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", len);
        post.send().await.unwrap()
    };
    assert_error(
        create(1001).await,
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
    )
    .await;
    let url = location(&site.base, create(500).await);
    assert!(url.ends_with(id));
    let with_link = |at: usize, bytes: Bytes, url: &str| {
        let patch = site.client.patch(url).bearer_auth(token);
        let patch = patch
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Offset", at);
        patch
            .header("Content-Type", "application/offset+octet-stream")
            .body(bytes)
    };
    let file = video(500, 1);
    let answer = with_link(0, file.slice(..200), &url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    // The answer to the creation was lost.
    let again = create(500).await;
    assert_eq!(offset_in(again.headers()), 200);
    assert_eq!(location(&site.base, again), url);
    assert_error(create(501).await, StatusCode::CONFLICT, "link_spent").await;
    let other = begin(&site.client, &site.base, 500).await;
    let not_theirs = with_link(0, file.clone(), &other).send().await.unwrap();
    assert_error(not_theirs, StatusCode::NOT_FOUND, "not_found").await;
    let answer = with_link(200, file.slice(200..), &url)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(site.original(&url).await == file);
    assert_error(create(500).await, StatusCode::CONFLICT, "link_spent").await;
}

#[tokio::test]
async fn an_upload_whose_creation_hangs_goes_on_with_its_heir() {
    let site = Site::start().await;
    let link = site.client.post(format!("{}/api/upload-links", site.base));
    let link = link.bearer_auth(TOKEN).body("{}").send().await.unwrap();
    let link = json(link).await;
    let token = link["token"].as_str().unwrap();
    let url = format!("{}/api/tus/{}", site.base, link["id"].as_str().unwrap());
    let file = video(30 * MIB_USIZE, 1);
    let address = site.base.strip_prefix("http://").unwrap();
    let mut hanging = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/tus HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Tus-Resumable: 1.0.0\r\nContent-Type: {OFFSET_STREAM}\r\n\
         Upload-Length: {len}\r\nContent-Length: {len}\r\n\r\n",
        len = file.len()
    );
    hanging.write_all(head.as_bytes()).await.unwrap();
    hanging.write_all(&file[..9 * MIB_USIZE]).await.unwrap();
    // Its info is there a moment after its request.
    let part_is_there = async {
        loop {
            let answer = crate::tus_client::head(&site.client, &url).await;
            match answer.headers().get("upload-offset") {
                Some(_) if offset_in(answer.headers()) == 8 * MIB_USIZE => break,
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, part_is_there).await.unwrap();

    // The client comes back: it does not know where its upload is.
    let create = |body: &'static [u8]| {
        let post = site.client.post(format!("{}/api/tus", site.base));
        let post = post.bearer_auth(token).header("Tus-Resumable", "1.0.0");
        let post = post.header("Content-Type", OFFSET_STREAM);
        post.header("Upload-Length", file.len()).body(body)
    };
    let again = create(b"").send().await.unwrap();
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(offset_in(again.headers()), 8 * MIB_USIZE);
    let rest = file.slice(8 * MIB_USIZE..);
    let whole = append(&site.client, &url, 8 * MIB_USIZE, rest).await;
    assert_eq!(whole, file.len());
    let answer = crate::tus_lines::last_answer(&mut hanging).await;
    assert!(answer.starts_with("HTTP/1.1 423 "), "{answer}");
    assert!(site.original(&url).await == file);
}

#[tokio::test]
async fn a_creation_that_is_sent_again_and_refused_ends_nothing() {
    let site = Site::start().await;
    let link = site.client.post(format!("{}/api/upload-links", site.base));
    let link = link.bearer_auth(TOKEN).body("{}").send().await.unwrap();
    let link = json(link).await;
    let create = |len: usize| {
        let post = site.client.post(format!("{}/api/tus", site.base));
        let post = post.bearer_auth(link["token"].as_str().unwrap());
        post.header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", len)
    };
    let file = video(1000, 1);
    let refused = create(file.len())
        .header("Content-Type", OFFSET_STREAM)
        .header("Upload-Checksum", "sha1 AAAA")
        .body(file.clone());
    // The first to begin the upload ends it, too: its client does not hear where it is.
    for begun_before in [false, true] {
        if begun_before {
            let begun = create(file.len()).send().await.unwrap();
            assert_eq!(begun.status(), StatusCode::CREATED);
        }
        let refused = refused.try_clone().unwrap().send().await.unwrap();
        assert_eq!(refused.status().as_u16(), 460);
        let uploads = usize::from(begun_before);
        assert_eq!(site.open_uploads().await, uploads, "{begun_before}");
    }
    let url = format!("{}/api/tus/{}", site.base, link["id"].as_str().unwrap());
    assert_eq!(
        append(&site.client, &url, 0, file.clone()).await,
        file.len()
    );
    assert!(site.original(&url).await == file);
}
