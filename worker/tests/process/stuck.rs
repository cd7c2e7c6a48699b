//! A transcode that goes on no more, and cannot be stopped either.

use store::State;

use crate::buckets::Buckets;
use crate::worker_process::{Worker, clip, upload, wait_for, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_transcode_that_hangs_fails_and_ends_its_worker_in_good_order() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let settings = buckets.settings();
    let hanging = upload(&store, clip("320x180", 2, 30)).await;
    let fault = format!("fragment-encoded@{hanging}=hang");
    let env = [
        ("FAIL_POINTS", fault.as_str()),
        ("STALL_TIMEOUT", "2s"),
        ("WORKER_JOBS", "2"),
    ];
    let mut worker = Worker::start(&settings, &env);
    let beside = upload(&store, clip("320x180", 1, 30)).await;
    wait_for(&store, beside, State::Done, || {}).await;
    assert_eq!(worker.ended().await.code(), Some(1));
    let marker = buckets.body("raw", &format!("queue/{hanging}")).await;
    let marker: serde_json::Value = serde_json::from_slice(&marker).unwrap();
    assert_eq!(
        (&marker["state"], &marker["failures"], &marker["takeovers"]),
        (&"waiting".into(), &1.into(), &0.into())
    );
    let reason = marker["last_error"].as_str().unwrap();
    assert!(reason.contains("no progress for 2 s"), "{reason}");

    let _next = Worker::start(&settings, &[]);
    wait_for(&store, hanging, State::Done, || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcode_that_is_slow_in_its_encoder_lets_go_all_the_same() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let slow = [
        ("LADDER", "180:23:800k,1080:18:60M"),
        ("X264_PRESET", "placebo"),
        ("COPY", "never"),
    ];
    let proxy = buckets.proxy().await;
    let behind_proxy = buckets.settings_behind(&proxy);
    let worker = Worker::start(&behind_proxy, &slow);
    let original = clip("1920x1080", 3, 30);
    let len_bytes = original.len() as u64;
    let id = upload(&store, original).await;
    // All is read then, and waits in the encoder.
    wait_until(async || proxy.original_bytes() >= len_bytes).await;
    store.delete_video(id).await.unwrap();
    let next = upload(&store, clip("320x180", 1, 30)).await;
    wait_for(&store, next, State::Done, || {}).await;
    assert!(worker.log().contains("claim lost"), "{}", worker.log());
}
