//! A client of `/api/uploads`, whose parts go straight to S3.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use store::VideoId;

use crate::site::{Site, TOKEN, json as body};

pub(crate) const PART_LEN_BYTES: usize = 8 << 20;

/// Bytes that differ from block to block, so that a mixed-up order shows.
pub(crate) fn pattern(len_bytes: usize) -> Vec<u8> {
    (0..len_bytes).map(|i| (i / 251 + i) as u8).collect()
}

/// An upload that has begun.
pub(crate) struct Begun<'a> {
    site: &'a Site,
    token: String,
    pub(crate) id: VideoId,
    pub(crate) answer: Value,
    pub(crate) bytes: Vec<u8>,
}

impl<'a> Begun<'a> {
    /// Begins the upload of two parts, the second one short.
    pub(crate) async fn two_parts(site: &'a Site) -> Self {
        Self::of(site, TOKEN, pattern(PART_LEN_BYTES + 1000)).await
    }

    pub(crate) async fn of(site: &'a Site, token: &str, bytes: Vec<u8>) -> Self {
        let wanted = json!({ "filename": "a film.mp4", "len_bytes": bytes.len() });
        let answer = ask(site, token, Method::POST, "", Some(wanted)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let answer = body(answer).await;
        let id: VideoId = answer["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(location, format!("/api/uploads/{id}"));
        Self {
            site,
            token: token.to_owned(),
            id,
            answer,
            bytes,
        }
    }

    pub(crate) fn url(&self, number: usize) -> &str {
        let part = &self.answer["parts"][number - 1];
        assert_eq!(part["number"], number);
        part["url"].as_str().unwrap()
    }

    /// What belongs into the part.
    pub(crate) fn part(&self, number: usize) -> Vec<u8> {
        let parts = self.bytes.chunks(PART_LEN_BYTES);
        parts.skip(number - 1).map(<[u8]>::to_vec).next().unwrap()
    }

    pub(crate) async fn put(&self, url: &str, bytes: Vec<u8>) -> StatusCode {
        let put = self.site.client.put(url).body(bytes);
        put.send().await.unwrap().status()
    }

    pub(crate) async fn send(&self, number: usize) {
        let sent = self.put(self.url(number), self.part(number)).await;
        assert_eq!(sent, StatusCode::OK);
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let path = format!("/{}{path}", self.id);
        ask(self.site, &self.token, method, &path, body).await
    }

    pub(crate) async fn progress(&self) -> Value {
        let answer = self.ask(Method::GET, "", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        body(answer).await
    }

    pub(crate) async fn complete(&self) -> Response {
        self.ask(Method::POST, "/complete", None).await
    }

    pub(crate) async fn assert_completes(&self) {
        let answer = self.complete().await;
        assert_eq!(answer.status(), StatusCode::OK);
        let key = format!("uploads/{}.orig", self.id);
        let wanted = json!({ "id": self.id, "key": key });
        assert_eq!(body(answer).await, wanted);
    }

    pub(crate) async fn assert_missing(&self, numbers: &[usize]) {
        let answer = self.complete().await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        let error = body(answer).await["error"].clone();
        assert_eq!(error["code"], "parts_missing");
        assert_eq!(error["missing"], json!(numbers));
        assert_eq!(self.progress().await["missing"], json!(numbers));
    }

    /// That the original is the file, and waits to be transcoded once.
    pub(crate) async fn assert_queued(&self) {
        let site = self.site;
        let mut keys = site.raw_keys().await;
        keys.retain(|key| !key.starts_with("index/"));
        let id = self.id;
        let wanted = [
            format!("queue/{id}"),
            format!("uploads/{id}.info"),
            format!("uploads/{id}.orig"),
        ];
        assert_eq!(keys, wanted);
        assert_eq!(site.open_uploads().await, 0);
        let status = site.get(&format!("/api/video/{id}/status")).send();
        let status = body(status.await.unwrap()).await;
        assert_eq!(status["status"], "pending");
        assert_eq!(status["filename"], "a film.mp4");
        let original = site.url(&format!("/api/video/{id}")).await;
        let original = site.client.get(original).send().await.unwrap();
        assert_eq!(original.headers()["content-type"], "video/mp4");
        assert!(original.bytes().await.unwrap() == self.bytes);
    }
}

pub(crate) async fn ask(
    site: &Site,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Response {
    let url = format!("{}/api/uploads{path}", site.base);
    let request = site.client.request(method, url).bearer_auth(token);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.unwrap()
}
