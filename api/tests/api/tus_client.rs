//! What a client of tus says, word for word.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use store::VideoId;

use crate::site::TOKEN;

pub(crate) const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// Bytes that begin as a video and differ at every place.
pub(crate) fn video(len: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    bytes.extend_from_slice(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1");
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}

pub(crate) fn request(client: &Client, method: Method, url: &str) -> RequestBuilder {
    let request = client.request(method, url).bearer_auth(TOKEN);
    request.header("Tus-Resumable", "1.0.0")
}

/// Begins an upload of so many bytes and returns where it goes.
pub(crate) async fn begin(client: &Client, base: &str, len: usize) -> String {
    let request = request(client, Method::POST, &format!("{base}/api/tus"));
    let request = request.header("Upload-Length", len);
    // "a film.mp4"
    let request = request.header(
        "Upload-Metadata",
        "filename YSBmaWxtLm1wNA==,filetype dmlkZW8=",
    );
    location(base, request.send().await.unwrap())
}

/// Where an upload that was begun goes.
pub(crate) fn location(base: &str, answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::CREATED);
    format!("{base}{}", answer.headers()["location"].to_str().unwrap())
}

pub(crate) fn id_of(url: &str) -> VideoId {
    url.rsplit('/').next().unwrap().parse().unwrap()
}

pub(crate) fn patch(client: &Client, url: &str, offset: usize, body: Bytes) -> RequestBuilder {
    request(client, Method::PATCH, url)
        .header("Content-Type", OFFSET_STREAM)
        .header("Upload-Offset", offset)
        .body(body)
}

pub(crate) async fn head(client: &Client, url: &str) -> Response {
    let head = request(client, Method::HEAD, url).send().await.unwrap();
    assert_eq!(head.headers()["tus-resumable"], "1.0.0");
    head
}

/// Appends, and returns where the upload stands.
pub(crate) async fn append(client: &Client, url: &str, offset: usize, body: Bytes) -> usize {
    let answer = patch(client, url, offset, body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    offset_in(answer.headers())
}

pub(crate) async fn offset(client: &Client, url: &str) -> usize {
    let answer = head(client, url).await;
    assert_eq!(answer.status(), StatusCode::OK);
    offset_in(answer.headers())
}

pub(crate) fn offset_in(headers: &HeaderMap) -> usize {
    headers["upload-offset"].to_str().unwrap().parse().unwrap()
}
