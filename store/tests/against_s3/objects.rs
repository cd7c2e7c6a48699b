//! Originals, links to them, and what is asked of a store, against a real S3 server.

use crate::buckets::{Buckets, upload};
use bytes::Bytes;
use store::{Error, UploadInfo, UploadKind, VideoId};

#[tokio::test(flavor = "multi_thread")]
async fn an_original_arrives_whole_with_its_name_and_a_harmless_type() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = VideoId::new();
    let mut upload = store.begin_original(id, "../Ünï cödé.html").await.unwrap();
    let parts = [pattern(5 << 20, 1), pattern(6 << 20, 2), pattern(100, 3)];
    for part in &parts {
        upload.part(part.clone()).await.unwrap();
    }
    assert!(buckets.keys("raw", "").await.is_empty());
    upload.complete().await.unwrap();

    let answer = reqwest::get(store.original_url(id).await.unwrap().expose())
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.bytes().await.unwrap(), parts.concat());
    store.repair().await.unwrap();
    assert_eq!(
        store.status(id).await.unwrap().unwrap().value.filename,
        "Ünï cödé.html"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_or_empty_upload() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let mut upload = store
        .begin_original(VideoId::new(), "film.mp4")
        .await
        .unwrap();
    upload.part(pattern(5 << 20, 1)).await.unwrap();
    upload.abort().await.unwrap();
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);

    let id = VideoId::new();
    store
        .begin_original(id, "film.mp4")
        .await
        .unwrap()
        .complete()
        .await
        .unwrap();
    assert!(
        buckets
            .body("raw", &format!("uploads/{id}.orig"))
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_answer_is_lost_counts() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = VideoId::new();
    let mut original = store.begin_original(id, "film.mp4").await.unwrap();
    original
        .part(Bytes::from_static(b"an original"))
        .await
        .unwrap();
    proxy.swallow_answer(&format!("POST /raw/uploads/{id}.orig?uploadId="));
    original.complete().await.unwrap();
    assert!(proxy.has_swallowed());
    assert_eq!(
        buckets
            .body("raw", &format!("uploads/{id}.orig"))
            .await
            .as_ref(),
        b"an original"
    );

    // However often it is asked.
    let id = VideoId::new();
    let mut original = store.begin_original(id, "film.mp4").await.unwrap();
    proxy.swallow_answers(&format!("POST /raw/uploads/{id}.orig?uploadId="));
    assert_eq!(
        original.complete().await.unwrap(),
        format!("uploads/{id}.orig")
    );

    // What was not done is not said to be, and can be taken back.
    let mut original = store
        .begin_original(VideoId::new(), "film.mp4")
        .await
        .unwrap();
    proxy.break_off(Some("POST /raw/uploads/"));
    let broken = original.complete().await.unwrap_err();
    assert!(broken.is_transient(), "{broken}");
    original.abort().await.unwrap();
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_place_another_took_is_not_taken_for_that() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = VideoId::new();
    let form = || UploadInfo::new(UploadKind::Form, "film.mp4", None, None);
    let (mut older, _) = store.begin_form(id, form()).await.unwrap().unwrap();
    older.part(Bytes::from_static(b"older")).await.unwrap();
    store.give_up_form(id).await.unwrap();
    let (mut newer, _) = store.begin_form(id, form()).await.unwrap().unwrap();
    assert!(store.begin_form(id, form()).await.unwrap().is_none());
    newer.part(Bytes::from_static(b"newer")).await.unwrap();
    newer.complete().await.unwrap();
    let refused = older.complete().await.unwrap_err();
    assert!(matches!(refused, Error::Missing(_)), "{refused}");
    let original = format!("uploads/{id}.orig");
    assert_eq!(buckets.body("raw", &original).await.as_ref(), b"newer");
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn queueing_twice_changes_nothing() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = upload(&store).await;
    store.enqueue(id, "film.mp4").await.unwrap();
    let status = store.status(id).await.unwrap();
    store.enqueue(id, "film.mp4").await.unwrap();
    assert_eq!(store.status(id).await.unwrap(), status);
    assert_eq!(store.status(VideoId::new()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_name_the_address_that_browsers_use() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| {
            settings.public_endpoint = Some("https://media.example".into());
        })
        .await;
    let id = VideoId::new();
    let public = store.original_url(id).await.unwrap();
    assert!(
        public
            .expose()
            .starts_with(&format!("https://media.example/raw/uploads/{id}.orig?"))
    );
    assert!(public.origin_relative().starts_with("/raw/uploads/"));
    let internal = store.original_url_internal(id).await.unwrap();
    assert!(internal.expose().starts_with("http://127.0.0.1:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_honours_conditions_is_taken_and_nothing_is_left_in_it() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    store.ready().await.unwrap();
    for lost in ["GET /", "PUT /raw/self-test/", "DELETE /"] {
        proxy.swallow_answer(lost);
        store.self_test().await.unwrap();
        assert!(proxy.has_swallowed());
        assert!(buckets.keys("raw", "").await.is_empty());
    }
}

/// Bytes that differ at every place.
pub(crate) fn pattern(len: usize, seed: usize) -> Bytes {
    (0..len)
        .map(|at| ((at * 31 + at / 251 + seed) % 256) as u8)
        .collect()
}
