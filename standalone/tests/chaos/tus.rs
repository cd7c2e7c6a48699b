//! Clients that upload by tus: what came stays, whoever dies.

use base64_simd::STANDARD as BASE64;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use store::VideoId;

use crate::uploads::{TOKEN, Uploads};

impl Uploads {
    /// Uploads one file, in two requests and as many more as it takes; where there is a forerunner, after
    /// an upload that is begun and ended, so that ends are cut short, too.
    pub(crate) async fn upload_by_tus(
        &self,
        client: &Client,
        name: &str,
        file: &[u8],
        has_forerunner: bool,
    ) -> VideoId {
        if has_forerunner {
            let path = self.begin(client, name, file.len()).await;
            let end = |url| request(client, Method::DELETE, url);
            self.ask(&[204, 404, 410], &path, end).await;
        }
        let path = self.begin(client, name, file.len()).await;
        loop {
            let ask = |url| request(client, Method::HEAD, url);
            let asked = self.ask(&[200], &path, ask).await;
            let offset = asked.headers()["upload-offset"].to_str().unwrap();
            let offset: usize = offset.parse().unwrap();
            if offset == file.len() {
                return path.rsplit('/').next().unwrap().parse().unwrap();
            }
            let half = file.len() / 2;
            let to = if offset < half { half } else { file.len() };
            let patch = request(client, Method::PATCH, self.url(&path).await);
            let patch = patch
                .header("Content-Type", "application/offset+octet-stream")
                .header("Upload-Offset", offset)
                .body(file[offset..to].to_vec());
            match patch.send().await {
                Ok(answer) if answer.status() == StatusCode::NO_CONTENT => continue,
                Ok(answer) => {
                    let status = answer.status();
                    let is_late = matches!(status.as_u16(), 409 | 423);
                    assert!(is_late || status.is_server_error(), "{path}: {status}");
                    self.was_refused();
                }
                Err(_) => self.went_unanswered(),
            }
            self.pause().await;
        }
    }

    /// Begins an upload; its path.
    async fn begin(&self, client: &Client, name: &str, len: usize) -> String {
        let metadata = format!("filename {}", BASE64.encode_to_string(name));
        let begin = |url| {
            let begin = request(client, Method::POST, url);
            begin
                .header("Upload-Length", len)
                .header("Upload-Metadata", &metadata)
        };
        let begun = self.ask(&[201], "/api/tus", begin).await;
        begun.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Asks until there is an answer, which must be one of these or the server's fault.
    async fn ask(
        &self,
        expected: &[u16],
        path: &str,
        request: impl Fn(String) -> RequestBuilder,
    ) -> Response {
        loop {
            match request(self.url(path).await).send().await {
                Ok(answer) if expected.contains(&answer.status().as_u16()) => return answer,
                Ok(answer) => {
                    let status = answer.status();
                    let is_late = status == StatusCode::LOCKED;
                    assert!(
                        is_late || status.is_server_error(),
                        "{}: {status}",
                        answer.url()
                    );
                    self.was_refused();
                }
                Err(_) => self.went_unanswered(),
            }
            self.pause().await;
        }
    }
}

fn request(client: &Client, method: Method, url: String) -> RequestBuilder {
    let request = client.request(method, url).bearer_auth(TOKEN);
    request.header("Tus-Resumable", "1.0.0")
}
