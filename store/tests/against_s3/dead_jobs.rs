//! Jobs that were given up, and what the operator's word for one more try does at any moment.

use std::time::Duration;

use serde_json::Value;
use store::{Error, Requeued, State, Store, Swept, VideoId};

use crate::buckets::{Buckets, claim, enqueue};
use crate::outcome::outcome;

async fn marker(buckets: &Buckets, id: VideoId) -> Value {
    let marker = buckets.body("raw", &format!("queue/{id}")).await;
    serde_json::from_slice(&marker).unwrap()
}

/// A store that gives up at the second failure.
async fn store(buckets: &Buckets) -> Store {
    let hasty = |settings: &mut store::Settings| {
        settings.max_failures = 2;
        settings.retry_backoff = Duration::ZERO;
    };
    buckets.store_with(hasty).await
}

/// A job that was given up.
async fn enqueue_dead(store: &Store) -> VideoId {
    let id = enqueue(store).await;
    for _ in 0..2 {
        let (claim, mut status) = claim(store, "worker").await;
        claim.fail(&mut status, "S3 melted").await.unwrap();
    }
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_worker_died_over_its_end_gets_all_its_attempts_anew() {
    let buckets = Buckets::start().await;
    let (dying, proxy) = buckets
        .store_behind_proxy(|settings| settings.max_failures = 2)
        .await;
    let store = store(&buckets).await;
    let id = enqueue(&store).await;
    let (first, mut status) = claim(&store, "worker").await;
    first.fail(&mut status, "S3 melted").await.unwrap();
    let (second, mut status) = claim(&dying, "dying").await;
    proxy.break_off(Some("PUT /raw/queue/"));
    second.fail(&mut status, "and again").await.unwrap_err();
    let left = marker(&buckets, id).await;
    let held = (&left["state"], &left["failures"]);
    assert_eq!(held, (&"claimed".into(), &1.into()));
    let dead = store.dead_jobs().await.unwrap();
    assert_eq!((dead[0].id, dead[0].last_error.as_str()), (id, "and again"));

    assert_eq!(store.requeue(id).await.unwrap(), Requeued::Anew);
    let (claim, mut status) = claim(&store, "worker").await;
    let counts = marker(&buckets, id).await;
    let counts = (&counts["failures"], &counts["takeovers"]);
    assert_eq!(counts, (&0.into(), &0.into()));
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_under_way_is_left_to_that() {
    let buckets = Buckets::start().await;
    let store = store(&buckets).await;
    let id = enqueue(&store).await;
    let queued = marker(&buckets, id).await;
    assert_eq!(store.requeue(id).await.unwrap(), Requeued::UnderWay);
    assert_eq!(marker(&buckets, id).await, queued);

    let (claim, mut status) = claim(&store, "worker").await;
    let held = marker(&buckets, id).await;
    assert_eq!(store.requeue(id).await.unwrap(), Requeued::UnderWay);
    assert_eq!(marker(&buckets, id).await, held);
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requeue_that_is_broken_off_can_be_repeated() {
    let buckets = Buckets::start().await;
    let (operator, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = store(&buckets).await;
    let id = enqueue_dead(&store).await;
    for request in ["PUT /raw/queue/", "DELETE /raw/dead/"] {
        proxy.break_off(Some(request));
        operator.requeue(id).await.unwrap_err();
        assert_eq!(store.dead_job_ids().await.unwrap(), [id], "{request}");
    }
    proxy.break_off(None);
    assert_eq!(operator.requeue(id).await.unwrap(), Requeued::Anew);
    assert!(store.dead_job_ids().await.unwrap().is_empty());
    assert_eq!(claim(&store, "worker").await.0.id(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_is_kept_of_a_job_that_is_done() {
    let buckets = Buckets::start().await;
    let (operator, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = store(&buckets).await;
    proxy.break_off(Some("DELETE /raw/dead/"));
    let mut done = Vec::new();
    for _ in 0..2 {
        let id = enqueue_dead(&store).await;
        operator.requeue(id).await.unwrap_err();
        let (claim, mut status) = claim(&store, "worker").await;
        status.done(outcome()).await.unwrap();
        claim.finish().await.unwrap();
        done.push(id);
    }
    let dead = enqueue_dead(&store).await;

    let refused = store.requeue(done[0]).await;
    assert!(matches!(refused, Err(Error::Input(_))), "{refused:?}");
    assert_eq!(store.dead_job_ids().await.unwrap(), [done[1], dead]);
    let swept = Swept {
        dead_records: 1,
        ..Swept::default()
    };
    assert_eq!(store.sweep().await.unwrap(), swept);
    assert_eq!(store.dead_job_ids().await.unwrap(), [dead]);
    let status = store.status(dead).await.unwrap().unwrap().value;
    assert_eq!(status.status, State::Error);
}
