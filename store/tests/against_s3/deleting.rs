//! A deleted video is gone for good, whatever was being done with it.

use crate::buckets::{Buckets, claim, enqueue, upload};
use crate::outcome::outcome;
use bytes::Bytes;
use store::queue::Queue;
use store::{Error, ExtraName, MediaUpload, Store, Swept, VideoId};

/// All that both buckets hold of a video, but its tombstone.
async fn traces(buckets: &Buckets, id: VideoId) -> Vec<String> {
    let mut keys = buckets.keys("raw", "").await;
    keys.extend(buckets.keys("video", "").await);
    keys.retain(|key| key.contains(&id.to_string()) && !key.starts_with("deleted/"));
    keys
}

async fn assert_gone(buckets: &Buckets, store: &Store, id: VideoId) {
    assert_eq!(traces(buckets, id).await, Vec::<String>::new());
    assert!(store.status(id).await.unwrap().is_none());
    assert_eq!(store.repair().await.unwrap(), 0);
    let queue = Queue::new(store.clone(), "late");
    assert!(queue.claim(1).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_deleted_in_any_state_and_no_other() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let rung = "360p".parse().unwrap();

    let done = enqueue(&store).await;
    let (winner, mut status) = claim(&store, "worker").await;
    let media = MediaUpload::begin(&store, done, winner.take(), &rung, 4);
    media.finish(b"head").await.unwrap();
    for name in [ExtraName::Poster, ExtraName::StoryboardSheet(0)] {
        let written = store.write_extra(done, winner.take(), name, "of it".into());
        written.await.unwrap();
    }
    status.done(outcome()).await.unwrap();
    winner.finish().await.unwrap();
    let (queued, stored) = (enqueue(&store).await, upload(&store).await);
    let stays = VideoId::new();
    assert!(matches!(
        store.delete_video(stays).await,
        Err(Error::Missing(_))
    ));
    for id in [done, queued, stored] {
        store.delete_video(id).await.unwrap();
    }
    for id in [done, queued, stored] {
        assert_gone(&buckets, &store, id).await;
        // Who asks twice, because the first answer was lost, hears the same.
        store.delete_video(id).await.unwrap();
    }
    assert!(matches!(store.requeue(done).await, Err(Error::Deleted(id)) if id == done));
    assert_eq!(buckets.keys("raw", "deleted/").await.len(), 3);
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_deleted_never_becomes_a_video() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let (id, late) = (VideoId::new(), VideoId::new());
    let mut upload = store.begin_original(id, "film.mp4").await.unwrap();
    upload.part(Bytes::from_static(b"half")).await.unwrap();
    store.delete_video(id).await.unwrap();
    assert!(matches!(upload.complete().await, Err(Error::Missing(_))));
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);

    // The tombstone comes when the original is complete already, before it is queued.
    let mut upload = store.begin_original(late, "film.mp4").await.unwrap();
    upload.part(Bytes::from_static(b"all of it")).await.unwrap();
    upload.complete().await.unwrap();
    store.delete_video(late).await.unwrap();
    let queued = store.enqueue(late, "film.mp4").await;
    assert!(matches!(queued, Err(Error::Deleted(deleted)) if deleted == late));
    assert_gone(&buckets, &store, late).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_between_two_writes_of_queueing_is_seen_in_the_end() {
    let buckets = Buckets::start().await;
    let (slow, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;
    let id = upload(&store).await;
    proxy.hold(&format!("PUT /raw/queue/{id}"));
    let queueing = tokio::spawn(async move { slow.enqueue(id, "film.mp4").await });
    proxy.holding().await;
    store.delete_video(id).await.unwrap();
    proxy.release();
    assert!(matches!(queueing.await.unwrap(), Err(Error::Deleted(_))));
    assert_gone(&buckets, &store, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_brings_no_deleted_video_back() {
    let buckets = Buckets::start().await;
    let (slow, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;

    // One that is about to create the status, since it found a marker without one.
    let id = enqueue(&store).await;
    let status_key = format!("videos/{id}/status.json");
    let delete = buckets
        .client()
        .delete_object()
        .bucket("video")
        .key(&status_key);
    delete.send().await.unwrap();
    proxy.hold(&format!("PUT /video/{status_key}"));
    let claiming = tokio::spawn(async move { Queue::new(slow, "worker").claim(1).await });
    proxy.holding().await;
    store.delete_video(id).await.unwrap();
    proxy.release();
    assert!(claiming.await.unwrap().unwrap().is_none());
    assert_gone(&buckets, &store, id).await;

    // One in the midst of its work.
    let id = enqueue(&store).await;
    let (running, mut status) = claim(&store, "worker").await;
    let rung = "360p".parse().unwrap();
    let mut media = MediaUpload::begin(&store, id, running.take(), &rung, 4);
    media.append(vec![7; 9 << 20].into()).await.unwrap();
    store.delete_video(id).await.unwrap();
    assert!(matches!(
        status.done(outcome()).await,
        Err(Error::Fenced(_))
    ));
    let take = running.take().clone();
    running.finish().await.unwrap();
    // What it had begun was given up for it; a file that it writes all the same is swept.
    assert!(media.finish(b"head").await.is_err());
    assert_gone(&buckets, &store, id).await;
    let other_rung = "720p".parse().unwrap();
    let late = MediaUpload::begin(&store, id, &take, &other_rung, 4);
    late.finish(b"head").await.unwrap();
    assert_eq!(store.sweep().await.unwrap().deleted_videos_objects, 1);
    assert_gone(&buckets, &store, id).await;
}
