//! Uploads straight to S3 and the sweep: what has ended leaves nothing, what lives is left alone.

use std::time::Duration;

use reqwest::StatusCode;
use store::{Abort, Completion, DirectUpload, Store, VideoId};

use crate::buckets::Buckets;

const EXPIRY: Duration = Duration::from_secs(3);
/// Generous: what has not come by then never does.
const PATIENCE: Duration = Duration::from_secs(60);
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_uploads_that_ended_is_swept_and_one_that_lives_is_not() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.upload_expiry = EXPIRY)
        .await;
    let mut live = begin(&store).await;
    let first_expiry = live.expires_at();
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

    let live_info = format!("uploads/{}.info", live.id());
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        assert!(live.renew().await.unwrap(), "it is asked for all the time");
        store.sweep().await.unwrap();
        let left = buckets.keys("raw", "uploads/").await;
        assert!(left.contains(&live_info), "{left:?}");
        let open = buckets.unfinished_uploads("raw").await;
        // The one that lives is older than what expires.
        let is_old = store.now() > first_expiry + EXPIRY;
        if is_old && left.len() == 1 && open == 1 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{left:?}, {open}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let tombstone = format!("deleted/{}", deleted.id());
    assert_eq!(
        buckets.keys("raw", "").await,
        [tombstone.clone(), live_info]
    );
    assert_eq!(buckets.keys("video", "").await, [""; 0]);
    assert!(store.direct_upload(expired.id()).await.unwrap().is_none());

    assert_eq!(send(&live, FILE).await, StatusCode::OK);
    assert_eq!(live.complete().await.unwrap(), Completion::Now);
    let original = format!("uploads/{}.orig", live.id());
    assert_eq!(buckets.body("raw", &original).await, FILE);
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
    // What the info has to say is told in the status from then on.
    while buckets.keys("raw", "uploads/").await != [original.clone()] {
        assert!(tokio::time::Instant::now() < deadline);
        store.sweep().await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let queued = format!("queue/{}", live.id());
    assert_eq!(buckets.keys("raw", "queue/").await, [queued]);
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
        assert!(matches!(refused, store::Error::Input(_)), "{refused}");
    }
    assert_eq!(buckets.unfinished_uploads("raw").await, 1);
    assert!(first.part_urls([0]).await.is_err());
    assert!(first.part_urls([2]).await.is_err());
}
