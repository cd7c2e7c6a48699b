//! What a crash leaves behind is found; what nothing names is deleted, and nothing else.

use std::time::Duration;

use crate::buckets::{Buckets, claim, enqueue, upload};
use crate::outcome::outcome;
use bytes::Bytes;
use store::queue::Queue;
use store::{ExtraName, MediaUpload, State, Swept, Take, VideoId};

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_never_reached_the_queue_is_queued_once() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let forgotten = upload(&store).await;
    let queued = enqueue(&store).await;
    let marker = buckets.body("raw", &format!("queue/{queued}")).await;

    assert_eq!(store.repair().await.unwrap(), 1);
    assert_eq!(store.repair().await.unwrap(), 0);
    let status = store.status(forgotten).await.unwrap().unwrap().value;
    assert_eq!(
        (status.status, status.filename.as_str()),
        (State::Pending, "film.mp4")
    );
    assert_eq!(buckets.keys("raw", "queue/").await.len(), 2);
    assert_eq!(buckets.keys("raw", "index/").await.len(), 2);
    assert_eq!(
        buckets.body("raw", &format!("queue/{queued}")).await,
        marker
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_marker_is_put_back_but_not_for_what_is_final_or_deleted() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let (lost, deleted) = (enqueue(&store).await, enqueue(&store).await);
    let done = enqueue(&store).await;
    let queue = Queue::new(store.clone(), "worker");
    while let Some((claim, mut status)) = queue.claim(1).await.unwrap() {
        if claim.id() == done {
            status.done(outcome()).await.unwrap();
        }
        claim.finish().await.unwrap();
    }
    let tombstone = format!("deleted/{deleted}");
    buckets
        .client()
        .put_object()
        .bucket("raw")
        .key(tombstone)
        .send()
        .await
        .unwrap();

    assert_eq!(store.repair().await.unwrap(), 1);
    assert_eq!(
        buckets.keys("raw", "queue/").await,
        [format!("queue/{lost}")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_goes_once_its_video_is_done_and_its_urls_have_lapsed() {
    let buckets = Buckets::start().await;
    let with_grace =
        |grace| move |settings: &mut store::Settings| settings.original_grace = Some(grace);
    let patient = buckets
        .store_with(with_grace(Duration::from_secs(3600)))
        .await;
    let keeping = buckets
        .store_with(|settings| {
            settings.original_grace = Some(Duration::ZERO);
            settings.keep_originals = true;
        })
        .await;
    let store = buckets.store_with(with_grace(Duration::ZERO)).await;

    let waiting = enqueue(&store).await;
    let (claim, mut status) = claim(&store, "worker").await;
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
    let later = enqueue(&store).await;

    assert_eq!(patient.sweep().await.unwrap(), Swept::default());
    assert_eq!(keeping.sweep().await.unwrap(), Swept::default());
    assert_eq!(
        store.sweep().await.unwrap(),
        Swept {
            originals: 1,
            ..Swept::default()
        }
    );
    assert_eq!(
        buckets.keys("raw", "uploads/").await,
        [format!("uploads/{later}.orig")]
    );
    assert_eq!(
        store.status(waiting).await.unwrap().unwrap().value.status,
        State::Done
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_that_no_status_names_are_swept() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let rung = "360p".parse().unwrap();

    let (loser, _loser_status) = claim(&store, "loser").await;
    let mut finished = MediaUpload::begin(&store, id, loser.take(), &rung, 4);
    finished.append(Bytes::from_static(b"media")).await.unwrap();
    finished.finish(b"head").await.unwrap();
    let other_rung = "720p".parse().unwrap();
    let mut unfinished = MediaUpload::begin(&store, id, loser.take(), &other_rung, 4);
    // More than a part.
    unfinished.append(vec![7; 9 << 20].into()).await.unwrap();
    std::mem::forget(unfinished); // as a killed process would
    let poster = async |take: &Take| {
        let written = store.write_extra(id, take, ExtraName::Poster, "of it".into());
        written.await.unwrap();
    };
    poster(loser.take()).await;
    assert_eq!(
        store.sweep().await.unwrap(),
        Swept::default(),
        "a take at work is left alone"
    );
    loser.release().await.unwrap();

    let (winner, mut status) = claim(&store, "winner").await;
    let upload = MediaUpload::begin(&store, id, winner.take(), &rung, 4);
    upload.finish(b"head").await.unwrap();
    poster(winner.take()).await;
    let expected = Swept {
        take_objects: 2,
        uploads: 1,
        ..Swept::default()
    };
    assert_eq!(store.sweep().await.unwrap(), expected);
    status.done(outcome()).await.unwrap();
    let take = winner.take().clone();
    winner.finish().await.unwrap();

    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    let mut keys = buckets.keys("video", "videos/").await;
    let folder = format!("videos/{id}/{take}");
    let status = format!("videos/{id}/status.json");
    let left = [
        format!("{folder}/360p.mp4"),
        format!("{folder}/poster.jpg"),
        status,
    ];
    keys.sort();
    assert_eq!(keys, left);
    assert_eq!(buckets.unfinished_uploads("video").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_uploads_of_originals_go_when_they_are_old() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let mut upload = store
        .begin_original(VideoId::new(), "film.mp4")
        .await
        .unwrap();
    upload
        .part(Bytes::from_static(b"half of an origi"))
        .await
        .unwrap();
    drop(upload);

    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    let strict = buckets
        .store_with(|settings| settings.upload_expiry = Duration::ZERO)
        .await;
    assert_eq!(
        strict.sweep().await.unwrap(),
        Swept {
            uploads: 1,
            ..Swept::default()
        }
    );
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_status_holds_up_no_other_video() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| {
            settings.retry_backoff = Duration::ZERO;
            settings.max_failures = 2;
            settings.original_grace = Some(Duration::ZERO);
        })
        .await;
    let (spoilt, sound) = (enqueue(&store).await, enqueue(&store).await);
    buckets
        .client()
        .put_object()
        .bucket("video")
        .key(format!("videos/{spoilt}/status.json"))
        .body(Bytes::from_static(b"{").into())
        .send()
        .await
        .unwrap();

    // Whichever is drawn first, the spoilt one counts two failures.
    let queue = Queue::new(store.clone(), "worker");
    for _ in 0..3 {
        let Some((claim, mut status)) = queue.claim(1).await.unwrap() else {
            continue;
        };
        assert_eq!(claim.id(), sound);
        status.done(outcome()).await.unwrap();
        claim.finish().await.unwrap();
    }
    assert!(buckets.keys("raw", "queue/").await.is_empty());
    let dead = store.dead_jobs().await.unwrap();
    assert_eq!((dead.len(), dead[0].id, dead[0].failures), (1, spoilt, 2));
    assert!(dead[0].last_error.contains("status.json"), "{dead:?}");

    let forgotten = upload(&store).await;
    assert_eq!(store.repair().await.unwrap(), 1);
    assert_eq!(
        buckets.keys("raw", "queue/").await,
        [format!("queue/{forgotten}")]
    );
    assert_eq!(store.sweep().await.unwrap().originals, 1);
    let originals = buckets.keys("raw", "uploads/").await;
    assert_eq!(originals.len(), 2, "only the original that is done is gone");

    store.requeue(spoilt).await.unwrap();
    let status = store.status(spoilt).await.unwrap().unwrap().value;
    assert_eq!(
        (status.status, status.filename.as_str()),
        (State::Pending, "film.mp4")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repair_asks_no_more_about_videos_that_it_saw_done() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let queue = Queue::new(store.clone(), "worker");
    let mut failed = Vec::new();
    for job in 0..20 {
        let id = enqueue(&store).await;
        let (claim, mut status) = queue.claim(1).await.unwrap().unwrap();
        match job % 10 {
            0 => {
                failed.push(id);
                status.error("No.").await.unwrap();
            }
            _ => status.done(outcome()).await.unwrap(),
        }
        claim.finish().await.unwrap();
    }
    let requests = async || {
        let before = store.requests();
        assert_eq!(store.repair().await.unwrap(), 0);
        store.requests() - before
    };
    let lists = 2;
    assert_eq!(requests().await, lists + 20);
    assert_eq!(requests().await, lists + 2, "those that failed");

    // They have to be looked at: a re-queue can be broken off before its marker is there.
    let (mending, proxy) = buckets.store_behind_proxy(|_| {}).await;
    proxy.break_off(Some("PUT /raw/queue/"));
    mending.requeue(failed[0]).await.unwrap_err();
    assert_eq!(store.repair().await.unwrap(), 1);
    let marker = format!("queue/{}", failed[0]);
    assert_eq!(buckets.keys("raw", "queue/").await, [marker]);
}
