//! The door for browsers, behind axum as in the `assetlab` binary.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use embedded_s3::test_server::TestServer;
use embedded_s3::{FRONT_ENDPOINT, FrontLimits};
use reqwest::{Response, StatusCode};
use tokio::net::TcpListener;

use crate::client::*;
use crate::signatures::{expired, valid_for};

/// A server, a front on a port of its own, and a client that signs for the front.
pub(crate) struct Page {
    pub(crate) server: TestServer,
    pub(crate) client: Client,
    pub(crate) signer: Client,
    pub(crate) origin: String,
}

impl Page {
    pub(crate) async fn open() -> Self {
        Self::open_within(FrontLimits {
            idle_timeout: Duration::from_secs(60),
            part_writers: 100,
        })
        .await
    }

    pub(crate) async fn open_within(limits: FrontLimits) -> Self {
        let (server, client) = start().await;
        let signer = crate::client::client(FRONT_ENDPOINT, server.credentials());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let front = server.s3().front(limits);
        let router = axum::Router::new().route_service(&format!("/{BUCKET}/{{*key}}"), front);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            server,
            client,
            signer,
            origin,
        }
    }

    /// The page's address for something signed for the front.
    pub(crate) fn here(&self, uri: &str) -> String {
        uri.replace(FRONT_ENDPOINT, &self.origin)
    }

    async fn put(&self, key: &str, content_type: &str, body: &'static str) {
        let body = ByteStream::from_static(body.as_bytes());
        let put = self.client.put_object().bucket(BUCKET).key(key).body(body);
        put.content_type(content_type).send().await.unwrap();
    }

    async fn get(&self, key: &str) -> Response {
        let get = self.signer.get_object().bucket(BUCKET).key(key);
        let url = get.presigned(valid_for(60)).await.unwrap();
        reqwest::get(self.here(url.uri())).await.unwrap()
    }
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_page_uploaded_as_a_video_is_never_served_as_a_page() {
    let page = Page::open().await;
    page.put("uploads/1.orig", "text/html", "<script>alert(1)</script>")
        .await;
    let answer = page.get("uploads/1.orig").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "content-type"), "application/octet-stream");
    assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(&answer, "content-security-policy"), "sandbox");

    // Not even by a type that was signed for.
    let get = page
        .signer
        .get_object()
        .bucket(BUCKET)
        .key("uploads/1.orig");
    let url = get
        .response_content_type("text/html")
        .presigned(valid_for(60))
        .await
        .unwrap();
    let answer = reqwest::get(page.here(url.uri())).await.unwrap();
    assert_eq!(header(&answer, "content-type"), "application/octet-stream");
}

#[tokio::test]
async fn a_video_plays_with_ranges_and_validators() {
    let page = Page::open().await;
    page.put("uploads/1.orig", "video/mp4", "0123456789").await;
    let get = page
        .signer
        .get_object()
        .bucket(BUCKET)
        .key("uploads/1.orig");
    let url = page.here(get.presigned(valid_for(60)).await.unwrap().uri());
    let browser = reqwest::Client::new();
    let get = || browser.get(&url);

    let part = get().header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-type"), "video/mp4");
    assert_eq!(header(&part, "content-range"), "bytes 2-4/10");
    assert_eq!(header(&part, "accept-ranges"), "bytes");
    let etag = header(&part, "etag").to_owned();
    assert_eq!(part.text().await.unwrap(), "234");

    let known = get().header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let same = get()
        .header("range", "bytes=2-4")
        .header("if-range", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(same.text().await.unwrap(), "234");
    let stale = get()
        .header("range", "bytes=2-4")
        .header("if-range", "\"old\"")
        .send()
        .await
        .unwrap();
    assert_eq!(stale.status(), StatusCode::OK);
    assert_eq!(stale.text().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn head_needs_its_own_signature() {
    let page = Page::open().await;
    page.put("k.mp4", "text/html", "0123456789").await;
    let head = page.signer.head_object().bucket(BUCKET).key("k.mp4");
    let url = page.here(head.presigned(valid_for(60)).await.unwrap().uri());
    let answer = reqwest::Client::new().head(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "content-length"), "10");
    assert_eq!(header(&answer, "content-type"), "video/mp4");
    assert_eq!(
        reqwest::get(&url).await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_part_is_taken_and_what_was_not_signed_is_left_out() {
    let page = Page::open().await;
    page.put("secret", "video/mp4", "secret").await;
    let create = page
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k");
    let upload_id = create.send().await.unwrap().upload_id.unwrap();
    let part = page
        .signer
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&upload_id);
    let part = part.part_number(1).presigned(valid_for(60)).await.unwrap();
    let sent = reqwest::Client::new()
        .put(page.here(part.uri()))
        .header("x-amz-copy-source", format!("/{BUCKET}/secret"))
        .body("bytes")
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(
        header(&sent, "etag"),
        "\"4b3a6218bb3e3a7303e8a171a60fcf92\""
    );
    let parts = page
        .client
        .list_parts()
        .bucket(BUCKET)
        .key("k")
        .upload_id(upload_id);
    assert_eq!(parts.send().await.unwrap().parts()[0].size(), Some(5));
}

#[tokio::test]
async fn everything_else_stays_outside() {
    let page = Page::open().await;
    page.put("k", "video/mp4", "bytes").await;
    let put = page.signer.put_object().bucket(BUCKET).key("k");
    let put = page.here(put.presigned(valid_for(60)).await.unwrap().uri());
    let delete = page.signer.delete_object().bucket(BUCKET).key("k");
    let delete = page.here(delete.presigned(valid_for(60)).await.unwrap().uri());
    let late = page.signer.get_object().bucket(BUCKET).key("k");
    let late = page.here(late.presigned(expired()).await.unwrap().uri());
    let browser = reqwest::Client::new();
    let bare = format!("{}/{BUCKET}/k", page.origin);
    for request in [
        browser.put(put).body("replaced"),
        browser.delete(delete),
        browser.get(late),
        browser.get(&bare),
        browser.post(&bare),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
    assert_eq!(get(&page.client, "k").await, b"bytes");
}
