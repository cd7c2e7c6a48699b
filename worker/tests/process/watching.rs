//! What an operator sees of a worker: its metrics over HTTP, and its log.

use std::net::TcpListener;

use serde_json::Value;
use store::{Settings, State, VideoId};

use crate::buckets::Buckets;
use crate::exposition::Exposition;
use crate::worker_process::{Worker, clip, upload, wait_for, wait_until};

/// A worker whose log is kept, as objects.
struct Watched {
    worker: Worker,
}

impl Watched {
    fn start(settings: &Settings, env: &[(&str, &str)]) -> Self {
        let watching = [
            ("RUST_LOG", "info,transcode=debug"),
            ("LOG_FORMAT", "json"),
            ("METRICS_ADDRESS", "127.0.0.1:0"),
        ];
        let worker = Worker::start(settings, &[&watching, env].concat());
        Self { worker }
    }

    fn log(&self) -> Vec<Value> {
        let text = self.worker.log();
        // The last line may be on its way.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect()
    }

    /// What was said of a video: the messages, in order.
    fn said_of(&self, id: VideoId) -> Vec<String> {
        let lines = self.lines_of(id);
        lines
            .iter()
            .map(|line| line["fields"]["message"].as_str().unwrap().to_owned())
            .collect()
    }

    fn lines_of(&self, id: VideoId) -> Vec<Value> {
        let mut lines = self.log();
        lines.retain(|line| line["fields"]["video_id"] == id.to_string());
        lines
    }

    /// Waits until a line with this message was said of a video.
    async fn wait_to_hear(&self, id: VideoId, message: &str) -> Value {
        let heard = || {
            let mut lines = self.lines_of(id).into_iter();
            lines.find(|line| line["fields"]["message"] == message)
        };
        wait_until(async || heard().is_some()).await;
        heard().unwrap()
    }

    async fn address(&self) -> String {
        let shown = || {
            let mut log = self.log().into_iter();
            log.find_map(|line| {
                let message = line["fields"]["message"].as_str()?;
                Some(message.strip_prefix("metrics at ")?.to_owned())
            })
        };
        wait_until(async || shown().is_some()).await;
        shown().unwrap()
    }

    async fn metrics(&self) -> Exposition {
        Exposition::scrape(&self.address().await).await
    }
}

