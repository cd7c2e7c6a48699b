//! Forms by a one-time link: the newest counts, whatever became of an older one or of its server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use embedded_s3::test_server::TestServer;
use futures::future::join_all;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use store::FailPoint;
use tokio::time::timeout;

use crate::process::start;
use crate::site::{MIB, Site, TOKEN, assert_error, buckets, open_uploads};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

struct Link {
    id: String,
    token: String,
}

async fn minted(client: &Client, base: &str) -> Link {
    let mint = client.post(format!("{base}/api/upload-links"));
    let mint = mint.bearer_auth(TOKEN).send().await.unwrap();
    let link: Value = mint.json().await.unwrap();
    let text = |field: &str| link[field].as_str().unwrap().to_owned();
    Link {
        id: text("id"),
        token: text("token"),
    }
}

fn form(client: &Client, base: &str, link: &Link, len_bytes: u64) -> RequestBuilder {
    let file = vec![7; usize::try_from(len_bytes).unwrap()];
    let file = Part::bytes(file).file_name("a.mp4");
    let post = client.post(format!("{base}/api/upload"));
    let post = post.bearer_auth(&link.token);
    post.multipart(Form::new().part("file", file))
}

/// A form of 50 MB of which 9 MiB are sent, once its upload has begun.
async fn stuck(site: &Site, link: &Link) -> TcpStream {
    let head = format!(
        "POST /api/upload HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 50000000\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n",
        link.token
    );
    let address = site.base.trim_start_matches("http://").to_owned();
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&vec![7; 9 << 20]).unwrap();
    let info = format!("uploads/{}.info", link.id);
    let begun = async { while !site.raw_keys().await.contains(&info) {} };
    timeout(PATIENCE, begun).await.unwrap();
    client
}

async fn original_len(s3: &TestServer, link: &Link) -> u64 {
    let head = buckets(s3).head_object().bucket("raw");
    let head = head.key(format!("uploads/{}.orig", link.id)).send().await;
    head.unwrap().content_length().unwrap().try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_form_takes_the_place_of_one_that_is_stuck() {
    let site = Site::start().await;
    let link = minted(&site.client, &site.base).await;
    let mut older = stuck(&site, &link).await;
    let newer = form(&site.client, &site.base, &link, 1000).send().await;
    assert_eq!(newer.unwrap().status(), StatusCode::CREATED);
    let answer = tokio::task::spawn_blocking(move || {
        // It may be answered before all of it is sent.
        let _ = older.write_all(&vec![7; 16 << 20]);
        let mut answer = vec![0; 16];
        older.read_exact(&mut answer).map(|()| answer)
    });
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap().unwrap();
    assert_eq!(&answer[..12], b"HTTP/1.1 410");
    assert_eq!(original_len(&site.s3, &link).await, 1000);
    assert_eq!(site.open_uploads().await, 0);
    let third = form(&site.client, &site.base, &link, 10).send().await;
    assert_error(third.unwrap(), StatusCode::CONFLICT, "link_spent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_broke_off_gives_the_link_back() {
    let site = Site::start().await;
    let link = minted(&site.client, &site.base).await;
    drop(stuck(&site, &link).await);
    let given_back = async { while !site.raw_keys().await.is_empty() {} };
    timeout(PATIENCE, given_back).await.unwrap();
    assert_eq!(site.open_uploads().await, 0);
    let again = form(&site.client, &site.base, &link, 1000).send().await;
    assert_eq!(again.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_route_takes_the_place_of_a_form_that_is_stuck() {
    let site = Site::start().await;
    for direct in [true, false] {
        let link = minted(&site.client, &site.base).await;
        let _older = stuck(&site, &link).await;
        let path = if direct { "uploads" } else { "tus" };
        let begin = site.client.post(format!("{}/api/{path}", site.base));
        let begin = begin.bearer_auth(&link.token);
        let begin = match direct {
            true => begin.json(&json!({ "len_bytes": 10 })),
            false => begin
                .header("tus-resumable", "1.0.0")
                .header("upload-length", 10),
        };
        let begun = begin.send().await.unwrap();
        assert_eq!(begun.status(), StatusCode::CREATED, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_use_a_link_at_once_one_wins() {
    let site = Site::start().await;
    let link = minted(&site.client, &site.base).await;
    let forms = (1..=8).map(async |number| {
        let len_bytes = number * 100_000;
        let form = form(&site.client, &site.base, &link, len_bytes);
        (len_bytes, form.send().await.unwrap())
    });
    let mut won = Vec::new();
    for (len_bytes, answer) in join_all(forms).await {
        match answer.status() {
            StatusCode::CREATED => won.push(len_bytes),
            StatusCode::GONE => {}
            _ => assert_error(answer, StatusCode::CONFLICT, "link_spent").await,
        }
    }
    assert_eq!(won, [original_len(&site.s3, &link).await]);
    assert_eq!(site.open_uploads().await, 0);
}

/// Where the server dies, and what a newer form by the same link is answered.
const STEPS: [(FailPoint, StatusCode); 5] = [
    (FailPoint::OriginalBegun, StatusCode::CREATED),
    (FailPoint::UploadNamed, StatusCode::CREATED),
    (FailPoint::OriginalPartStored, StatusCode::CREATED),
    (FailPoint::OriginalStored, StatusCode::CONFLICT),
    (FailPoint::Queued, StatusCode::CONFLICT),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_server_dies_uploads_its_video_once_all_the_same() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let (_heir, heir) = start(&s3, &[]).await;
    for (step, expected) in STEPS {
        let order = format!("{}=abort", step.name());
        let (mut dying, base) = start(&s3, &[("FAIL_POINTS", order)]).await;
        let link = minted(&client, &base).await;
        let lost = form(&client, &base, &link, 9 * MIB).send().await;
        assert!(lost.is_err() && dying.has_died(), "{step:?}");
        let again = form(&client, &heir, &link, 1000).send().await.unwrap();
        assert_eq!(again.status(), expected, "{step:?}");
        let len_bytes = match expected {
            StatusCode::CREATED => 1000,
            _ => 9 * MIB,
        };
        assert_eq!(original_len(&s3, &link).await, len_bytes, "{step:?}");
    }
    // Of the one that died before anything named it, the sweep finds what is left.
    assert_eq!(open_uploads(&s3).await, 1);
}
