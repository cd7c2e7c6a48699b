//! Deleting through the API, and uploads that have to wait.

use futures::stream;
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use tokio::sync::mpsc;

use crate::site::{Site, TOKEN, assert_error};

#[tokio::test]
async fn a_deleted_video_is_gone_from_every_route() {
    let site = Site::start().await;
    let id = site.uploaded("film.mp4", b"\0not much of a film").await;
    let other = site.uploaded("other.mp4", b"\0another").await;
    let delete = |id| site.client.delete(format!("{}/api/video/{id}", site.base));
    let refused = delete(id).send().await.unwrap();
    assert_error(refused, StatusCode::UNAUTHORIZED, "unauthorized").await;
    let deleted = delete(id).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    // Who did not hear the answer asks again.
    let again = delete(id).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NO_CONTENT);

    for (path, code) in [
        ("", "not_found"),
        ("/status", "deleted"),
        ("/360p", "not_found"),
        ("/hls/master.m3u8", "not_found"),
        ("/hls/360p.m3u8", "not_found"),
    ] {
        let answer = site.get(&format!("/api/video/{id}{path}")).send().await;
        assert_error(answer.unwrap(), StatusCode::NOT_FOUND, code).await;
    }
    let kept = site.get(&format!("/api/video/{other}/status")).send().await;
    assert_eq!(kept.unwrap().status(), StatusCode::OK);
    let mut keys = site.raw_keys().await;
    keys.retain(|key| key.contains(&id.to_string()));
    assert_eq!(keys, [format!("deleted/{id}")]);

    let stranger = store::VideoId::new();
    let missing = delete(stranger).bearer_auth(TOKEN).send().await.unwrap();
    assert_error(missing, StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test]
async fn an_upload_whose_video_is_deleted_is_told_so() {
    let site = Site::start().await;
    let (bytes, form) = endless_form();
    let uploading = tokio::spawn(site.upload(form).send());
    bytes.send(vec![7; 64 << 10]).await.unwrap();
    while site.open_uploads().await == 0 {
        tokio::task::yield_now().await;
    }
    let uploads = site.buckets().list_multipart_uploads().bucket("raw").send();
    let key = uploads.await.unwrap().uploads()[0]
        .key()
        .unwrap()
        .to_owned();
    let id = key.trim_start_matches("uploads/").trim_end_matches(".orig");
    let delete = site.client.delete(format!("{}/api/video/{id}", site.base));
    let deleted = delete.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    drop(bytes);
    assert_error(uploading.await.unwrap().unwrap(), StatusCode::GONE, "gone").await;
    assert_eq!(site.raw_keys().await, [format!("deleted/{id}")]);
}

#[tokio::test]
async fn more_uploads_than_there_is_memory_for_are_asked_to_come_again() {
    let site = Site::start_with(|http, _| http.max_uploads = 1).await;
    let (bytes, form) = endless_form();
    let first = tokio::spawn(site.upload(form).send());
    bytes.send(vec![7; 64 << 10]).await.unwrap();
    while site.open_uploads().await == 0 {
        tokio::task::yield_now().await;
    }
    let form = Form::new().part("file", Part::bytes(b"\0second").file_name("b.mp4"));
    let refused = site.upload(form).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_error(refused, StatusCode::SERVICE_UNAVAILABLE, "busy").await;

    drop(bytes);
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::CREATED);
    site.uploaded("b.mp4", b"\0second").await;
}

/// A form whose file goes on for as long as the sender lives.
fn endless_form() -> (mpsc::Sender<Vec<u8>>, Form) {
    let (bytes, received) = mpsc::channel::<Vec<u8>>(1);
    let body = stream::unfold(received, |mut received| async move {
        let bytes = received.recv().await?;
        Some((Ok::<_, std::io::Error>(bytes), received))
    });
    let file = Part::stream(reqwest::Body::wrap_stream(body)).file_name("a.mp4");
    (bytes, Form::new().part("file", file))
}
