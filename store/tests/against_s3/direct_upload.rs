//! Uploads straight to S3: what has ended leaves nothing, what lives is left alone, whoever else is at work.

use std::time::Duration;

use reqwest::StatusCode;
use store::{Abort, Completion, DirectUpload, Error, Store, Swept, VideoId};

use crate::buckets::Buckets;

const FILE: &str = "not much of a film";

async fn begin(store: &Store) -> DirectUpload {
    let len_bytes = FILE.len() as u64;
    let begun = store.begin_direct_upload(VideoId::new(), "film.mp4", len_bytes);
    begun.await.unwrap().expect("a new id")
}

/// Sends bytes as the only part.
async fn send(upload: &DirectUpload, bytes: &'static str) -> StatusCode {
    let (urls, _) = upload.part_urls([1]).await.unwrap();
    let put = reqwest::Client::new().put(urls[0].url.expose()).body(bytes);
    put.send().await.unwrap().status()
}

/// Sweeps as if all that there is had got nothing for as long as uploads live.
async fn sweep_as_expired(buckets: &Buckets) -> Swept {
    let store = buckets.store_with(|settings| settings.upload_expiry = Duration::ZERO);
    store.await.sweep().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_uploads_that_ended() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let silent = begin(&store).await;
    let expired = begin(&store).await;
    assert_eq!(send(&expired, FILE).await, StatusCode::OK);
    let oversized = begin(&store).await;
    let refused = send(&oversized, "not much of a film, but more than was declared");
    assert_eq!(refused.await, StatusCode::FORBIDDEN);
    let deleted = begin(&store).await;
    assert_eq!(send(&deleted, FILE).await, StatusCode::OK);
    store.delete_video(deleted.id()).await.unwrap();
    let given_up = begin(&store).await;
    assert_eq!(send(&given_up, FILE).await, StatusCode::OK);
    assert_eq!(given_up.abort().await.unwrap(), Abort::Done);
    let mut complete = begin(&store).await;
    assert_eq!(send(&complete, FILE).await, StatusCode::OK);
    assert_eq!(complete.complete().await.unwrap(), Completion::Now);

    let swept = sweep_as_expired(&buckets).await;
    assert_eq!(swept.upload_infos, 4);
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
    // Of the one that is complete, the status tells from then on what the info had to say.
    let original = format!("uploads/{}.orig", complete.id());
    assert_eq!(buckets.keys("raw", "uploads/").await, [original.as_str()]);
    assert_eq!(buckets.body("raw", &original).await, FILE);
    let tombstone = format!("deleted/{}", deleted.id());
    assert_eq!(buckets.keys("raw", "deleted/").await, [tombstone]);
    for id in [silent.id(), expired.id(), oversized.id()] {
        assert!(store.direct_upload(id).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_renewed_lives_however_long_ago_it_began() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let mut live = begin(&store).await;
    assert!(live.renew().await.unwrap());
    // Of one that died before it was named.
    let stray = buckets.client().create_multipart_upload().bucket("raw");
    let stray = stray.key(format!("uploads/{}.orig", VideoId::new()));
    stray.send().await.unwrap();

    proxy.age_uploads();
    let swept = store.sweep().await.unwrap();
    assert_eq!((swept.uploads, swept.upload_infos), (1, 0));
    assert_eq!(buckets.unfinished_uploads("raw").await, 1);
    assert_eq!(send(&live, FILE).await, StatusCode::OK);
    assert_eq!(live.complete().await.unwrap(), Completion::Now);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_swept_while_it_is_completed_is_a_video_or_nothing() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let mut upload = begin(&store).await;
    assert_eq!(send(&upload, FILE).await, StatusCode::OK);
    // All parts were there when they were listed.
    proxy.hold("POST /raw/uploads/");
    let completing = tokio::spawn(async move { upload.complete().await });
    proxy.holding().await;
    assert_eq!(sweep_as_expired(&buckets).await.upload_infos, 1);
    proxy.release();
    let refused = completing.await.unwrap().unwrap_err();
    assert!(matches!(refused, Error::Missing(_)), "{refused}");
    assert_eq!(buckets.keys("raw", "").await, [""; 0]);
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);

    // The other way round: the sweep is late with its word, and with its deed.
    for request in ["PUT /raw/uploads/", "DELETE /raw/uploads/"] {
        let late = buckets.store_behind_proxy(|settings| settings.upload_expiry = Duration::ZERO);
        let (late, proxy) = late.await;
        let mut upload = begin(&store).await;
        assert_eq!(send(&upload, FILE).await, StatusCode::OK);
        proxy.hold_one(request);
        let sweeping = tokio::spawn(async move { late.sweep().await });
        proxy.holding().await;
        assert_eq!(upload.complete().await.unwrap(), Completion::Now);
        proxy.release();
        sweeping.await.unwrap().unwrap();
        let original = format!("uploads/{}.orig", upload.id());
        assert_eq!(buckets.body("raw", &original).await, FILE, "{request}");
        let queued = format!("queue/{}", upload.id());
        assert!(buckets.keys("raw", "queue/").await.contains(&queued));
        assert_eq!(buckets.unfinished_uploads("raw").await, 0);
        sweep_as_expired(&buckets).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_sent_again_and_again_is_not_complete() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let mut upload = begin(&store).await;
    assert_eq!(send(&upload, FILE).await, StatusCode::OK);
    let complete = "POST /raw/uploads/";
    proxy.hold(complete);
    let sender = store.direct_upload(upload.id()).await.unwrap().unwrap();
    let completing = tokio::spawn(async move {
        let completion = upload.complete().await;
        (upload, completion)
    });
    for film in [
        "the first of many.",
        "the second of all.",
        "the last of films.",
    ] {
        proxy.holding().await;
        assert_eq!(send(&sender, film).await, StatusCode::OK);
        proxy.release_and_hold(Some(complete));
    }
    let (mut upload, completion) = completing.await.unwrap();
    assert_eq!(completion.unwrap(), Completion::PartsMissing(vec![1]));
    proxy.release();
    assert_eq!(upload.complete().await.unwrap(), Completion::Now);
    let original = format!("uploads/{}.orig", upload.id());
    assert_eq!(buckets.body("raw", &original).await, "the last of films.");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_upload_whose_video_is_deleted_as_it_begins_nothing_is_left() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = VideoId::new();
    proxy.hold("PUT /raw/uploads/");
    let beginning = tokio::spawn(async move {
        let begun = store.begin_direct_upload(id, "film.mp4", 5).await;
        begun.map(|_| ())
    });
    proxy.holding().await;
    buckets.store().await.delete_video(id).await.unwrap();
    proxy.release();
    let refused = beginning.await.unwrap().unwrap_err();
    assert!(matches!(refused, Error::Deleted(_)), "{refused}");
    let tombstone = format!("deleted/{id}");
    assert_eq!(buckets.keys("raw", "").await, [tombstone]);
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_has_one_upload_and_a_length_that_s3_takes() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let first = begin(&store).await;
    let second = store.begin_direct_upload(first.id(), "other.mp4", 5).await;
    assert!(second.unwrap().is_none());
    assert_eq!(buckets.unfinished_uploads("raw").await, 1);
    for impossible in [0, u64::MAX] {
        let refused = store.begin_direct_upload(VideoId::new(), "film.mp4", impossible);
        let refused = refused.await.unwrap_err();
        assert!(matches!(refused, Error::Input(_)), "{refused}");
    }
    assert_eq!(buckets.unfinished_uploads("raw").await, 1);
    assert!(first.part_urls([0]).await.is_err());
    assert!(first.part_urls([2]).await.is_err());
}
