//! Receivers of webhooks that are down, hang, or refuse what they are told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::State;

use crate::buckets::{Buckets, claim, enqueue};
use crate::receiver::{Answer, Heard, Receiver, SECRET};
use crate::webhooks::{no_video, wait_until_delivered, worker};
use crate::worker_process::{TINY, upload, wait_for, wait_until};

/// Answers by that status, until it is mended.
fn broken_receiver(status: u16) -> (Receiver, Arc<AtomicBool>) {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let receiver = Receiver::up(move |_, _| match mended.load(Ordering::SeqCst) {
        true => Answer::Status(200),
        false => Answer::Status(status),
    });
    (receiver, is_mended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_is_not_asked_about_each_event() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.webhooks = true)
        .await;
    let mut ids = BTreeSet::new();
    for _ in 0..40 {
        ids.insert(enqueue(&store).await.to_string());
        let (claim, mut status) = claim(&store, "former").await;
        status.error("It is no film.").await.unwrap();
        claim.finish().await.unwrap();
    }
    let (receiver, is_mended) = broken_receiver(503);
    let hasty = [
        ("WEBHOOK_BACKOFF", "1ms"),
        ("WEBHOOK_TIMEOUT", "1m"),
        ("LEASE", "10m"),
    ];
    let _worker = worker(&buckets.settings(), &receiver.url(), &hasty);
    wait_until(async || receiver.heard().len() >= 12).await;
    assert_eq!(store.undelivered_events().await.unwrap().len(), ids.len());
    // Each further attempt comes twice as late: the next one in seconds, the thirtieth in days, were there no end
    // to it at a minute.
    let heard = receiver.heard();
    assert!(heard.len() < 30, "{}", heard.len());
    let asked: BTreeSet<_> = heard.iter().map(Heard::event_id).collect();
    assert_eq!(
        asked.len(),
        heard.len(),
        "some were asked about again before others"
    );

    is_mended.store(true, Ordering::SeqCst);
    wait_until_delivered(&store).await;
    let heard = receiver.heard();
    let taken = heard.iter().filter(|one| one.is_taken);
    assert_eq!(taken.map(Heard::video_id).collect::<BTreeSet<_>>(), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_up_neither_jobs_nor_the_end() {
    let buckets = Buckets::start().await;
    let (store, settings) = (buckets.store().await, buckets.settings());
    let receiver = Receiver::up(|_, _| Answer::Never);
    let patient = [("WEBHOOK_TIMEOUT", "1h"), ("WORKER_JOBS", "1")];
    let mut worker = worker(&settings, &receiver.url(), &patient);
    let first = no_video(&store).await;
    wait_until(async || !receiver.heard().is_empty()).await;
    let second = upload(&store, TINY.clone()).await;
    wait_for(&store, second, State::Done, || {}).await;
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    worker.signal("TERM");
    assert!(worker.ended().await.success());
    let left = store.undelivered_events().await.unwrap();
    let left: Vec<_> = left.iter().map(|event| event.video_id).collect();
    assert_eq!(left, [first, second]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_no_secret_is_logged() {
    let buckets = Buckets::start().await;
    let (store, settings) = (buckets.store().await, buckets.settings());
    let elsewhere = Receiver::up(|_, _| Answer::Status(200));
    let to = elsewhere.url();
    let receiver = Receiver::up(move |before, _| match before.len() {
        0 => Answer::Redirect(to.clone()),
        1 => Answer::Cut,
        2 => Answer::Never,
        _ => Answer::Status(200),
    });
    let url = format!(
        "http://user:hunter2@{}/hook?key=hunter2",
        receiver.address()
    );
    let worker = worker(&settings, &url, &[("WEBHOOK_TIMEOUT", "5s")]);
    let id = no_video(&store).await;
    wait_until(async || !worker.said("webhook delivered", id).is_empty()).await;
    let heard = receiver.heard();
    assert!(
        heard.len() >= 4 && elsewhere.heard().is_empty(),
        "{heard:?}"
    );
    assert_eq!(heard[0].request_line, "POST /hook?key=hunter2 HTTP/1.1");
    assert_eq!(heard[0].headers["authorization"], "Basic dXNlcjpodW50ZXIy");
    let failed = worker.said("webhook failed", id);
    for reason in [
        "it answered 302, and is not followed",
        "no answer within 5 s",
    ] {
        assert!(
            failed.iter().any(|line| line.contains(reason)),
            "{failed:?}"
        );
    }
    let delivered = worker.said("webhook delivered", id);
    let attempts = format!("attempts={}", failed.len() + 1);
    assert!(delivered[0].contains("host=\"127.0.0.1\"") && delivered[0].contains(&attempts));
    let (log, (_, secret)) = (worker.log(), SECRET.split_once('_').unwrap());
    for secret in ["hunter2", "dXNlcjpodW50ZXIy", secret] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_given_up_is_kept_for_the_operator() {
    let buckets = Buckets::start().await;
    let (store, settings) = (buckets.store().await, buckets.settings());
    let (receiver, is_mended) = broken_receiver(400);
    let hasty = [
        ("WEBHOOK_RETRY_FOR", "1ms"),
        ("WEBHOOK_TIMEOUT", "5s"),
        ("METRICS_ADDRESS", "127.0.0.1:0"),
    ];
    let worker = worker(&settings, &receiver.url(), &hasty);
    let id = no_video(&store).await;
    wait_until(async || !worker.said("webhook given up", id).is_empty()).await;
    let events = store.undelivered_events().await.unwrap();
    assert_eq!((events.len(), events[0].video_id), (1, id));
    assert!(events[0].is_given_up && events[0].last_error.contains("400"));
    let refused = receiver.heard().len();
    assert!(refused > 1);

    is_mended.store(true, Ordering::SeqCst);
    assert_eq!(store.retry_events(id).await.unwrap(), 1);
    wait_until_delivered(&store).await;
    let taken = receiver.heard().len() - refused;
    let counted = async || {
        let log = worker.log();
        let (_, address) = log.split_once("metrics at ").unwrap();
        let address = address.split_whitespace().next().unwrap();
        let metrics = crate::exposition::Exposition::scrape(address).await;
        let count = |outcome| {
            let outcome = [("outcome", outcome)];
            metrics.value("assetlab_webhook_attempts_total", &outcome)
        };
        let counts = ["delivered", "failed", "given_up"].map(count);
        let left = metrics.value("assetlab_webhook_events", &[]);
        let expected = [taken as f64, (refused - 1) as f64, 1.0].map(Some);
        counts == expected && left == Some(0.0)
    };
    wait_until(counted).await;
}
