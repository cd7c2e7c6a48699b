//! What a receiver of webhooks hears, whoever dies.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use store::{Settings, State, Store, VideoId};

use crate::buckets::Buckets;
use crate::receiver::{Answer, Heard, Receiver, SECRET};
use crate::worker_process::{TINY, Worker, upload, wait_for, wait_until};

/// A worker that tells `url`, with claims of seconds and next to no backoff.
pub(crate) fn worker(settings: &Settings, url: &str, env: &[(&str, &str)]) -> Worker {
    let webhooks = [
        ("WEBHOOK_URL", url),
        ("WEBHOOK_SECRET", SECRET),
        ("WEBHOOK_TIMEOUT", "1s"),
        ("WEBHOOK_BACKOFF", "100ms"),
        ("LEASE", "3s"),
    ];
    Worker::start(settings, &[&webhooks, env].concat())
}

pub(crate) async fn no_video(store: &Store) -> VideoId {
    upload(store, b"Dear diary, this is not a film.\n".repeat(100)).await
}

pub(crate) async fn wait_until_delivered(store: &Store) {
    wait_until(async || store.undelivered_events().await.unwrap().is_empty()).await;
}

fn about(heard: &[Heard], id: VideoId) -> Vec<Heard> {
    let about = heard.iter().filter(|one| one.video_id() == id.to_string());
    about.cloned().collect()
}

