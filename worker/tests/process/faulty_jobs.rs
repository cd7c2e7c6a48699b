//! Jobs that panic, and jobs that take the whole process down.

use std::os::unix::process::ExitStatusExt;

use serde_json::Value;
use store::{Requeued, State, VideoId};

use crate::buckets::Buckets;
use crate::worker_process::{TINY, Worker, upload, wait_for, wait_until};

async fn marker(buckets: &Buckets, id: VideoId) -> Value {
    let marker = buckets.body("raw", &format!("queue/{id}")).await;
    serde_json::from_slice(&marker).unwrap()
}

/// One job panics at a point each time it is tried, others of the same worker do not.
async fn panic_at(point: &str) {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let faulty = upload(&store, TINY.clone()).await;
    let order = format!("{point}@{faulty}=panic");
    let env = [("FAIL_POINTS", order.as_str()), ("MAX_ATTEMPTS", "2")];
    let mut worker = Worker::start(&buckets.settings(), &env);
    wait_until(async || marker(&buckets, faulty).await["state"] == "waiting").await;
    let failed = marker(&buckets, faulty).await;
    let counts = (&failed["failures"], &failed["takeovers"]);
    assert_eq!(counts, (&1.into(), &0.into()));
    let reason = failed["last_error"].as_str().unwrap();
    assert!(reason.contains(&format!("fail point {point}")), "{reason}");
    let beside = upload(&store, TINY.clone()).await;
    wait_for(&store, beside, State::Done, || {}).await;

    let status = wait_for(&store, faulty, State::Error, || {}).await;
    let sentence = status.error.unwrap();
    assert!(sentence.contains("a fault on the server"), "{sentence}");
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    let dead = store.dead_jobs().await.unwrap();
    assert_eq!((dead.len(), dead[0].id), (1, faulty));
    assert_eq!((dead[0].failures, dead[0].takeovers), (2, 0));
    assert!(dead[0].last_error.contains(point), "{dead:?}");
    let next = upload(&store, TINY.clone()).await;
    wait_for(&store, next, State::Done, || {}).await;
    assert_eq!(worker.said(": claimed", next).len(), 1, "it lives on");
    worker.kill();

    store.requeue(faulty).await.unwrap();
    let _sound = Worker::start(&buckets.settings(), &[]);
    let done = wait_for(&store, faulty, State::Done, || {}).await;
    assert!(store.dead_jobs().await.unwrap().is_empty());
    store.sweep().await.unwrap();
    // The status, the master, a file and its two playlists; pictures.
    let expected = 5 + done.extras().count();
    let take = done.take.unwrap().to_string();
    let keys = buckets.keys("video", &format!("videos/{faulty}/")).await;
    let is_named = |key: &String| key.contains(&take) || key.ends_with("status.json");
    assert!(
        keys.len() == expected && keys.iter().all(is_named),
        "{keys:?}"
    );
    assert_eq!(buckets.unfinished_uploads("video").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_its_job_and_not_the_worker() {
    // On an encoder's thread, and in the job's own task.
    tokio::join!(panic_at("fragment-encoded"), panic_at("playlists-stored"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_its_worker_down_is_tried_again_alone_and_then_parked() {
    const ABORTED: Option<i32> = Some(6);
    let buckets = Buckets::start().await;
    let (store, proxy) = (buckets.store().await, buckets.proxy().await);
    let deadly = upload(&store, TINY.clone()).await;
    let order = format!("fragment-encoded@{deadly}=abort");
    let env = [
        ("FAIL_POINTS", order.as_str()),
        ("WORKER_JOBS", "2"),
        ("MAX_TAKEOVERS", "1"),
    ];
    let with_lease = |lease| [env.as_slice(), &[("LEASE", lease)]].concat();
    let mut first = Worker::start(&buckets.settings(), &with_lease("8s"));
    assert_eq!(first.ended().await.signal(), ABORTED);

    // By the time that it may take over, the second one has another job, which lasts as long as it gets nothing
    // of its original.
    let lasting = upload(&store, TINY.clone()).await;
    proxy.hold(&format!("GET /raw/uploads/{lasting}"));
    let mut second = Worker::start(&buckets.settings_behind(&proxy), &with_lease("3s"));
    proxy.holding().await;
    wait_until(async || !second.said(": claimed", deadly).is_empty()).await;
    let waiting = [
        upload(&store, TINY.clone()).await,
        upload(&store, TINY.clone()).await,
    ];
    // It holds the deadly one, without beginning it, for more than a lease, while one of its slots is free.
    for _ in 0..4 {
        let before = marker(&buckets, deadly).await;
        wait_until(async || marker(&buckets, deadly).await != before).await;
    }
    proxy.release();
    assert_eq!(second.ended().await.signal(), ABORTED);
    let log = second.log();
    let at = |message: &str, id: VideoId| {
        let line = log
            .lines()
            .position(|line| line.contains(message) && line.contains(&format!("video_id={id}")));
        line.unwrap_or_else(|| panic!("no {message:?} of {id} in {log}"))
    };
    assert!(at(": done", lasting) < at("fail point", deadly));
    for id in waiting {
        assert_eq!(second.said("", id), [""; 0], "begun beside the deadly one");
    }

    let _third = Worker::start(&buckets.settings(), &with_lease("3s"));
    for id in waiting {
        wait_for(&store, id, State::Done, || {}).await;
    }
    let status = wait_for(&store, deadly, State::Error, || {}).await;
    assert!(status.error.unwrap().contains("a fault on the server"));
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    let dead = store.dead_jobs().await.unwrap();
    assert_eq!((dead.len(), dead[0].id), (1, deadly));
    assert_eq!((dead[0].failures, dead[0].takeovers), (0, 2));
}

/// A worker dies at a point of giving a job up, and another clears the marker away.
async fn die_giving_up_at(point: &str) {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let faulty = upload(&store, TINY.clone()).await;
    let order = format!("fragment-encoded=panic,{point}=abort");
    let env = [
        ("FAIL_POINTS", order.as_str()),
        ("MAX_ATTEMPTS", "1"),
        ("LEASE", "3s"),
    ];
    let mut dying = Worker::start(&buckets.settings(), &env);
    dying.ended().await;
    assert_eq!(
        marker(&buckets, faulty).await["state"],
        "claimed",
        "{point}"
    );
    let _heir = Worker::start(&buckets.settings(), &[]);
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    let status = store.status(faulty).await.unwrap().unwrap().value;
    assert_eq!(status.status, State::Error);
    assert_eq!(store.dead_job_ids().await.unwrap(), [faulty], "{point}");

    assert_eq!(store.requeue(faulty).await.unwrap(), Requeued::Anew);
    wait_for(&store, faulty, State::Done, || {}).await;
    assert!(store.dead_job_ids().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_given_up_is_listed_whenever_its_worker_died() {
    tokio::join!(
        die_giving_up_at("error-written"),
        die_giving_up_at("dead-stored")
    );
}
