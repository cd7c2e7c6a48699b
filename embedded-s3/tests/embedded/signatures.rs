//! Who may ask: only the holder of the keys, and of what it signed.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use embedded_s3::Credentials;
use reqwest::StatusCode;

use crate::client::*;

pub(crate) fn valid_for(seconds: u64) -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(seconds)).unwrap()
}

/// Signed 100 seconds ago.
pub(crate) fn expired() -> PresigningConfig {
    PresigningConfig::builder()
        .start_time(std::time::SystemTime::now() - Duration::from_secs(100))
        .expires_in(Duration::from_secs(60))
        .build()
        .unwrap()
}

async fn presigned(client: &Client, key: &str, config: PresigningConfig) -> String {
    let get = client
        .get_object()
        .bucket(BUCKET)
        .key(key)
        .presigned(config)
        .await
        .unwrap();
    get.uri().to_owned()
}

async fn status(url: &str) -> StatusCode {
    reqwest::get(url).await.unwrap().status()
}

#[tokio::test]
async fn other_keys_and_no_keys_are_refused() {
    let (server, client) = start().await;
    put(&client, "k", "bytes").await;
    let id = server.credentials().access_key_id();
    let secret = server.credentials().secret_access_key();
    for wrong in [
        Credentials::new(id, "wrong"),
        Credentials::new("wrong", secret),
    ] {
        let client = crate::client::client(&server.endpoint(), &wrong);
        let got = client.get_object().bucket(BUCKET).key("k").send().await;
        assert_eq!(refusal(got).0, 403);
        let url = presigned(&client, "k", valid_for(60)).await;
        assert_eq!(status(&url).await, StatusCode::FORBIDDEN);
    }
    let bare = format!("{}/{BUCKET}/k", server.endpoint());
    assert_eq!(status(&bare).await, StatusCode::FORBIDDEN);
    let list = format!("{}/{BUCKET}", server.endpoint());
    assert_eq!(status(&list).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_presigned_url_is_good_for_what_it_says_and_as_long_as_it_says() {
    let (_server, client) = start().await;
    put(&client, "k", "bytes").await;
    put(&client, "other", "secret").await;
    let url = presigned(&client, "k", valid_for(60)).await;
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "bytes");

    let tampered = [
        url.replace("/k?", "/other?"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        format!("{url}&response-content-type=text/html"),
        url.replace("127.0.0.1", "localhost"),
    ];
    for tampered in tampered {
        assert_eq!(status(&tampered).await, StatusCode::FORBIDDEN);
    }
    let delete = reqwest::Client::new().delete(&url).send().await.unwrap();
    assert_eq!(delete.status(), StatusCode::FORBIDDEN);

    let late = presigned(&client, "k", expired()).await;
    assert_eq!(status(&late).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_part_can_be_sent_to_a_presigned_url() {
    let (_server, client) = start().await;
    let created = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let url = client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(created.upload_id().unwrap())
        .part_number(1)
        .content_length(5)
        .presigned(valid_for(60))
        .await
        .unwrap();
    let send = |body: &'static str| reqwest::Client::new().put(url.uri()).body(body).send();
    let sent = send("bytes").await.unwrap();
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(
        sent.headers()["etag"],
        "\"4b3a6218bb3e3a7303e8a171a60fcf92\""
    );
    let longer = send("more bytes").await.unwrap();
    assert_eq!(
        longer.status(),
        StatusCode::FORBIDDEN,
        "the length is signed"
    );
}

#[tokio::test]
async fn answers_carry_the_servers_date() {
    let (server, _client) = start().await;
    let answer = reqwest::get(server.endpoint()).await.unwrap();
    assert!(answer.headers().contains_key("date"));
}
