//! Resumable uploads over lines that break, hang and double, and what goes on behind their backs.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::site::{MIB, Site, TOKEN, assert_error};
use crate::tus_client::{append, begin, head, id_of, offset, patch, request, video};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB_USIZE: usize = MIB as usize;

/// A PATCH of `announced` bytes of which only `sent` come.
pub(crate) async fn half_a_patch(
    url: &str,
    offset: usize,
    announced: usize,
    sent: &[u8],
) -> TcpStream {
    let (address, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut line = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\
         Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n\
         Upload-Offset: {offset}\r\nContent-Length: {announced}\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(sent).await.unwrap();
    line
}

/// Asks until the upload stands there.
pub(crate) async fn stands_at(client: &Client, url: &str, wanted: usize) {
    let there = async {
        while offset(client, url).await != wanted {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, there).await.expect("it gets there");
}

/// All that the server says on a line until it closes it.
pub(crate) async fn last_answer(line: &mut TcpStream) -> String {
    let mut answer = String::new();
    timeout(PATIENCE, line.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test]
async fn what_came_before_the_line_broke_is_kept() {
    let site = Site::start().await;
    let file = video(20 * MIB_USIZE, 1);
    let url = begin(&site.client, &site.base, file.len()).await;
    for (from, to) in [(0, 3), (3, 11), (11, 12)] {
        let (from, to) = (from * MIB_USIZE, to * MIB_USIZE);
        let line = half_a_patch(&url, from, file.len() - from, &file[from..to]).await;
        drop(line);
        stands_at(&site.client, &url, to).await;
    }
    append(
        &site.client,
        &url,
        12 * MIB_USIZE,
        file.slice(12 * MIB_USIZE..),
    )
    .await;
    assert!(site.original(&url).await == file);
}

#[tokio::test]
async fn a_client_that_falls_silent_is_told_how_far_it_came() {
    let site = Site::start_with(|http, _| http.upload_idle_timeout = Duration::from_secs(5)).await;
    let file = video(4 * MIB_USIZE, 1);
    let url = begin(&site.client, &site.base, file.len()).await;
    let mut line = half_a_patch(&url, 0, file.len(), &file[..MIB_USIZE]).await;
    let mut answer = vec![0; 4096];
    let read = timeout(PATIENCE, line.read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).to_lowercase();
    assert!(answer.starts_with("http/1.1 204 "), "{answer}");
    assert!(
        answer.contains(&format!("upload-offset: {MIB_USIZE}\r\n")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_comes_back_while_its_old_line_hangs_goes_on_at_once() {
    // Its old request has the only slot.
    let site = Site::start_with(|http, _| http.max_uploads = 1).await;
    let file = video(30 * MIB_USIZE, 1);
    let url = begin(&site.client, &site.base, file.len()).await;
    let mut hanging = half_a_patch(&url, 0, file.len(), &file[..9 * MIB_USIZE]).await;
    stands_at(&site.client, &url, 8 * MIB_USIZE).await;

    let other = begin(&site.client, &site.base, 10).await;
    let busy = patch(&site.client, &other, 0, video(10, 1))
        .send()
        .await
        .unwrap();
    assert_error(busy, StatusCode::SERVICE_UNAVAILABLE, "busy").await;

    let rest = file.slice(8 * MIB_USIZE..);
    let whole = append(&site.client, &url, 8 * MIB_USIZE, rest).await;
    assert_eq!(whole, file.len());
    let answer = last_answer(&mut hanging).await;
    assert!(
        answer.starts_with("HTTP/1.1 423 ") && answer.contains("taken_over"),
        "{answer}"
    );
    assert!(site.original(&url).await == file);
    append(&site.client, &other, 0, video(10, 1)).await;
}

#[tokio::test]
async fn who_announces_too_much_stops_nobody() {
    let site = Site::start().await;
    let file = video(20 * MIB_USIZE, 1);
    let url = begin(&site.client, &site.base, file.len()).await;
    let mut line = half_a_patch(&url, 0, file.len(), &file[..9 * MIB_USIZE]).await;
    stands_at(&site.client, &url, 8 * MIB_USIZE).await;
    let long = patch(&site.client, &url, 8 * MIB_USIZE, file.clone());
    let refused = long.send().await.unwrap();
    assert_error(refused, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    line.write_all(&file[9 * MIB_USIZE..]).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = timeout(PATIENCE, line.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read.unwrap()]);
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert!(site.original(&url).await == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_append_at_once_one_wins() {
    let site = Site::start().await;
    let len = 20 * MIB_USIZE;
    for round in 0..4 {
        let url = begin(&site.client, &site.base, len).await;
        let files = [video(len, 2 * round), video(len, 2 * round + 1)];
        let send = |file: &Bytes| patch(&site.client, &url, 0, file.clone()).send();
        let (one, other) = tokio::join!(send(&files[0]), send(&files[1]));
        // Who is refused in the middle of a body may see its line break.
        let status = |answer: &Result<reqwest::Response, _>| {
            answer
                .as_ref()
                .map_or(StatusCode::LOCKED, |answer| answer.status())
        };
        let (one, other) = (status(&one), status(&other));
        let winner = match (one.as_u16(), other.as_u16()) {
            (204, 409 | 423) | (409, 423) => 0,
            (409 | 423, 204) | (423, 409) => 1,
            both => panic!("nobody won: {both:?}"),
        };
        // A part of the loser's that came late may have taken the place of the winner's: it comes again.
        let mut at = offset(&site.client, &url).await;
        for _ in 0..10 {
            if at < len {
                let rest = patch(&site.client, &url, at, files[winner].slice(at..));
                let answer = rest.send().await.unwrap();
                assert!(matches!(answer.status().as_u16(), 204 | 409), "{answer:?}");
                at = offset(&site.client, &url).await;
            }
        }
        assert!(site.original(&url).await == files[winner], "round {round}");
    }
}

#[tokio::test]
async fn a_video_deleted_while_it_is_uploaded_is_gone() {
    let site = Site::start().await;
    let file = video(30 * MIB_USIZE, 1);
    let url = begin(&site.client, &site.base, file.len()).await;
    let mut line = half_a_patch(&url, 0, file.len(), &file[..9 * MIB_USIZE]).await;
    stands_at(&site.client, &url, 8 * MIB_USIZE).await;
    let id = id_of(&url);
    let delete = site.client.delete(format!("{}/api/video/{id}", site.base));
    let delete = delete.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(delete.status(), StatusCode::NO_CONTENT);

    line.write_all(&file[9 * MIB_USIZE..]).await.ok();
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, line.read_to_end(&mut answer))
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 410 "), "{answer}");
    assert_eq!(head(&site.client, &url).await.status(), StatusCode::GONE);
    let more = patch(&site.client, &url, 0, file.clone())
        .send()
        .await
        .unwrap();
    assert_error(more, StatusCode::GONE, "gone").await;
    assert_eq!(site.raw_keys().await, [format!("deleted/{id}")]);
    assert_eq!(site.open_uploads().await, 0);
}

#[tokio::test]
async fn an_upload_that_is_ended_while_it_goes_on_stops() {
    let site = Site::start().await;
    let file = video(30 * MIB_USIZE, 1);
    let url = begin(&site.client, &site.base, file.len()).await;
    let mut line = half_a_patch(&url, 0, file.len(), &file[..9 * MIB_USIZE]).await;
    stands_at(&site.client, &url, 8 * MIB_USIZE).await;
    let end = request(&site.client, Method::DELETE, &url)
        .send()
        .await
        .unwrap();
    assert_eq!(end.status(), StatusCode::NO_CONTENT);
    let answer = last_answer(&mut line).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(site.raw_keys().await.is_empty());
    assert_eq!(site.open_uploads().await, 0);
}
