//! Claims that are late: to begin, to be told that they have ended, to clear away.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use store::queue::{Claim, Queue};
use store::{Error, State, StatusWriter, Store, VideoId};
use tokio::task::JoinHandle;

use crate::buckets::{Buckets, SHORT_LEASE, claim, claim_when_lapsed, enqueue};
use crate::outcome::outcome;

/// For so long all but its owner leave a settled marker alone.
const SETTLED_WAIT_S: i64 = 5;

/// Puts a marker as if it had come to be so.
async fn put_marker(buckets: &Buckets, id: VideoId, body: Bytes) {
    let put = buckets.client().put_object().bucket("raw");
    let put = put.key(format!("queue/{id}")).body(body.into());
    put.send().await.unwrap();
}

/// Jobs that are done, and whose markers are settled but still there.
async fn enqueue_settled(buckets: &Buckets, jobs: usize) -> Vec<VideoId> {
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let mut claims = Vec::new();
    for _ in 0..jobs {
        enqueue(&store).await;
        claims.push(claim(&store, "dying").await);
    }
    proxy.break_off(Some("DELETE /raw/queue/"));
    let mut settled = Vec::new();
    for (claim, mut status) in claims {
        settled.push(claim.id());
        status.error("No.").await.unwrap();
        claim.finish().await.unwrap_err();
    }
    while age_s(buckets, settled[jobs - 1]).await <= SETTLED_WAIT_S {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settled
}

/// How old a marker is, in S3's whole seconds.
async fn age_s(buckets: &Buckets, id: VideoId) -> i64 {
    let head = buckets.client().head_object().bucket("raw");
    let head = head.key(format!("queue/{id}")).send().await.unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    now - head.last_modified().unwrap().secs()
}

async fn clear_all(buckets: &Buckets, store: &Store) {
    let queue = Queue::new(store.clone(), "other");
    for _ in 0..600 {
        assert!(queue.claim(16).await.unwrap().is_none());
        if buckets.keys("raw", "queue/").await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not cleared away in a minute");
}

/// A claim that another took over before its job was begun touches nothing any more.
async fn assert_fenced(
    losing: JoinHandle<Result<Option<(Claim, StatusWriter)>, Error>>,
    id: VideoId,
) {
    let lost = losing.await.unwrap();
    assert!(matches!(lost, Err(Error::Fenced(fenced)) if fenced == id));
}

/// The heir ends its job, and nothing is left in the queue.
async fn finish(buckets: &Buckets, (heir, mut status): (Claim, StatusWriter)) {
    status.done(outcome()).await.unwrap();
    heir.finish().await.unwrap();
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_machine_that_wakes_up_with_a_claim_does_not_fence_its_heir() {
    let buckets = Buckets::start().await;
    let (slow, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let unclaimed = buckets.body("raw", &format!("queue/{id}")).await;

    // It has won the marker, and is about to name its take. By its own clock the lease has hardly begun.
    proxy.hold(&format!("PUT /video/videos/{id}/status.json"));
    let losing = tokio::spawn(async move { Queue::new(slow, "slow").claim(1).await });
    proxy.holding().await;
    put_marker(&buckets, id, unclaimed).await;
    let heir = claim(&store, "heir").await;
    proxy.release();

    assert_fenced(losing, id).await;
    finish(&buckets, heir).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_machine_whose_first_look_is_late_does_not_fence_its_heir() {
    let buckets = Buckets::start().await;
    let (slow, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let key = format!("queue/{id}");
    let unclaimed = buckets.body("raw", &key).await;

    proxy.hold(&format!("GET /video/videos/{id}/status.json"));
    let losing = tokio::spawn(async move { Queue::new(slow, "slow").claim(1).await });
    proxy.holding().await;
    while buckets.body("raw", &key).await == unclaimed {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    put_marker(&buckets, id, unclaimed).await;
    let heir = claim(&store, "heir").await;
    proxy.release();

    assert_fenced(losing, id).await;
    finish(&buckets, heir).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_lost_during_its_first_look_does_not_fence_its_heir() {
    let buckets = Buckets::start().await;
    let (slow, proxy) = buckets
        .store_behind_proxy(|settings| settings.lease = SHORT_LEASE)
        .await;
    let store = buckets
        .store_with(|settings| settings.lease = SHORT_LEASE)
        .await;
    let id = enqueue(&store).await;
    proxy.hold("HEAD /raw/deleted/");
    let losing = tokio::spawn(async move { Queue::new(slow, "slow").claim(1).await });
    let key = format!("queue/{id}");
    while buckets
        .body("raw", &key)
        .await
        .starts_with(br#"{"state":"free""#)
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    proxy.break_off(Some("PUT /raw/queue/"));
    let heir = claim_when_lapsed(&store, "heir").await;
    proxy.break_off(None);
    proxy.release();
    assert_fenced(losing, id).await;
    finish(&buckets, heir).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_learns_late_that_its_job_has_ended_has_lost_nothing() {
    let buckets = Buckets::start().await;
    let (late, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let (claim, mut status) = claim(&late, "late").await;
    status.done(outcome()).await.unwrap();

    // The marker is settled, and another has cleared it away before this claim hears of it.
    proxy.swallow_answer("PUT /raw/queue/");
    proxy.hold("GET /raw/queue/");
    let lost = claim.lost().clone();
    let finishing = tokio::spawn(claim.finish());
    proxy.holding().await;
    let delete = buckets.client().delete_object().bucket("raw");
    delete.key(format!("queue/{id}")).send().await.unwrap();
    proxy.release();
    finishing.await.unwrap().unwrap();
    assert!(!lost.is_cancelled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_marker_that_was_seen_long_ago_may_be_a_new_job_by_now() {
    let buckets = Buckets::start().await;
    let (late, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;
    let ids = enqueue_settled(&buckets, 2).await;

    // It has read both, and is about to clear the first away.
    proxy.hold("DELETE /raw/queue/");
    let clearing = tokio::spawn(async move { Queue::new(late, "late").claim(1).await });
    proxy.holding().await;
    clear_all(&buckets, &store).await;
    for id in ids {
        store.requeue(id).await.unwrap();
    }
    proxy.release();
    assert!(clearing.await.unwrap().unwrap().is_none());
    // A request that was under way takes what it finds; one that was not yet made looks again.
    let (claim, mut status) = claim(&store, "worker").await;
    assert_eq!(status.status().status, State::Processing);
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
}
