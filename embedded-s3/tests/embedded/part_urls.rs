//! What a URL for a part is good for, at both doors: the one for browsers, and the full S3 API.

use std::time::Duration;

use aws_sdk_s3::Client;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::*;
use crate::front::Page;
use crate::signatures::{expired, valid_for};

/// Generous: what takes longer never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A door, who signs for it, and where it is.
pub(crate) struct Door<'a> {
    pub(crate) name: &'static str,
    signer: &'a Client,
    page: &'a Page,
}

impl Door<'_> {
    async fn url_until(
        &self,
        upload_id: &str,
        number: i32,
        len_bytes: i64,
        life: aws_sdk_s3::presigning::PresigningConfig,
    ) -> String {
        let part = self.signer.upload_part().bucket(BUCKET).key("k");
        let part = part.upload_id(upload_id).part_number(number);
        let part = part.content_length(len_bytes).presigned(life);
        self.page.here(part.await.unwrap().uri())
    }

    pub(crate) async fn url(&self, upload_id: &str, number: i32, len_bytes: i64) -> String {
        self.url_until(upload_id, number, len_bytes, valid_for(60))
            .await
    }
}

pub(crate) fn doors(page: &Page) -> [Door<'_>; 2] {
    [("front", &page.signer), ("full API", &page.client)].map(|(name, signer)| Door {
        name,
        signer,
        page,
    })
}

pub(crate) async fn begin(page: &Page) -> String {
    let create = page
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k");
    create.send().await.unwrap().upload_id.unwrap()
}

/// Number and length of each part that is there.
pub(crate) async fn parts(page: &Page, upload_id: &str) -> Vec<(i32, i64)> {
    let list = page.client.list_parts().bucket(BUCKET).key("k");
    let list = list.upload_id(upload_id).send().await.unwrap();
    let parts = list.parts().iter();
    parts
        .map(|part| (part.part_number().unwrap(), part.size().unwrap()))
        .collect()
}

pub(crate) async fn send(url: &str, body: impl Into<reqwest::Body>) -> StatusCode {
    let send = reqwest::Client::new().put(url).body(body);
    send.send().await.unwrap().status()
}

/// Sends a request as it is written here, and returns the head of the answer; nothing where there is none.
pub(crate) async fn send_raw(url: &str, headers: &str, body: &[u8]) -> String {
    let (address, path) = url
        .trim_start_matches("http://")
        .split_once('/')
        .expect("a path");
    let mut server = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n\r\n"
    );
    server.write_all(head.as_bytes()).await.unwrap();
    server.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has answered, too.
    let _ = timeout(PATIENCE, server.read_to_end(&mut answer))
        .await
        .expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn it_takes_a_body_of_the_signed_length_and_no_other() {
    let page = Page::open().await;
    for door in doors(&page) {
        let upload_id = begin(&page).await;
        let url = door.url(&upload_id, 1, 5).await;
        for wrong in ["", "byte", "bytes!", "many more bytes than were signed for"] {
            let refused = send(&url, wrong).await;
            assert_eq!(refused, StatusCode::FORBIDDEN, "{}: {wrong:?}", door.name);
        }
        // Of no length that is told.
        let chunks = futures::stream::iter([Ok::<_, std::io::Error>("bytes")]);
        let untold = send(&url, reqwest::Body::wrap_stream(chunks)).await;
        assert_eq!(untold, StatusCode::FORBIDDEN, "{}", door.name);
        // Told twice: chunks win (RFC 9112 §6.3), so that the length is none.
        let chunked = b"6\r\nbytes!\r\n0\r\n\r\n";
        for headers in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
        ] {
            let answer = send_raw(&url, headers, chunked).await;
            assert!(!answer.starts_with("HTTP/1.1 2"), "{}: {answer}", door.name);
        }
        assert_eq!(parts(&page, &upload_id).await, []);

        assert_eq!(send(&url, "bytes").await, StatusCode::OK, "{}", door.name);
        // The line may have broken before the answer: the same again is no harm.
        assert_eq!(send(&url, "bytes").await, StatusCode::OK, "{}", door.name);
        assert_eq!(parts(&page, &upload_id).await, [(1, 5)]);
    }
}