fn jobs(metrics: &Exposition, outcome: &str) -> f64 {
    let outcome = [("outcome", outcome)];
    metrics.value("assetlab_jobs_total", &outcome).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_each_outcome_are_counted_and_told_of() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let original = clip("320x180", 2, 30);
    let original_len = original.len() as f64;
    let good = upload(&store, original.clone()).await;
    let text = upload(&store, b"Dear diary, this is not a film.\n".repeat(100)).await;
    let doomed = upload(&store, original).await;
    let fault = format!("fragment-encoded@{doomed}=panic");
    let env = [
        ("FAIL_POINTS", fault.as_str()),
        ("MAX_ATTEMPTS", "2"),
        ("WORKER_JOBS", "2"),
    ];
    let watched = Watched::start(&buckets.settings(), &env);
    for ended in [good, text, doomed] {
        watched.wait_to_hear(ended, "marker cleared").await;
    }
    let done = store.status(good).await.unwrap().unwrap().value;

    assert_eq!(
        watched.said_of(good),
        ["claimed", "done", "marker cleared"],
        "{:?}",
        watched.lines_of(good)
    );
    assert_eq!(
        watched.said_of(text),
        ["claimed", "refused", "marker cleared"]
    );
    let twice = [
        "claimed",
        "attempt failed",
        "claimed",
        "given up",
        "marker cleared",
    ];
    let mut said = watched.said_of(doomed);
    said.retain(|message| message != "fail point");
    assert_eq!(said, twice);
    for line in [good, text, doomed].map(|id| watched.lines_of(id)).concat() {
        let (fields, level) = (&line["fields"], line["level"].as_str().unwrap());
        let message = fields["message"].as_str().unwrap();
        if message == "fail point" {
            continue;
        }
        assert_eq!(fields["take"].as_str().unwrap().len(), 32, "{line}");
        assert!(fields["duration_ms"].is_u64(), "{line}");
        let expected = match message {
            "attempt failed" => "WARN",
            "given up" => "ERROR",
            _ => "INFO",
        };
        assert_eq!(level, expected, "{line}");
        match message {
            "claimed" => assert!(
                fields["waited_ms"].is_u64() && fields["takeovers"] == 0,
                "{line}"
            ),
            "attempt failed" => assert!(
                fields["failures"] == 1 && fields["retry_after_ms"].as_u64() > Some(0),
                "{line}"
            ),
            "given up" => assert_eq!(fields["failures"], 2, "{line}"),
            _ => {}
        }
    }
    // What the transcoder says carries the ids too.
    let inner = watched.log();
    let inner = inner.iter().find(|line| {
        let target = line["target"].as_str().unwrap();
        target.starts_with("transcode") && line["span"]["video_id"] == good.to_string()
    });
    assert_eq!(
        inner.unwrap()["span"]["take"],
        done.take.as_ref().unwrap().as_str()
    );

    // So does what the panic says: each line is an object, whoever wrote it.
    let panics = watched.log();
    let panics: Vec<_> = panics
        .iter()
        .filter(|line| line["fields"]["message"] == "panicked")
        .collect();
    assert_eq!(panics.len(), 2);
    assert_eq!(panics[0]["span"]["video_id"], doomed.to_string());

    let metrics = watched.metrics().await;
    let outcomes = ["done", "error", "failed", "given_up", "released", "lost"];
    let counts = outcomes.map(|outcome| jobs(&metrics, outcome));
    assert_eq!(counts, [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    let only = |name: &str| metrics.value(name, &[]).unwrap();
    assert_eq!(only("assetlab_jobs_running"), 0.0);
    assert_eq!(only("assetlab_job_slots"), 2.0);
    assert_eq!(only("assetlab_takeovers_total"), 0.0);
    assert_eq!(only("assetlab_lease_losses_total"), 0.0);
    assert_eq!(only("assetlab_job_realtime_factor_count"), 1.0);
    for stage in ["start", "transcode", "end"] {
        let count = metrics.value("assetlab_stage_seconds_count", &[("stage", stage)]);
        assert_eq!(count, Some(1.0));
    }
    assert!(only("assetlab_original_requests_total") >= 3.0);
    assert!(only("assetlab_original_read_bytes_total") >= original_len);
    let written: u64 = done
        .renditions
        .iter()
        .map(|rendition| rendition.bytes)
        .sum();
    assert!(metrics.sum("assetlab_s3_sent_bytes_total", &[]) >= written as f64);
    let listed = [("operation", "ListObjectsV2"), ("result", "ok")];
    assert!(metrics.sum("assetlab_s3_requests_total", &listed) > 0.0);
    assert!(only("process_resident_memory_bytes") > 1e6);
    assert!(only("process_cpu_seconds_total") > 0.0);
    for value in metrics.label_values() {
        for id in [good, text, doomed] {
            assert!(!value.contains(&id.to_string()), "{value}");
        }
    }
    let log = watched.worker.log();
    let key = buckets.settings().access_key.unwrap();
    for secret in ["X-Amz-", &key.secret] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_claim_and_its_takeover_are_counted_and_said_once_each() {
    let buckets = Buckets::start().await;
    let proxy = buckets.proxy().await;
    let store = buckets.store().await;
    let behind_proxy = buckets.settings_behind(&proxy);
    let lease = ("LEASE", "3s");
    let silent = Watched::start(&behind_proxy, &[lease, ("X264_PRESET", "placebo")]);
    let id = upload(&store, clip("1280x720", 10, 30)).await;
    silent.wait_to_hear(id, "claimed").await;
    proxy.go_dark();
    let heir = Watched::start(&buckets.settings(), &[lease]);
    let taken = heir.wait_to_hear(id, "claimed").await;
    assert_eq!(taken["fields"]["takeovers"], 1);
    let lost = silent.wait_to_hear(id, "claim lost").await;
    assert_eq!(lost["level"], "WARN");
    // S3 is away, and the metrics are not.
    let metrics = silent.metrics().await;
    assert_eq!(metrics.value("assetlab_lease_losses_total", &[]), Some(1.0));
    wait_for(&store, id, State::Done, || {}).await;
    proxy.come_back();

    let next = upload(&store, clip("320x180", 1, 30)).await;
    wait_for(&store, next, State::Done, || {}).await;
    wait_until(async || jobs(&silent.metrics().await, "lost") == 1.0).await;
    let metrics = silent.metrics().await;
    let unanswered = [("result", "no_answer")];
    assert!(metrics.sum("assetlab_s3_requests_total", &unanswered) > 0.0);
    let said = silent.said_of(id);
    let lost = said.iter().filter(|message| *message == "claim lost");
    assert_eq!(lost.count(), 1, "{said:?}");
    let metrics = heir.metrics().await;
    assert_eq!(metrics.value("assetlab_takeovers_total", &[]), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_repair_and_sweep_do_is_counted_and_said() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    // As an API leaves it that dies before the job is queued.
    let id = VideoId::new();
    let mut forgotten = store.begin_original(id, "clip.mp4").await.unwrap();
    forgotten.part(clip("320x180", 1, 30).into()).await.unwrap();
    forgotten.complete().await.unwrap();
    let env = [("ORIGINAL_GRACE", "1s"), ("SWEEP_INTERVAL", "1s")];
    let watched = Watched::start(&buckets.settings(), &env);
    let deleted = watched.wait_to_hear(id, "original deleted").await;
    assert!(deleted["fields"]["duration_ms"].as_u64() >= Some(1000));
    assert_eq!(
        watched.said_of(id),
        [
            "repaired",
            "claimed",
            "done",
            "marker cleared",
            "original deleted"
        ]
    );
    let repaired = &watched.lines_of(id)[0];
    assert_eq!(repaired["level"], "WARN", "{repaired}");
    assert!(repaired["fields"]["waited_ms"].is_u64(), "{repaired}");
    let swept = [("kind", "original")];
    wait_until(async || {
        let metrics = watched.metrics().await;
        metrics.value("assetlab_swept_objects_total", &swept) == Some(1.0)
    })
    .await;
    let metrics = watched.metrics().await;
    assert_eq!(
        metrics.value("assetlab_repaired_videos_total", &[]),
        Some(1.0)
    );
    assert_eq!(metrics.sum("assetlab_swept_objects_total", &[]), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_job_is_said_so() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let slow = [("SHUTDOWN_GRACE", "0s"), ("X264_PRESET", "placebo")];
    let mut leaving = Watched::start(&buckets.settings(), &slow);
    let id = upload(&store, clip("1280x720", 10, 30)).await;
    leaving.wait_to_hear(id, "claimed").await;
    let metrics = leaving.metrics().await;
    assert_eq!(metrics.value("assetlab_jobs_running", &[]), Some(1.0));
    assert!(leaving.worker.terminate().success());
    assert_eq!(leaving.said_of(id), ["claimed", "released"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_to_little_and_says_where_it_cannot_listen() {
    let buckets = Buckets::start().await;
    let watched = Watched::start(&buckets.settings(), &[]);
    let metrics = watched.address().await;
    let base = metrics.strip_suffix("/metrics").unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let health = client.get(format!("{base}/healthz")).send().await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(health.text().await.unwrap(), r#"{"status":"ok"}"#);
    let nothing = client.get(base).send().await.unwrap();
    assert_eq!(nothing.status(), 404);
    let posted = client.post(&metrics).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    assert_eq!(posted.headers()["allow"], "GET, HEAD");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut refused = Watched::start(&buckets.settings(), &[("METRICS_ADDRESS", &address)]);
    assert!(!refused.worker.ended().await.success());
    let log = refused.worker.log();
    assert!(
        log.contains(&format!("METRICS_ADDRESS={address} ")),
        "{log}"
    );
}
