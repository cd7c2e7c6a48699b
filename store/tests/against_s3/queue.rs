//! The queue against a real S3 server: who wins, who is fenced, what a lost answer means.

use std::time::Duration;

use crate::buckets::{Buckets, SHORT_LEASE, claim, claim_when_lapsed, enqueue};
use crate::outcome::outcome;
use store::queue::Queue;
use store::{Error, State};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn of_twelve_claimers_one_wins() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    for _ in 0..5 {
        let id = enqueue(&store).await;
        let claims = (0..12).map(|owner| {
            let queue = Queue::new(store.clone(), format!("worker {owner}"));
            tokio::spawn(async move { queue.claim(1).await.unwrap() })
        });
        let mut winners = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            winners.extend(claim.await.unwrap());
        }
        assert_eq!(winners.len(), 1);
        let (claim, mut status) = winners.remove(0);
        assert_eq!(claim.id(), id);
        let there = store.status(id).await.unwrap().unwrap().value;
        assert_eq!(
            (there.status, there.take.as_ref()),
            (State::Processing, Some(claim.take()))
        );
        status.done(outcome()).await.unwrap();
        claim.finish().await.unwrap();
    }
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_in_work_do_not_hide_those_behind_them() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let queue = Queue::new(store.clone(), "worker");
    let mut claims = Vec::new();
    for _ in 0..6 {
        enqueue(&store).await;
    }
    for _ in 0..6 {
        claims.push(queue.claim(1).await.unwrap().expect("one more"));
    }
    assert!(queue.claim(1).await.unwrap().is_none());
    let mut ids: Vec<_> = claims.iter().map(|(claim, _)| claim.id()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn winners_whose_answer_is_lost_go_on() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = enqueue(&store).await;

    proxy.swallow_answer("PUT /raw/queue/");
    let (claim, mut status) = claim(&store, "worker").await;
    assert!(proxy.has_swallowed());

    proxy.swallow_answer("PUT /video/videos/");
    status.done(outcome()).await.unwrap();
    assert!(proxy.has_swallowed());
    assert_eq!(
        store.status(id).await.unwrap().unwrap().value.status,
        State::Done
    );

    proxy.swallow_answer("PUT /raw/queue/");
    claim.finish().await.unwrap();
    assert!(proxy.has_swallowed());
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_worker_is_told_replaced_and_fenced() {
    let buckets = Buckets::start().await;
    let (cut_off, proxy) = buckets
        .store_behind_proxy(|settings| settings.lease = SHORT_LEASE)
        .await;
    let store = buckets
        .store_with(|settings| settings.lease = SHORT_LEASE)
        .await;
    let id = enqueue(&store).await;
    let (old_claim, mut old_status) = claim(&cut_off, "old").await;
    assert!(!old_claim.must_run_alone());

    proxy.go_dark();
    old_claim.lost().cancelled().await;
    let (new_claim, mut new_status) = claim_when_lapsed(&store, "new").await;
    assert!(new_claim.must_run_alone());
    proxy.come_back();

    let progress = store.status(id).await.unwrap().unwrap();
    assert!(matches!(old_status.done(outcome()).await, Err(Error::Fenced(fenced)) if fenced == id));
    assert_eq!(store.status(id).await.unwrap().unwrap(), progress);
    old_claim.finish().await.unwrap();
    assert_eq!(
        buckets.keys("raw", "queue/").await.len(),
        1,
        "the new owner's marker stays"
    );

    new_status.done(outcome()).await.unwrap();
    assert!(matches!(
        old_status.error("No.").await,
        Err(Error::Fenced(_))
    ));
    let done = store.status(id).await.unwrap().unwrap().value;
    assert_eq!(
        (done.status, done.take.as_ref()),
        (State::Done, Some(new_claim.take()))
    );
    new_claim.finish().await.unwrap();
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_a_single_fault_is_still_outlasted() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = enqueue(&store).await;
    proxy.break_off(Some("GET "));
    let reads = (0..64).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.status(id).await })
    });
    for read in reads.collect::<Vec<_>>() {
        let failed = read.await.unwrap();
        assert!(matches!(failed, Err(Error::Unavailable { .. })));
    }
    proxy.break_off(None);
    proxy.swallow_answer("GET /video/videos/");
    assert!(store.status(id).await.unwrap().is_some());
    assert!(proxy.has_swallowed());
    proxy.cut_answer("GET /video/videos/");
    assert!(store.status(id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_marker_is_work_to_do_all_the_same() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    buckets
        .client()
        .put_object()
        .bucket("raw")
        .key(format!("queue/{id}"))
        .body(bytes::Bytes::from_static(b"{").into())
        .send()
        .await
        .unwrap();
    let (claim, mut status) = claim(&store, "worker").await;
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_former_owner_finishes_while_a_claim_is_being_won_stands() {
    let buckets = Buckets::start().await;
    let (late, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let (old_claim, mut old_status) = claim(&store, "old").await;
    old_claim.release().await.unwrap();

    // The new owner has won the marker and read the status, and is about to name its take in it.
    proxy.hold(&format!("PUT /video/videos/{id}/status.json"));
    let claiming = tokio::spawn(async move { Queue::new(late, "new").claim(1).await });
    proxy.holding().await;
    old_status.done(outcome()).await.unwrap();
    let done = store.status(id).await.unwrap().unwrap();
    proxy.release();
    assert!(claiming.await.unwrap().unwrap().is_none());
    assert_eq!(store.status(id).await.unwrap().unwrap(), done);
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_of_progress_that_is_given_up_keeps_nobody_from_the_commit() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = enqueue(&store).await;
    let (claim, mut status) = claim(&store, "worker").await;
    proxy.hold("PUT /video/videos/");
    let note = async {
        // The first is dropped, as it comes too soon.
        loop {
            status.progress(0.5).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = note => {}
        () = proxy.holding() => {}
    }
    proxy.release();
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
    let done = store.status(id).await.unwrap().unwrap().value;
    assert_eq!((done.status, done.progress), (State::Done, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_outlives_its_lease_while_it_is_renewed() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.lease = SHORT_LEASE)
        .await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    let key = format!("queue/{id}");
    let mut versions = vec![buckets.body("raw", &key).await];
    let renewals = async {
        while versions.len() < 6 {
            let now = buckets.body("raw", &key).await;
            if versions.last() != Some(&now) {
                versions.push(now);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), renewals)
        .await
        .expect("five renewals in a minute");
    // Five renewals, a third of the lease apart, are more than one lease.
    assert!(!claim.lost().is_cancelled());
    assert!(
        Queue::new(store, "another")
            .claim(1)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_renewed_while_its_first_look_hangs_and_losers_do_not_wait_for_theirs() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets
        .store_behind_proxy(|settings| settings.lease = 2 * SHORT_LEASE)
        .await;
    let id = enqueue(&store).await;
    let key = format!("queue/{id}");
    proxy.hold("HEAD /raw/deleted/");
    let mut claims = JoinSet::new();
    for owner in 0..6 {
        let queue = Queue::new(store.clone(), format!("worker {owner}"));
        claims.spawn(async move { queue.claim(1).await.unwrap() });
    }
    let soon = Duration::from_secs(60);
    let losers = async {
        for _ in 0..5 {
            assert!(claims.join_next().await.unwrap().unwrap().is_none());
        }
    };
    tokio::time::timeout(soon, losers)
        .await
        .expect("five that end without their look");
    let won = buckets.body("raw", &key).await;
    let renewed = async {
        while buckets.body("raw", &key).await == won {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(soon, renewed)
        .await
        .expect("a renewal while the look is held");

    proxy.release();
    let (claim, _status) = claims.join_next().await.unwrap().unwrap().unwrap();
    assert!(!claim.must_run_alone());
    claim.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_job_is_taken_at_once_and_counts_as_nothing() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.max_failures = 1)
        .await;
    enqueue(&store).await;
    for owner in 0..12 {
        let (claim, _status) = claim(&store, &format!("worker {owner}")).await;
        assert!(!claim.must_run_alone());
        claim.release().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_storage_kept_from_its_end_waits_and_has_not_failed() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| {
            settings.max_failures = 1;
            settings.retry_backoff = Duration::ZERO;
        })
        .await;
    let id = enqueue(&store).await;
    for _ in 0..4 {
        let (claim, mut status) = claim(&store, "worker").await;
        assert!(!claim.must_run_alone());
        claim
            .postpone(&mut status, "the disk is full")
            .await
            .unwrap();
    }
    let (claim, mut status) = claim(&store, "worker").await;
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
    let done = store.status(id).await.unwrap().unwrap().value;
    assert_eq!(done.status, State::Done);
    assert!(store.dead_jobs().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_set_apart_runs_alone_from_then_on_and_has_not_failed() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| {
            settings.max_failures = 2;
            settings.retry_backoff = Duration::ZERO;
        })
        .await;
    enqueue(&store).await;
    let (crowded, _status) = claim(&store, "worker").await;
    assert!(!crowded.must_run_alone());
    crowded.set_apart("no memory").await.unwrap();
    let (alone, mut status) = claim(&store, "worker").await;
    assert!(alone.must_run_alone());
    alone.fail(&mut status, "S3 went away").await.unwrap();
    assert!(store.dead_jobs().await.unwrap().is_empty());
    let (again, _status) = claim(&store, "worker").await;
    assert!(again.must_run_alone());
    again.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_given_up_by_a_worker_that_dies_over_its_record_gets_one_all_the_same() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets
        .store_behind_proxy(|settings| {
            settings.lease = SHORT_LEASE;
            settings.max_failures = 1;
        })
        .await;
    let id = enqueue(&store).await;
    let (dying, mut status) = claim(&store, "dying").await;
    proxy.break_off(Some("PUT /raw/dead/"));
    dying.fail(&mut status, "S3 melted").await.unwrap_err();
    proxy.break_off(None);
    let there = store.status(id).await.unwrap().unwrap().value;
    assert_eq!(there.status, State::Error);
    assert!(store.dead_jobs().await.unwrap().is_empty());

    // There is nothing to claim, but its marker to be cleared away once it has lapsed.
    let heir = Queue::new(store.clone(), "heir");
    for _ in 0..100 {
        assert!(heir.claim(1).await.unwrap().is_none());
        if buckets.keys("raw", "queue/").await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let dead = store.dead_jobs().await.unwrap();
    assert_eq!((dead.len(), dead[0].id), (1, id));
    store.requeue(id).await.unwrap();
    assert_eq!(claim(&store, "worker").await.0.id(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_keeps_failing_is_given_up_and_can_be_queued_again() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.retry_backoff = Duration::ZERO)
        .await;
    let id = enqueue(&store).await;
    for attempt in 1..=3 {
        assert!(store.dead_jobs().await.unwrap().is_empty());
        let (claim, mut status) = claim(&store, "worker").await;
        claim
            .fail(&mut status, &format!("S3 melted {attempt} times"))
            .await
            .unwrap();
    }
    let status = store.status(id).await.unwrap().unwrap().value;
    assert_eq!(status.status, State::Error);
    assert!(
        !status.error.unwrap().contains("melted"),
        "the operator's reason is not the uploader's"
    );
    let dead = store.dead_jobs().await.unwrap();
    assert_eq!((dead.len(), dead[0].id, dead[0].failures), (1, id, 3));
    assert_eq!(dead[0].last_error, "S3 melted 3 times");
    assert!(buckets.keys("raw", "queue/").await.is_empty());

    store.requeue(id).await.unwrap();
    assert!(store.dead_jobs().await.unwrap().is_empty());
    let (claim, mut status) = claim(&store, "worker").await;
    assert_eq!(status.status().error, None);
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_waits_before_it_is_tried_again() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.retry_backoff = Duration::from_secs(3600))
        .await;
    enqueue(&store).await;
    let (claim, mut status) = claim(&store, "worker").await;
    claim.fail(&mut status, "S3 went away").await.unwrap();
    assert!(
        Queue::new(store, "worker")
            .claim(1)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_workers_is_given_up() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.max_takeovers = 2)
        .await;
    let id = enqueue(&store).await;
    let queue = Queue::new(store.clone(), "standalone");
    for takeovers in 0..=2 {
        let (claim, _status) = queue.claim(1).await.unwrap().expect("still tried");
        assert_eq!(claim.must_run_alone(), takeovers > 0);
        drop(claim);
        assert_eq!(
            Queue::new(store.clone(), "another")
                .free_former_claims()
                .await
                .unwrap(),
            0
        );
        assert_eq!(queue.free_former_claims().await.unwrap(), 1);
    }
    assert!(queue.claim(1).await.unwrap().is_none());
    assert_eq!(
        store.status(id).await.unwrap().unwrap().value.status,
        State::Error
    );
    assert_eq!(store.dead_jobs().await.unwrap()[0].takeovers, 3);
    assert!(buckets.keys("raw", "queue/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_left_behind_by_a_finished_job_is_cleared_away() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let queue = Queue::new(store.clone(), "worker");
    let (claim, mut status) = queue.claim(1).await.unwrap().unwrap();
    status.done(outcome()).await.unwrap();
    let done = store.status(id).await.unwrap().unwrap();
    drop(claim);
    queue.free_former_claims().await.unwrap();
    assert!(queue.claim(1).await.unwrap().is_none());
    assert!(buckets.keys("raw", "queue/").await.is_empty());
    assert_eq!(store.status(id).await.unwrap().unwrap(), done);
}