#[tokio::test]
async fn it_writes_that_part_of_that_upload_and_nothing_else() {
    let page = Page::open().await;
    put(&page.client, "secret", "secret").await;
    for door in doors(&page) {
        let upload_id = begin(&page).await;
        let other_id = begin(&page).await;
        let url = door.url(&upload_id, 1, 5).await;
        let strip = |name: &str| {
            let (base, query) = url.split_once('?').unwrap();
            let pairs: Vec<_> = query
                .split('&')
                .filter(|pair| !pair.starts_with(name))
                .collect();
            format!("{base}?{}", pairs.join("&"))
        };
        for tampered in [
            url.replace("partNumber=1", "partNumber=2"),
            url.replace(&upload_id, &other_id),
            url.replace("/k?", "/other?"),
            url.replace(&format!("/{BUCKET}/"), &format!("/{OTHER_BUCKET}/")),
            url.replace("content-length%3Bhost", "host"),
            url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
            strip("partNumber"),
            strip("uploadId"),
            format!("{url}&partNumber=2"),
        ] {
            assert_ne!(tampered, url);
            let status = send(&tampered, "bytes").await;
            // Of a bucket that is not mounted, the page knows nothing.
            let refused = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
            assert!(refused.contains(&status), "{}: {status}", door.name);
        }
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
            let other = reqwest::Client::new().request(method.clone(), &url);
            let status = other.body("bytes").send().await.unwrap().status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{}: {method}", door.name);
        }
        let late = door.url_until(&upload_id, 1, 5, expired()).await;
        assert_eq!(send(&late, "bytes").await, StatusCode::FORBIDDEN);

        // What the signature does not cover copies nothing into the part.
        let copy = reqwest::Client::new().put(&url).body("bytes");
        let copy = copy.header("x-amz-copy-source", format!("/{BUCKET}/secret"));
        copy.send().await.unwrap();
        let copied = parts(&page, &upload_id).await;
        assert!(copied.iter().all(|part| *part == (1, 5)), "{copied:?}");
        assert_eq!(parts(&page, &other_id).await, []);
        assert_eq!(get(&page.client, "secret").await, b"secret");
    }
}

#[tokio::test]
async fn it_is_good_for_nothing_once_the_upload_is_complete_or_given_up() {
    let page = Page::open().await;
    for door in doors(&page) {
        let upload_id = begin(&page).await;
        let url = door.url(&upload_id, 1, 5).await;
        assert_eq!(send(&url, "bytes").await, StatusCode::OK);
        crate::on_disk::complete_with_one(&page.client, &upload_id).await;
        assert_eq!(send(&url, "other").await, StatusCode::NOT_FOUND);
        assert_eq!(get(&page.client, "k").await, b"bytes", "{}", door.name);

        let upload_id = begin(&page).await;
        let url = door.url(&upload_id, 1, 5).await;
        let abort = page.client.abort_multipart_upload().bucket(BUCKET).key("k");
        abort.upload_id(&upload_id).send().await.unwrap();
        assert_eq!(send(&url, "other").await, StatusCode::NOT_FOUND);
        assert_eq!(count_blobs(&page.server), 1, "{}", door.name);
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_send_parts_and_read_their_etags() {
    let page = Page::open().await;
    let allowed = "https://page.example";
    let s3 = page.server.s3();
    s3.allow_origins(BUCKET, &[allowed.to_owned()])
        .await
        .unwrap();
    let browser = reqwest::Client::new();
    for door in doors(&page) {
        let upload_id = begin(&page).await;
        let url = door.url(&upload_id, 1, 5).await;
        let preflight = |origin: &'static str| {
            browser
                .request(Method::OPTIONS, &url)
                .header("origin", origin)
                .header("access-control-request-method", "PUT")
                .header("access-control-request-headers", "content-type")
                .send()
        };
        let granted = preflight(allowed).await.unwrap();
        assert_eq!(granted.status(), StatusCode::OK, "{}", door.name);
        let headers = granted.headers();
        assert_eq!(headers["access-control-allow-origin"], allowed);
        assert_eq!(headers["access-control-allow-headers"], "content-type");
        let methods = headers["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.split(", ").any(|method| method == "PUT"));
        let foreign = preflight("https://other.example").await.unwrap();
        assert_eq!(foreign.status(), StatusCode::FORBIDDEN, "{}", door.name);

        let put = |body: &'static str| browser.put(&url).header("origin", allowed).body(body);
        let sent = put("bytes").send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::OK);
        assert_eq!(sent.headers()["access-control-allow-origin"], allowed);
        let exposed = sent.headers()["access-control-expose-headers"].to_str();
        assert!(exposed.unwrap().contains("ETag"), "{}", door.name);
        assert!(sent.headers().contains_key("etag"));
        // A refusal is no use to a page that cannot read it.
        let refused = put("more bytes").send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(refused.headers()["access-control-allow-origin"], allowed);
    }
}
