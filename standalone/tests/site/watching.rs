//! What an operator sees of a whole site: one line a change of a video's state, and two sets of metrics.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exposition::Exposition;
use crate::page::{PATIENCE, Site, clip};
use crate::process::{Folder, assetlab, output};

/// Long enough for a request, short enough to be asked for often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

fn lines(folder: &Folder) -> Vec<Value> {
    let log = folder.log();
    // The last line may be on its way.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect()
}

fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap_or_default()
}

/// Waits for the first line that `wanted` makes something of.
async fn heard<T>(folder: &Folder, wanted: impl Fn(&Value) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(heard) = lines(folder).iter().find_map(&wanted) {
            return heard;
        }
        assert!(Instant::now() < deadline, "{}", folder.log());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn cleared(folder: &Folder, id: &str) {
    heard(folder, |line| {
        let is_cleared = message(line) == "marker cleared" && line["fields"]["video_id"] == id;
        is_cleared.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_videos_way_can_be_followed_in_log_and_metrics() {
    let folder = Folder::new();
    let site = Site::start(
        &folder,
        &[
            ("RUST_LOG", "info"),
            ("LOG_FORMAT", "json"),
            ("METRICS_ADDRESS", "127.0.0.1:0"),
        ],
    );
    let film = clip();
    let film_len = film.len() as f64;
    let good = site.upload("butterfly.mp4", "video/mp4", film).await;
    let diary = b"\0Dear diary, this is not a film.\n".repeat(100);
    let diary_len = diary.len() as f64;
    let bad = site.upload("diary.mp4", "video/mp4", diary).await;
    let original = site.link(&format!("/api/video/{good}")).await;
    cleared(&folder, &good).await;
    cleared(&folder, &bad).await;

    let log = lines(&folder);
    for (id, end) in [(&good, "done"), (&bad, "refused")] {
        let of_it: Vec<_> = log
            .iter()
            .filter(|line| line["fields"]["video_id"] == **id)
            .collect();
        // Two processes wrote this, side by side: the worker's lines have a take.
        let (with_take, without): (Vec<&Value>, Vec<&Value>) = of_it
            .iter()
            .partition(|line| line["fields"]["take"].is_string());
        let said = |lines: &[&Value]| lines.iter().map(|line| message(line).to_owned()).collect();
        // A worker that has just started repairs, and may have come upon a video between its two lines.
        let without: Vec<&Value> = without
            .into_iter()
            .filter(|line| message(line) != "repaired")
            .collect();
        let (of_api, of_worker): (Vec<String>, Vec<String>) = (said(&without), said(&with_take));
        assert_eq!(of_api, ["original stored", "queued"]);
        assert_eq!(of_worker, ["claimed", end, "marker cleared"]);
        let take = &with_take[0]["fields"]["take"];
        assert!(with_take.iter().all(|line| line["fields"]["take"] == *take));
        for line in without.iter().chain(&with_take) {
            assert!(line["fields"]["duration_ms"].is_u64(), "{line}");
            assert_eq!(line["level"], "INFO", "{line}");
        }
    }
    let client = reqwest::Client::new();
    let address = format!("{}/api/video/{bad}", site.origin);
    let deletion = client.delete(address).bearer_auth(site.token());
    assert_eq!(deletion.send().await.unwrap().status(), 204);
    heard(&folder, |line| {
        let is_it = message(line) == "video deleted" && line["fields"]["video_id"] == *bad;
        is_it.then(|| assert!(line["fields"]["duration_ms"].is_u64(), "{line}"))
    })
    .await;
    let secret = std::fs::read_to_string(folder.data().join("s3-keys")).unwrap();
    let (_, secret) = secret.trim().rsplit_once('=').unwrap();
    let signature = original.split("X-Amz-Signature=").nth(1).unwrap();
    for secret in [site.token(), secret, signature, "X-Amz-"] {
        assert!(!folder.log().contains(secret), "{}", folder.log());
    }

    let site_metrics = Exposition::scrape(&format!("{}/metrics", site.origin)).await;
    let only = |name: &str| site_metrics.value(name, &[]);
    let stored = [("outcome", "stored")];
    assert_eq!(
        site_metrics.value("assetlab_uploads_total", &stored),
        Some(2.0)
    );
    assert_eq!(only("assetlab_uploads_in_flight"), Some(0.0));
    assert_eq!(
        only("assetlab_upload_received_bytes_total"),
        Some(film_len + diary_len)
    );
    assert_eq!(only("assetlab_queue_jobs"), Some(0.0));
    assert_eq!(only("assetlab_queue_oldest_job_age_seconds"), Some(0.0));
    assert_eq!(only("assetlab_dead_jobs"), Some(0.0));
    assert_eq!(only("assetlab_job_slots"), None, "that is the worker's");
    let uploads = [
        ("route", "/api/upload"),
        ("method", "POST"),
        ("status", "2xx"),
    ];
    assert_eq!(
        site_metrics.value("assetlab_http_requests_total", &uploads),
        Some(2.0)
    );

    let address = heard(&folder, |line| {
        message(line).strip_prefix("metrics at ").map(str::to_owned)
    });
    let worker_metrics = Exposition::scrape(&address.await).await;
    for (outcome, count) in [("done", 1.0), ("error", 1.0), ("lost", 0.0)] {
        let outcome = [("outcome", outcome)];
        assert_eq!(
            worker_metrics.value("assetlab_jobs_total", &outcome),
            Some(count)
        );
    }
    assert_eq!(worker_metrics.value("assetlab_queue_jobs", &[]), None);
    let written = worker_metrics.sum("assetlab_s3_sent_bytes_total", &[]);
    assert!(written > 100_000.0, "{written}");
    for value in site_metrics
        .label_values()
        .chain(worker_metrics.label_values())
    {
        assert!(!value.contains(&good) && !value.contains(&bad), "{value}");
    }
}

#[test]
fn a_metrics_address_in_use_is_named_with_its_variable() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let mut command = assetlab(&[]);
    command
        .env("DATA_DIR", folder.data())
        .env("BIND", "127.0.0.1")
        .env("PORT", "0")
        .env("S3_PORT", "0")
        .env("METRICS_ADDRESS", &address);
    let (output, text) = output(command);
    assert!(!output.status.success());
    assert!(
        text.contains(&format!("METRICS_ADDRESS={address} ")),
        "{text}"
    );
}
