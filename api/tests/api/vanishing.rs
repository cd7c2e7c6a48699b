//! Clients that vanish: without a word, while S3 begins their upload, when they have sent all.

use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::metrics::{Watched, ended};
use crate::site::{Site, TOKEN, open_uploads};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

const FIELD: &str =
    "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n";

/// Sends the head of an upload, and of its body what is given.
async fn send(base: &str, len_bytes: usize, body: &str) -> TcpStream {
    let address = base.trim_start_matches("http://");
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /api/upload HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len_bytes}\r\n\r\n{body}"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// The answer, or nothing where the connection closes without one.
async fn answer(mut client: TcpStream) -> String {
    let mut answer = String::new();
    let reading = async {
        // The server lingers after an answer that comes before the body's end.
        while !answer.ends_with("}}") {
            match client.read_u8().await {
                Ok(byte) => answer.push(byte.into()),
                Err(_) => break,
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    answer
}

/// A phone that loses its network sends neither FIN nor RST: the connection stays.
#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_keep_nobody_out() {
    let site = Site::start_with(|http, _| {
        http.max_uploads = 2;
        http.upload_idle_timeout = Duration::from_secs(2);
    })
    .await;
    // In the middle of the file, between two fields, and within a field that is none of ours.
    let in_file = FIELD.to_owned() + &"\0".repeat(10_000);
    let between = format!("{FIELD}\0 film\r\n--x\r\nContent-Disp");
    let notes = "--x\r\nContent-Disposition: form-data; name=\"notes\"\r\n\r\nno";
    let silent = [&in_file, &between, notes].map(|body| send(&site.base, 1_000_000, body));
    for client in join_all(silent).await {
        let answer = answer(client).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains(r#""code":"idle_timeout""#), "{answer}");
        assert!(answer.contains("for 2 s"), "{answer}");
    }
    assert_eq!(site.open_uploads().await, 0);
    site.uploaded("a.mp4", b"\0a film").await;
}

/// An upload whose client leaves with S3 asked to begin it, when the server has seen that. The client has sent all.
async fn left_at_the_begin(site: &Watched) {
    site.proxy.hold_one("POST /raw/uploads/");
    let form = format!("{FIELD}\0 film\r\n--x--\r\n");
    let mut client = send(&site.base, form.len(), &form).await;
    site.proxy.holding().await;
    client.shutdown().await.unwrap();
    assert_eq!(answer(client).await, "");
}

#[tokio::test]
async fn a_client_that_leaves_while_its_upload_begins_leaves_no_open_one() {
    let site = Watched::start().await;
    left_at_the_begin(&site).await;
    let answer = site.proxy.release_and_see_the_answer().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    site.become_so(|metrics| metrics.value("assetlab_uploads_in_flight", &[]) == Some(0.0))
        .await;
    assert_eq!(open_uploads(&site.s3).await, 0);
    assert_eq!(ended(&site.metrics().await, "stored"), Some(1.0));
}

#[tokio::test]
async fn storage_that_fails_when_all_was_sent_is_not_the_clients_fault() {
    let site = Watched::start().await;
    left_at_the_begin(&site).await;
    site.proxy.go_dark();
    site.become_so(|metrics| metrics.value("assetlab_uploads_in_flight", &[]) == Some(0.0))
        .await;
    let metrics = site.metrics().await;
    assert_eq!(ended(&metrics, "failed"), Some(1.0));
    assert_eq!(ended(&metrics, "broken"), Some(0.0));
}
