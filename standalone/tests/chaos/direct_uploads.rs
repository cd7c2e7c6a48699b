//! Clients that send their files straight to S3, and ask until they hear that it worked.

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use store::VideoId;

use crate::uploads::{TOKEN, Uploads};

/// Of five uploads one goes this way: another one in each cycle of sources.
pub(crate) fn is_direct(number: usize) -> bool {
    number % 5 == 2
}

/// Of two of them one is given up at first.
fn is_given_up_at_first(number: usize) -> bool {
    number % 10 == 2
}

impl Uploads {
    /// Uploads one file in parts; the id of the upload whose completion was acknowledged.
    pub(crate) async fn upload_directly(
        &self,
        client: &Client,
        number: usize,
        filename: &str,
        bytes: &[u8],
    ) -> VideoId {
        if is_given_up_at_first(number) {
            let begun = self.begin_and_send(client, filename, bytes).await;
            let path = format!("/api/uploads/{}", begun["id"].as_str().unwrap());
            self.ask_until(client, (Method::DELETE, &path), None, 204)
                .await;
        }
        let begun = self.begin_and_send(client, filename, bytes).await;
        let id = begun["id"].as_str().unwrap();
        let path = format!("/api/uploads/{id}/complete");
        let answer = self
            .ask_until(client, (Method::POST, &path), None, 200)
            .await;
        // Of an answer that broke off, the status is enough.
        drop(answer);
        id.parse().unwrap()
    }

    /// Begins an upload and sends all its parts. What was begun unheard is left to the sweep.
    async fn begin_and_send(&self, client: &Client, filename: &str, bytes: &[u8]) -> Value {
        let wanted = json!({ "filename": filename, "len_bytes": bytes.len() });
        let begun: Value = loop {
            let begin = (Method::POST, "/api/uploads");
            let begun = self.ask_until(client, begin, Some(&wanted), 201).await;
            match begun.json().await {
                Ok(begun) => break begun,
                Err(_) => self.went_unanswered(),
            }
        };
        let part_size = begun["part_size"].as_u64().unwrap() as usize;
        let parts = begun["parts"].as_array().unwrap();
        assert_eq!(parts.len(), bytes.len().div_ceil(part_size));
        for (part, bytes) in parts.iter().zip(bytes.chunks(part_size)) {
            let put = client.put(part["url"].as_str().unwrap());
            let sent = put.body(bytes.to_vec()).send().await.unwrap();
            assert_eq!(sent.status(), 200, "a part of {filename}");
        }
        begun
    }

    /// Asks until the answer has this status; others than 5xx are wrong.
    async fn ask_until(
        &self,
        client: &Client,
        (method, path): (Method, &str),
        body: Option<&Value>,
        wanted: u16,
    ) -> Response {
        loop {
            let request = client.request(method.clone(), self.url(path).await);
            let request = request.bearer_auth(TOKEN);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            match request.send().await {
                Ok(answer) if answer.status() == wanted => return answer,
                Ok(answer) => {
                    let status = answer.status();
                    assert!(status.is_server_error(), "{method} {path}: {status}");
                    self.was_refused();
                }
                Err(_) => self.went_unanswered(),
            }
            self.pause().await;
        }
    }
}
