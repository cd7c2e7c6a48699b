//! `GET /metrics` of a process: what it counts, and what it does without its storage.

use std::time::{Duration, Instant};

use embedded_s3::test_server::TestServer;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use store::{AccessKey, Settings, Store, VideoId};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::exposition::Exposition;
use crate::fault_proxy::Proxy;
use crate::process::{Running, start};
use crate::site::{TOKEN, json};

const FAMILY: &str = "assetlab_http_requests_total";

/// An API process with room for one upload, its storage behind a proxy.
pub(crate) struct Watched {
    pub(crate) s3: TestServer,
    pub(crate) proxy: Proxy,
    _running: Running,
    pub(crate) base: String,
    client: Client,
}

impl Watched {
    pub(crate) async fn start() -> Self {
        let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
        let proxy = Proxy::start(s3.endpoint().trim_start_matches("http://")).await;
        let env = [
            ("AWS_ENDPOINT_URL_S3", proxy.endpoint()),
            ("MAX_UPLOADS", "1".to_owned()),
        ];
        let (running, base) = start(&s3, &env).await;
        Self {
            s3,
            proxy,
            _running: running,
            base,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) async fn metrics(&self) -> Exposition {
        Exposition::scrape(&format!("{}/metrics", self.base)).await
    }

    async fn upload(&self, form: Form) -> Response {
        let request = self.client.post(format!("{}/api/upload", self.base));
        let answer = request.bearer_auth(TOKEN).multipart(form).send().await;
        answer.unwrap()
    }

    async fn get(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.client.get(url).send().await.unwrap();
    }

    /// Polls until the metrics are as they must become.
    pub(crate) async fn become_so(&self, is_so: impl Fn(&Exposition) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let metrics = self.metrics().await;
            if is_so(&metrics) {
                return;
            }
            assert!(Instant::now() < deadline, "{metrics:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn file(len_bytes: usize) -> Part {
    Part::bytes(vec![7; len_bytes]).file_name("clip.mp4")
}

pub(crate) fn ended(metrics: &Exposition, outcome: &str) -> Option<f64> {
    metrics.value("assetlab_uploads_total", &[("outcome", outcome)])
}

#[tokio::test]
async fn uploads_and_requests_are_counted_by_how_they_end() {
    let site = Watched::start().await;
    let before = site.metrics().await;
    for outcome in ["stored", "refused", "busy", "broken", "failed"] {
        assert_eq!(ended(&before, outcome), Some(0.0), "{outcome}");
    }
    assert_eq!(before.value("assetlab_queue_jobs", &[]), Some(0.0));

    let stored = site.upload(Form::new().part("file", file(1000))).await;
    assert_eq!(stored.status(), 201);
    let stored = json(stored).await["id"].as_str().unwrap().to_owned();
    assert_eq!(
        site.upload(Form::new().text("title", "none"))
            .await
            .status(),
        422
    );
    let refused = [
        ("route", "/api/upload"),
        ("method", "POST"),
        ("status", "4xx"),
    ];
    assert_eq!(site.metrics().await.value(FAMILY, &refused), Some(1.0));
    // A client that goes away in the middle of its file.
    let address = site.base.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/upload HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&[7; 9000]).await.unwrap();
    let in_flight = |count: f64| {
        move |metrics: &Exposition| metrics.value("assetlab_uploads_in_flight", &[]) == Some(count)
    };
    site.become_so(in_flight(1.0)).await;
    assert_eq!(
        site.upload(Form::new().part("file", file(10)))
            .await
            .status(),
        503
    );
    drop(client);
    site.become_so(in_flight(0.0)).await;

    let id = VideoId::new();
    for path in [
        &format!("/api/video/{stored}"),
        "/",
        "/no/such/page",
        &format!("/api/video/{id}/status"),
        &format!("/api/video/{id}/720p"),
        "/api/video/../../etc/passwd",
    ] {
        site.get(path).await;
    }
    let purge = reqwest::Method::from_bytes(b"PURGE").unwrap();
    let odd = site.client.request(purge, format!("{}/healthz", site.base));
    assert_eq!(odd.send().await.unwrap().status(), 405);

    let metrics = site.metrics().await;
    assert_eq!(ended(&metrics, "stored"), Some(1.0));
    assert_eq!(ended(&metrics, "refused"), Some(1.0));
    assert_eq!(ended(&metrics, "busy"), Some(1.0));
    assert_eq!(ended(&metrics, "broken"), Some(1.0));
    assert_eq!(ended(&metrics, "failed"), Some(0.0));
    let received = metrics.value("assetlab_upload_received_bytes_total", &[]);
    assert_eq!(received, Some(10_010.0));
    for (route, method, status, count) in [
        ("/api/upload", "POST", "2xx", 1.0),
        ("/api/video/{id}/status", "GET", "4xx", 1.0),
        ("/api/video/{id}/{name}", "GET", "4xx", 1.0),
        ("/healthz", "other", "4xx", 1.0),
    ] {
        let labels = [("route", route), ("method", method), ("status", status)];
        assert_eq!(metrics.value(FAMILY, &labels), Some(count), "{labels:?}");
    }
    // To sign a URL asks nobody.
    let unanswered = [("operation", "GetObject"), ("result", "no_answer")];
    assert_eq!(
        metrics.value("assetlab_s3_requests_total", &unanswered),
        Some(0.0)
    );
    let puts = [("operation", "UploadPart"), ("result", "ok")];
    assert_eq!(
        metrics.value("assetlab_s3_requests_total", &puts),
        Some(1.0)
    );
    let sent = [("operation", "UploadPart")];
    assert_eq!(
        metrics.value("assetlab_s3_sent_bytes_total", &sent),
        Some(1000.0)
    );
    // The test of conditional writes at the start has lost races on purpose.
    let lost = [
        ("operation", "PutObject"),
        ("result", "precondition_failed"),
    ];
    assert!(metrics.value("assetlab_s3_requests_total", &lost) > Some(0.0));
    for value in metrics.label_values() {
        let is_chosen_by_clients = value.contains(&id.to_string()) || value.contains("passwd");
        assert!(
            !is_chosen_by_clients && !value.contains("no/such"),
            "{value}"
        );
    }
}

#[tokio::test]
async fn the_queue_is_listed_seldom_and_its_age_is_s3s() {
    let site = Watched::start().await;
    let listed = async || {
        let metrics = site.metrics().await;
        metrics.sum(
            "assetlab_s3_requests_total",
            &[("operation", "ListObjectsV2")],
        )
    };
    let s3 = &site.s3;
    let store = Store::connect(Settings {
        endpoint: Some(s3.endpoint()),
        access_key: Some(AccessKey {
            id: s3.credentials().access_key_id().to_owned(),
            secret: s3.credentials().secret_access_key().to_owned(),
        }),
        ..Settings::new("raw", "video")
    });
    let store = store.await.unwrap();
    for _ in 0..3 {
        store.enqueue(VideoId::new(), "clip.mp4").await.unwrap();
    }
    let (started_at, before) = (Instant::now(), listed().await);
    let scrapes = (0..50).map(|_| site.metrics());
    let shown = futures::future::join_all(scrapes).await;
    let after = listed().await;
    // One of the queue and one of the dead jobs, in each ten seconds that this took.
    let looks = started_at.elapsed().as_secs() / 10 + 1;
    assert!(
        after <= 2.0 * looks as f64 && before == 2.0,
        "{before} LISTs before, {after} after"
    );
    assert_eq!(
        shown[0].value("assetlab_queue_jobs", &[]),
        Some(3.0),
        "queue and dead jobs"
    );
    let age = shown[0].value("assetlab_queue_oldest_job_age_seconds", &[]);
    assert!((0.0..60.0).contains(&age.unwrap()), "{age:?}");
}

#[tokio::test]
async fn without_its_storage_the_rest_is_shown() {
    let site = Watched::start().await;
    site.proxy.go_dark();
    let metrics = site.metrics().await;
    assert_eq!(metrics.value("assetlab_queue_jobs", &[]), None);
    assert_eq!(metrics.value("assetlab_dead_jobs", &[]), None);
    assert_eq!(
        metrics.value("assetlab_queue_list_failures_total", &[]),
        Some(1.0)
    );
    let unanswered = [("operation", "ListObjectsV2"), ("result", "no_answer")];
    assert!(metrics.value("assetlab_s3_requests_total", &unanswered) > Some(0.0));
    assert!(metrics.value("process_resident_memory_bytes", &[]) > Some(1e6));
    assert_eq!(
        site.upload(Form::new().part("file", file(10)))
            .await
            .status(),
        503
    );
    let metrics = site.metrics().await;
    assert_eq!(ended(&metrics, "failed"), Some(1.0));
}

#[tokio::test]
async fn a_storage_that_never_answers_does_not_hold_up_the_rest() {
    let site = Watched::start().await;
    site.proxy.hold("GET /raw");
    // The SDK would wait for minutes.
    let scrape = tokio::time::timeout(Duration::from_secs(30), site.metrics());
    let metrics = scrape.await.unwrap();
    assert_eq!(metrics.value("assetlab_queue_jobs", &[]), None);
    assert_eq!(
        metrics.value("assetlab_queue_list_failures_total", &[]),
        Some(1.0)
    );
    // Given up on, and counted all the same.
    let unanswered = [("operation", "ListObjectsV2"), ("result", "no_answer")];
    assert_eq!(
        metrics.value("assetlab_s3_requests_total", &unanswered),
        Some(2.0)
    );
}
