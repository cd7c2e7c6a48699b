//! Workers that freeze for longer than their lease, and wake up when another has taken over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use store::queue::Queue;
use store::{State, Swept, VideoId};

use crate::buckets::{Buckets, claim};
use crate::copying::compatible_clip;
use crate::worker_process::{TINY, Worker, upload, wait_for, wait_until};

const ENV: [(&str, &str); 2] = [("LEASE", "3s"), ("LADDER", "180:23:200k,360:23:20M")];

/// All there is of a video in the video bucket.
async fn objects(buckets: &Buckets, id: VideoId) -> BTreeMap<String, Bytes> {
    let mut objects = BTreeMap::new();
    for key in buckets.keys("video", &format!("videos/{id}/")).await {
        objects.insert(key.clone(), buckets.body("video", &key).await);
    }
    objects
}

/// Freezes a worker at a point of its job, lets another finish it, and wakes the first one up. Returns what
/// a sweep found while it was frozen, if it was to be made then, and what one found in the end.
async fn freeze(at: &str, clip: Vec<u8>, sweep_while_frozen: bool) -> (Option<Swept>, Swept) {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = upload(&store, clip).await;
    let order = format!("{at}@{id}=stop");
    let faulty = [ENV[0], ENV[1], ("FAIL_POINTS", &order)];
    let loser = Worker::start(&buckets.settings(), &faulty);
    wait_until(async || loser.is_frozen()).await;
    let mut heir = Worker::start(&buckets.settings(), &ENV);
    let done = wait_for(&store, id, State::Done, || {}).await;
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    heir.kill();
    assert!(heir.said(": claimed", id)[0].contains(" takeovers=1 failures=0"));
    let winner = done.take.as_ref().unwrap().to_string();
    let mut before = objects(&buckets, id).await;
    before.retain(|key, _| key.contains(&winner) || key.ends_with("status.json"));
    assert!(before.len() > 4, "{:?}", before.keys());
    let early = match sweep_while_frozen {
        true => Some(store.sweep().await.unwrap()),
        false => None,
    };

    loser.signal("CONT");
    // It has one slot: when the next job is done, it has done with the one it lost.
    let next = upload(&store, TINY.clone()).await;
    wait_for(&store, next, State::Done, || {}).await;
    assert!(
        !loser.said("claim lost", id).is_empty(),
        "{at}: nothing said"
    );
    let mut after = objects(&buckets, id).await;
    after.retain(|key, _| before.contains_key(key));
    assert!(after == before, "{at}: the winner's take was changed");

    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    let swept = store.sweep().await.unwrap();
    assert!(objects(&buckets, id).await == before, "{at}: left over");
    assert_eq!(buckets.unfinished_uploads("video").await, 0, "{at}");
    (early, swept)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_wakes_up_to_stands() {
    // Its top rung is copied, and too large for one PUT.
    let large = compatible_clip(10, |_, _| {});
    let (mid_transcode, before_commit, at_marker) = tokio::join!(
        freeze("rendition-begun", large, true),
        freeze("master-stored", TINY.clone(), false),
        freeze("marker-won", TINY.clone(), false),
    );
    assert!(mid_transcode.0.unwrap().uploads > 0, "{mid_transcode:?}");
    let take_objects = before_commit.1.take_objects;
    assert_eq!(take_objects, 7, "a file, playlists, poster and storyboard");
    assert_eq!(at_marker.1, Swept::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wakes_up_with_a_claim_that_is_lost_does_not_fence_the_heir() {
    let buckets = Buckets::start().await;
    let (store, proxy) = (buckets.store().await, buckets.proxy().await);
    let id = upload(&store, TINY.clone()).await;
    let faulty = [ENV[0], ("FAIL_POINTS", "marker-won=stop#1")];
    let loser = Worker::start(&buckets.settings(), &faulty);
    wait_until(async || loser.is_frozen()).await;
    // The heir lives and renews its lease, but gets nothing of the original.
    proxy.hold("GET /raw/uploads/");
    let heir = Worker::start(&buckets.settings_behind(&proxy), &ENV);
    let named = wait_for(&store, id, State::Processing, || {}).await;
    proxy.holding().await;

    loser.signal("CONT");
    let next = upload(&store, TINY.clone()).await;
    wait_for(&store, next, State::Done, || {}).await;
    let there = store.status(id).await.unwrap().unwrap().value;
    assert_eq!(
        (there.status, &there.take),
        (State::Processing, &named.take)
    );
    proxy.release();
    let done = wait_for(&store, id, State::Done, || {}).await;
    assert_eq!(done.take, named.take);
    assert_eq!(heir.said(": claimed", id).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wakes_up_over_a_settled_marker_does_not_clear_a_new_job_away() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = upload(&store, b"no video".to_vec()).await;
    let faulty = [ENV[0], ("FAIL_POINTS", "marker-settled=stop#1")];
    let sleeper = Worker::start(&buckets.settings(), &faulty);
    wait_until(async || sleeper.is_frozen()).await;
    let frozen_at = Instant::now();
    let other = Queue::new(store.clone(), "other");
    let cleared = async || {
        assert!(other.claim(1).await.unwrap().is_none());
        buckets.keys("raw", "queue/").await.is_empty()
    };
    wait_until(cleared).await;
    store.requeue(id).await.unwrap();
    let (heir, _status) = claim(&store, "heir").await;
    // For as long as its lease, it is at its place.
    wait_until(async || frozen_at.elapsed() > Duration::from_secs(3)).await;

    sleeper.signal("CONT");
    let next = upload(&store, TINY.clone()).await;
    wait_for(&store, next, State::Done, || {}).await;
    let queued = buckets.keys("raw", "queue/").await;
    assert!(queued.contains(&format!("queue/{id}")), "{queued:?}");
    assert!(!heir.lost().is_cancelled());
}
