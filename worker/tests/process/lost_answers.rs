//! Writes of a worker that arrive late, and writes that took effect but whose answer was lost.

use std::time::Duration;

use store::{State, VideoId};

use crate::buckets::Buckets;
use crate::worker_process::{TINY, Worker, clip, upload, wait_for, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_note_of_progress_that_arrives_after_the_commit_changes_nothing() {
    let buckets = Buckets::start().await;
    let (store, proxy) = (buckets.store().await, buckets.proxy().await);
    let id = upload(&store, clip("320x180", 8, 30)).await;
    let env = [("LEASE", "10m"), ("FAIL_POINTS", "fragment-encoded=stop#1")];
    let worker = Worker::start(&buckets.settings_behind(&proxy), &env);
    wait_until(async || worker.is_frozen()).await;
    // Frozen for so long that the next progress there is will be noted.
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.hold_one(&format!("PUT /video/videos/{id}/status.json"));
    worker.signal("CONT");
    proxy.holding().await;
    let noted = store.status(id).await.unwrap().unwrap();
    assert_eq!(noted.value.status, State::Processing);
    wait_for(&store, id, State::Done, || {}).await;
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    let done = store.status(id).await.unwrap().unwrap();

    let answer = proxy.release_and_see_the_answer().await;
    assert!(answer.starts_with("HTTP/1.1 412 "), "{answer}");
    assert_eq!(store.status(id).await.unwrap().unwrap(), done);
    assert_eq!(worker.said(": claimed", id).len(), 1);
}

/// Has a worker do one job; after `frozen_at`, the first request that begins as `request` takes effect, but
/// its answer is lost. The same claim must go on to the end.
async fn swallow(frozen_at: Option<&str>, request: impl Fn(VideoId) -> String) {
    let buckets = Buckets::start().await;
    let (store, proxy) = (buckets.store().await, buckets.proxy().await);
    let id = upload(&store, TINY.clone()).await;
    let order = frozen_at.map_or_else(String::new, |at| format!("{at}=stop"));
    if frozen_at.is_none() {
        proxy.swallow_answer(&request(id));
    }
    // With so long a lease no renewal comes in between.
    let env = [("LEASE", "10m"), ("FAIL_POINTS", &order)];
    let worker = Worker::start(&buckets.settings_behind(&proxy), &env);
    if frozen_at.is_some() {
        wait_until(async || worker.is_frozen()).await;
        proxy.swallow_answer(&request(id));
        worker.signal("CONT");
    }
    let done = wait_for(&store, id, State::Done, || {}).await;
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    assert!(proxy.has_swallowed(), "{}", request(id));

    wait_until(async || !worker.said(": done", id).is_empty()).await;
    let claims = worker.said(": claimed", id);
    assert_eq!(claims.len(), 1, "{claims:?}");
    assert!(claims[0].contains(&done.take.unwrap().to_string()));
    assert!(!worker.log().contains(" WARN "), "{}", worker.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_winning_swap_is_not_answered_goes_on() {
    let marker = |method: &'static str| move |id| format!("{method} /raw/queue/{id}");
    let status = |id| format!("PUT /video/videos/{id}/status.json");
    tokio::join!(
        swallow(None, marker("PUT")),
        swallow(None, status),
        swallow(Some("master-stored"), status),
        swallow(Some("committed"), marker("PUT")),
        swallow(Some("marker-settled"), marker("DELETE")),
    );
}
