//! Leases end by S3's clock: whatever clock a worker has, however short it lives, however long S3 is away.

use std::time::Duration;

use store::{State, Store, VideoId};

use crate::buckets::Buckets;
use crate::proxy::Proxy;
use crate::worker_process::{TINY, Worker, upload, wait_for, wait_until};
use crate::wrong_clock::WrongClock;

const LEASE: (&str, &str) = ("LEASE", "3s");

/// Uploads a clip for a worker behind the proxy, which holds what it reads of it, so that the job lives on
/// without an end.
async fn endless(store: &Store, proxy: &Proxy) -> VideoId {
    proxy.hold("GET /raw/uploads/");
    upload(store, TINY.clone()).await
}

/// Waits until a claim was renewed five times: a third of the lease apart, that is more than a lease.
async fn outlive_lease(buckets: &Buckets, id: VideoId) {
    let key = format!("queue/{id}");
    for _ in 0..5 {
        let before = buckets.body("raw", &key).await;
        wait_until(async || buckets.body("raw", &key).await != before).await;
    }
}

/// A worker holds a job beside another that has nothing to do, then dies: the other takes over then, and no
/// sooner. `holder` and `other` are their environments.
async fn only_the_dead_are_relieved(holder: &[(&str, &str)], other: &[(&str, &str)]) {
    let buckets = Buckets::start().await;
    let (store, proxy) = (buckets.store().await, buckets.proxy().await);
    let id = endless(&store, &proxy).await;
    let mut holder = Worker::start(
        &buckets.settings_behind(&proxy),
        &[&[LEASE], holder].concat(),
    );
    proxy.holding().await;
    let heir = Worker::start(&buckets.settings(), &[&[LEASE], other].concat());
    outlive_lease(&buckets, id).await;
    // The other one is at work all the time.
    let next = upload(&store, TINY.clone()).await;
    wait_for(&store, next, State::Done, || {}).await;
    // The status tells before the log does.
    wait_until(async || !heir.said(": done", next).is_empty()).await;
    assert!(heir.said("", id).is_empty(), "it left the living alone");
    assert!(!holder.log().contains("claim lost"));

    holder.kill();
    wait_for(&store, id, State::Done, || {}).await;
    let claimed = heir.said(": claimed", id);
    assert!(
        claimed[0].contains(" takeovers=1 failures=0"),
        "{claimed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_off_changes_nothing() {
    let (fast, slow) = (WrongClock::off_by_s(3600), WrongClock::off_by_s(-3600));
    let (fast, slow) = (fast.env(), slow.env());
    tokio::join!(
        only_the_dead_are_relieved(&fast, &[]),
        only_the_dead_are_relieved(&[], &fast),
        only_the_dead_are_relieved(&slow, &[]),
        only_the_dead_are_relieved(&[], &slow),
        only_the_dead_are_relieved(&slow, &fast),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_never_lives_as_long_as_a_lease_takes_over_from_a_dead_one() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = upload(&store, TINY.clone()).await;
    let lease = ("LEASE", "12s");
    let mut dead = Worker::start(
        &buckets.settings(),
        &[lease, ("FAIL_POINTS", "take-named=abort")],
    );
    dead.ended().await;
    let (mut lives, mut claims) = (0, Vec::new());
    while store.status(id).await.unwrap().unwrap().value.status != State::Done {
        lives += 1;
        assert!(lives < 30, "it was never taken over");
        let mut worker = Worker::start(&buckets.settings(), &[lease]);
        tokio::time::sleep(Duration::from_secs(2)).await;
        // A job that it has begun by now it may finish.
        worker.signal("TERM");
        worker.ended().await;
        claims.extend(worker.said(": claimed", id));
    }
    assert!(lives > 1, "the lease lasted no longer than a life");
    assert!(claims[0].contains(" takeovers=1 failures=0"), "{claims:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_lost_because_s3_was_away_does_not_count_as_failed() {
    let buckets = Buckets::start().await;
    let (store, proxy) = (buckets.store().await, buckets.proxy().await);
    let id = endless(&store, &proxy).await;
    // One failure would be one too many.
    let env = [LEASE, ("MAX_ATTEMPTS", "1")];
    let workers = [(); 2].map(|()| Worker::start(&buckets.settings_behind(&proxy), &env));
    proxy.holding().await;
    let first = wait_for(&store, id, State::Processing, || {}).await;
    proxy.go_dark();
    proxy.release();
    let lost = async || workers.iter().any(|w| !w.said("claim lost", id).is_empty());
    wait_until(lost).await;
    // Another half of what it takes to lose it, and a lease more.
    tokio::time::sleep(Duration::from_secs(4)).await;
    proxy.come_back();
    let done = wait_for(&store, id, State::Done, || {}).await;
    assert_ne!(done.take, first.take, "another claim");
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    assert!(store.dead_jobs().await.unwrap().is_empty());
    let mut claims = workers.iter().flat_map(|w| w.said(": claimed", id));
    assert!(claims.all(|claimed| claimed.contains(" failures=0")));
}