/// The README's own example.
fn readme_finds_genuine(secret: &str, heard: &Heard) -> bool {
    let readme = std::fs::read_to_string("../README.md").unwrap();
    let (_, example) = readme.split_once("```python\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let program = format!(
        "{example}\nimport json, sys\n\
         secret, headers, body = json.load(sys.stdin)\n\
         print(is_genuine(secret, headers, bytes(body)))\n"
    );
    let mut python = Command::new("python3")
        .args(["-c", &program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = json!([secret, heard.headers, heard.body]).to_string();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout == b"True\n"
}

/// Each event that was heard about a video is what its status says, and was the same each time.
async fn check_last_event(store: &Store, heard: &[Heard], id: VideoId) {
    let about = about(heard, id);
    let status = store.status(id).await.unwrap().unwrap().value;
    let kind = match status.status {
        State::Done => "video.done",
        _ => "video.error",
    };
    for one in &about {
        let status = serde_json::to_value(&status).unwrap();
        let expected = json!({
            "id": one.event_id(),
            "type": kind,
            "created_at": status["updated_at"],
            "video": status,
        });
        assert_eq!(one.json(), expected);
        assert!(status.get("webhook").is_none());
        assert_eq!(one.headers["content-type"], "application/json");
        assert!(one.headers["user-agent"].starts_with("AssetLab/"));
        assert_eq!(
            (one.event_id(), &one.body),
            (about[0].event_id(), &about[0].body)
        );
        assert!(readme_finds_genuine(SECRET, one));
    }
    assert!(about.last().unwrap().is_taken, "{about:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_gets_each_event_though_workers_are_killed() {
    let buckets = Buckets::start().await;
    let (store, settings) = (buckets.store().await, buckets.settings());
    // Of each event, two requests are answered by 500.
    let mut receiver = Receiver::down(|before, now| {
        let same = |one: &&Heard| one.event_id() == now.event_id();
        match before.iter().filter(same).count() {
            0 | 1 => Answer::Status(500),
            _ => Answer::Status(204),
        }
    });
    let url = receiver.url();
    let mut dying = worker(&settings, &url, &[]);
    let done = upload(&store, TINY.clone()).await;
    let error = no_video(&store).await;
    wait_for(&store, done, State::Done, || {}).await;
    wait_for(&store, error, State::Error, || {}).await;
    let tried = async || {
        let events = store.undelivered_events().await.unwrap();
        events.len() == 2 && events.iter().all(|event| event.attempts > 1)
    };
    wait_until(tried).await;
    let events = store.undelivered_events().await.unwrap();
    assert!(events[0].last_error.contains("refused"), "{events:?}");
    let stored = buckets
        .body("video", &format!("videos/{done}/status.json"))
        .await;
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    assert_eq!(stored["webhook"], true);
    dying.kill();

    receiver.come_up();
    let mut dying = worker(&settings, &url, &[]);
    wait_until(async || !receiver.heard().is_empty()).await;
    dying.kill();
    let _heir = worker(&settings, &url, &[]);
    wait_until_delivered(&store).await;
    let heard = receiver.heard();
    for id in [done, error] {
        check_last_event(&store, &heard, id).await;
        assert!(about(&heard, id).len() >= 3, "{heard:?}");
    }
    let mut changed = heard[0].clone();
    changed.body[0] ^= 1;
    assert!(!readme_finds_genuine(SECRET, &changed));
    assert!(!readme_finds_genuine("another secret of 16", &heard[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_outlives_who_dies_at_any_of_its_steps() {
    // How often it is heard at least: who dies after the answer has it sent twice.
    let steps = [
        ("committed", TINY.clone(), 1),
        ("error-written", b"Dear diary".to_vec(), 1),
        ("event-stored", TINY.clone(), 1),
        ("event-claimed", TINY.clone(), 1),
        ("event-taken", TINY.clone(), 2),
    ];
    let steps = steps.map(|(step, original, least)| async move {
        let buckets = Buckets::start().await;
        let (store, settings) = (buckets.store().await, buckets.settings());
        let receiver = Receiver::up(|_, _| Answer::Status(200));
        let url = receiver.url();
        let abort = format!("{step}=abort");
        let mut dying = worker(&settings, &url, &[("FAIL_POINTS", &abort)]);
        let id = upload(&store, original).await;
        assert!(!dying.ended().await.success());
        assert!(dying.log().contains("fail point"), "{}", dying.log());
        let _heir = worker(&settings, &url, &[]);
        wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
        wait_until_delivered(&store).await;
        let heard = receiver.heard();
        check_last_event(&store, &heard, id).await;
        assert!(heard.len() >= least, "{step}: {heard:?}");
    });
    futures::future::join_all(steps).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_tell_of_each_video_once() {
    let buckets = Buckets::start().await;
    let (store, settings) = (buckets.store().await, buckets.settings());
    let receiver = Receiver::up(|_, _| Answer::Status(200));
    // However slow the machine is, no claim lapses.
    let patient = [("LEASE", "10m"), ("WEBHOOK_TIMEOUT", "10m")];
    let _workers = [(); 2].map(|()| worker(&settings, &receiver.url(), &patient));
    let mut ids = BTreeSet::new();
    for _ in 0..8 {
        ids.insert(no_video(&store).await.to_string());
    }
    wait_until(async || receiver.heard().len() >= ids.len()).await;
    wait_until_delivered(&store).await;
    let heard: Vec<_> = receiver.heard().iter().map(Heard::video_id).collect();
    assert_eq!(heard.len(), ids.len());
    assert_eq!(heard.into_iter().collect::<BTreeSet<_>>(), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_of_a_video_that_was_deleted() {
    let buckets = Buckets::start().await;
    let (store, settings) = (buckets.store().await, buckets.settings());
    let mut receiver = Receiver::down(|_, _| Answer::Status(200));
    let _worker = worker(&settings, &receiver.url(), &[]);
    let deleted = no_video(&store).await;
    wait_until(async || !store.undelivered_events().await.unwrap().is_empty()).await;
    store.delete_video(deleted).await.unwrap();
    let next = no_video(&store).await;
    // By then no attempt for the deleted one is under way.
    let tried = async || {
        let events = store.undelivered_events().await.unwrap();
        events
            .iter()
            .any(|event| event.video_id == next && event.attempts > 0)
    };
    wait_until(tried).await;
    receiver.come_up();
    wait_until(async || !receiver.heard().is_empty()).await;
    wait_until_delivered(&store).await;
    let heard = receiver.heard();
    assert!(about(&heard, deleted).is_empty(), "{heard:?}");
    check_last_event(&store, &heard, next).await;
}
