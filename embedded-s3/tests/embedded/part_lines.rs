//! Parts whose bytes stop coming, or come twice.

use std::time::Duration;

use embedded_s3::FrontLimits;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::*;
use crate::front::Page;
use crate::part_urls::{PATIENCE, begin, doors, parts, send, send_raw};

#[tokio::test]
async fn what_a_client_sent_that_broke_off_is_gone_and_the_part_can_be_sent_again() {
    let page = Page::open().await;
    let bytes = pattern(MIN_PART_LEN_BYTES);
    for (index, door) in doors(&page).iter().enumerate() {
        let upload_id = begin(&page).await;
        let url = door.url(&upload_id, 1, bytes.len() as i64).await;
        let client = send_half(&url, &bytes).await;
        // Until some of it lies on disk.
        blobs_become(&page, index + 1).await;
        drop(client);
        blobs_become(&page, index).await;
        assert_eq!(parts(&page, &upload_id).await, [], "{}", door.name);
        assert_eq!(send(&url, bytes.clone()).await, StatusCode::OK);
        assert_eq!(
            parts(&page, &upload_id).await,
            [(1, bytes.len() as i64)],
            "{}",
            door.name
        );
    }
}

/// Sends half of a body that is announced whole.
async fn send_half(url: &str, bytes: &[u8]) -> TcpStream {
    let (address, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let len_bytes = bytes.len();
    let head =
        format!("PUT /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len_bytes}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&bytes[..len_bytes / 2]).await.unwrap();
    client
}

/// What is answered, until the line is closed.
async fn answer_of(mut client: TcpStream) -> String {
    let mut answer = Vec::new();
    // A line that is reset is closed as well.
    let _ = timeout(PATIENCE, client.read_to_end(&mut answer))
        .await
        .expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn who_falls_silent_in_a_part_is_let_go_and_nothing_stays() {
    let page = Page::open_within(FrontLimits {
        idle_timeout: Duration::from_millis(500),
        part_writers: 100,
    })
    .await;
    let [front, _] = doors(&page);
    let bytes = pattern(MIN_PART_LEN_BYTES);
    let upload_id = begin(&page).await;
    let url = front.url(&upload_id, 1, bytes.len() as i64).await;
    let answer = answer_of(send_half(&url, &bytes).await).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    blobs_become(&page, 0).await;
    assert_eq!(parts(&page, &upload_id).await, []);
}

#[tokio::test]
async fn a_part_that_is_sent_anew_takes_the_place_of_the_older_one() {
    let page = Page::open_within(FrontLimits {
        idle_timeout: PATIENCE,
        part_writers: 1,
    })
    .await;
    let [front, _] = doors(&page);
    let bytes = pattern(MIN_PART_LEN_BYTES);
    let len_bytes = bytes.len() as i64;
    let upload_id = begin(&page).await;
    let url = front.url(&upload_id, 1, len_bytes).await;
    let other = front.url(&upload_id, 2, len_bytes).await;
    let mut stalled = send_half(&url, &bytes).await;
    blobs_become(&page, 1).await;
    // No more than one part at once.
    let more = send_raw(&other, &format!("Content-Length: {len_bytes}"), b"").await;
    assert!(more.starts_with("HTTP/1.1 503"), "{more}");
    assert!(more.contains("SlowDown"), "{more}");
    for _ in 0..3 {
        let newer = send_half(&url, &bytes).await;
        let answer = answer_of(stalled).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        blobs_become(&page, 1).await;
        stalled = newer;
    }
    assert_eq!(send(&url, bytes.clone()).await, StatusCode::OK);
    assert_eq!(send(&other, bytes).await, StatusCode::OK);
    blobs_become(&page, 2).await;
    assert_eq!(
        parts(&page, &upload_id).await,
        [(1, len_bytes), (2, len_bytes)]
    );
}

async fn blobs_become(page: &Page, wanted: usize) {
    let becoming = async {
        while count_blobs(&page.server) != wanted {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, becoming).await.expect("so many blobs");
}
