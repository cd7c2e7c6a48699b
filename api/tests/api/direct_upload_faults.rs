//! `/api/uploads` where processes die, answers are lost, time runs out and requests race.

use std::time::Duration;

use embedded_s3::test_server::TestServer;
use futures::future::join;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use store::VideoId;

use crate::exposition::Exposition;
use crate::metrics::{Watched, ended};
use crate::process::{Running, start};
use crate::site::{
    Site, TOKEN, assert_error, buckets, json as body, open_uploads, raw_keys, store_of,
};

const FILE: &str = "not much of a film";
/// Generous: what has not come by then never does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of an API process.
struct Api {
    _running: Running,
    base: String,
    client: Client,
}

impl Api {
    /// Starts a process that does at a step what `FAIL_POINTS` says.
    async fn start(s3: &TestServer, fail_points: &str) -> Self {
        let (running, base) = start(s3, &[("FAIL_POINTS", fail_points.to_owned())]).await;
        Self {
            _running: running,
            base,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// None where the process died over it.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<Response> {
        ask(&self.client, &self.base, method, path, body).await
    }

    async fn begin(&self) -> Option<Response> {
        let wanted = json!({ "len_bytes": FILE.len(), "filename": "film.mp4" });
        self.ask(Method::POST, "", Some(wanted)).await
    }

    /// Begins an upload and sends its only part.
    async fn sent(&self) -> VideoId {
        let begun = self.begin().await.unwrap();
        assert_eq!(begun.status(), StatusCode::CREATED);
        send(&self.client, begun).await
    }
}

async fn ask(
    client: &Client,
    base: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Option<Response> {
    let request = client.request(method, format!("{base}/api/uploads{path}"));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.bearer_auth(TOKEN).send().await.ok()
}

/// Sends the only part of an upload that has begun.
async fn send(client: &Client, begun: Response) -> VideoId {
    let begun = body(begun).await;
    let url = begun["parts"][0]["url"].as_str().unwrap();
    let sent = client.put(url).body(FILE).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::OK);
    begun["id"].as_str().unwrap().parse().unwrap()
}

/// That the original is whole and waits to be transcoded, once.
async fn assert_queued(s3: &TestServer, id: VideoId) {
    let keys = raw_keys(s3).await;
    let count = |key: String| keys.iter().filter(|there| **there == key).count();
    assert_eq!(count(format!("queue/{id}")), 1, "{keys:?}");
    let key = format!("uploads/{id}.orig");
    assert_eq!(count(key.clone()), 1, "{keys:?}");
    let original = buckets(s3).get_object().bucket("raw").key(key).send();
    let original = original.await.unwrap().body.collect().await.unwrap();
    assert_eq!(original.into_bytes(), FILE);
    assert_eq!(open_uploads(s3).await, 0);
}

#[tokio::test]
async fn a_completion_that_dies_at_any_step_is_asked_for_again_of_another_process() {
    for (point, counted_by_the_second) in [
        ("original-stored", 1.0),
        ("status-created", 1.0),
        ("indexed", 1.0),
        ("queued", 1.0),
        ("upload-completed", 0.0),
    ] {
        let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
        let dies = Api::start(&s3, &format!("{point}=abort")).await;
        let id = dies.sent().await;
        let complete = format!("/{id}/complete");
        let silence = dies.ask(Method::POST, &complete, None).await;
        assert!(silence.is_none(), "{point}");

        let lives = Api::start(&s3, "").await;
        // Whoever asks how far it is, is told to complete it.
        let progress = lives.ask(Method::GET, &format!("/{id}"), None).await;
        assert_eq!(
            body(progress.unwrap()).await["missing"],
            json!([]),
            "{point}"
        );
        for _ in 0..2 {
            let answer = lives.ask(Method::POST, &complete, None).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{point}");
            let key = format!("uploads/{id}.orig");
            assert_eq!(body(answer).await, json!({ "id": id, "key": key }));
            assert_queued(&s3, id).await;
        }
        let progress = lives.ask(Method::GET, &format!("/{id}"), None).await;
        assert_eq!(body(progress.unwrap()).await["complete"], true, "{point}");
        let metrics = Exposition::scrape(&format!("{}/metrics", lives.base)).await;
        assert_eq!(
            ended(&metrics, "stored"),
            Some(counted_by_the_second),
            "{point}"
        );
    }
}

#[tokio::test]
async fn an_upload_that_dies_as_it_begins_or_is_given_up_is_swept_or_given_up_again() {
    for point in ["upload-opened", "upload-named"] {
        let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
        let dies = Api::start(&s3, &format!("{point}=abort")).await;
        assert!(dies.begin().await.is_none(), "{point}");
        assert_eq!(open_uploads(&s3).await, 1, "{point}");
        let named = usize::from(point == "upload-named");
        assert_eq!(raw_keys(&s3).await.len(), named, "{point}");
        // As if nothing had come for as long as uploads live.
        let store = store_of(&s3, |settings| settings.upload_expiry = Duration::ZERO);
        store.await.sweep().await.unwrap();
        assert_eq!(open_uploads(&s3).await, 0, "{point}");
        assert_eq!(raw_keys(&s3).await, [""; 0], "{point}");
    }
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let dies = Api::start(&s3, "upload-given-up=abort").await;
    let id = dies.sent().await;
    let path = format!("/{id}");
    assert!(dies.ask(Method::DELETE, &path, None).await.is_none());
    let lives = Api::start(&s3, "").await;
    let complete = lives
        .ask(Method::POST, &format!("/{id}/complete"), None)
        .await;
    assert_error(complete.unwrap(), StatusCode::GONE, "gone").await;
    let abort = lives.ask(Method::DELETE, &path, None).await.unwrap();
    assert_eq!(abort.status(), StatusCode::NO_CONTENT);
    assert_eq!(open_uploads(&s3).await, 0);
    assert_eq!(raw_keys(&s3).await, [""; 0]);
}

#[tokio::test]
async fn answers_that_s3_gives_and_nobody_hears_change_nothing() {
    let site = Watched::start().await;
    let client = Client::builder().no_proxy().build().unwrap();
    let ask = |method, path: String, body| {
        let (client, base) = (client.clone(), site.base.clone());
        async move { ask(&client, &base, method, &path, body).await.unwrap() }
    };
    for request in ["POST /raw/uploads/", "PUT /raw/uploads/"] {
        site.proxy.swallow_answer(request);
        let wanted = json!({ "len_bytes": FILE.len() });
        let begun = ask(Method::POST, String::new(), Some(wanted)).await;
        assert_eq!(begun.status(), StatusCode::CREATED, "{request}");
        assert!(site.proxy.has_swallowed());
        let id = send(&client, begun).await;
        // The completion, and what is said of it in the info.
        site.proxy.swallow_answer(request);
        let complete = ask(Method::POST, format!("/{id}/complete"), None).await;
        assert_eq!(complete.status(), StatusCode::OK, "{request}");
        assert!(site.proxy.has_swallowed());
        let progress = ask(Method::GET, format!("/{id}"), None).await;
        assert_eq!(body(progress).await["complete"], true, "{request}");
    }
    let metrics = site.metrics().await;
    assert_eq!(ended(&metrics, "stored"), Some(2.0));
    let bytes = metrics.value("assetlab_upload_received_bytes_total", &[]);
    assert_eq!(bytes, Some(2.0 * FILE.len() as f64));

    let wanted = json!({ "len_bytes": FILE.len() });
    let begun = ask(Method::POST, String::new(), Some(wanted)).await;
    let id = send(&client, begun).await;
    for request in ["PUT /raw/uploads/", "DELETE /raw/uploads/"] {
        site.proxy.swallow_answer(request);
        let abort = ask(Method::DELETE, format!("/{id}"), None).await;
        assert_eq!(abort.status(), StatusCode::NO_CONTENT, "{request}");
        site.proxy.swallow_answer("none");
    }
    let larger = json!({ "len_bytes": u64::MAX });
    let larger = ask(Method::POST, String::new(), Some(larger)).await;
    assert_eq!(larger.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let metrics = site.metrics().await;
    assert_eq!(ended(&metrics, "broken"), Some(1.0));
    assert_eq!(ended(&metrics, "refused"), Some(1.0));
}

#[tokio::test]
async fn who_completes_and_gives_up_at_once_gets_either_a_video_or_nothing() {
    let site = Site::start().await;
    let ask = |method, path: String, body| {
        let (client, base) = (site.client.clone(), site.base.clone());
        async move { ask(&client, &base, method, &path, body).await.unwrap() }
    };
    for _ in 0..20 {
        let wanted = json!({ "len_bytes": FILE.len() });
        let begun = ask(Method::POST, String::new(), Some(wanted)).await;
        let id = send(&site.client, begun).await;
        let complete = ask(Method::POST, format!("/{id}/complete"), None);
        let abort = ask(Method::DELETE, format!("/{id}"), None);
        let (completed, aborted) = join(complete, abort).await;
        let keys = raw_keys(&site.s3).await;
        let own = keys.iter().filter(|key| key.contains(&id.to_string()));
        match (completed.status().as_u16(), aborted.status().as_u16()) {
            (200, 409) => assert_queued(&site.s3, id).await,
            (404 | 410, 204) => assert_eq!(own.count(), 0, "{keys:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open_uploads(&site.s3).await, 0);
}

#[tokio::test]
async fn an_upload_of_which_no_url_is_asked_for_expires() {
    let site = Site::start_with(|_, settings| {
        settings.upload_expiry = Duration::from_secs(1);
    })
    .await;
    let ask = |method, path: String, body| {
        let (client, base) = (site.client.clone(), site.base.clone());
        async move { ask(&client, &base, method, &path, body).await.unwrap() }
    };
    let wanted = json!({ "len_bytes": FILE.len() });
    let begun = ask(Method::POST, String::new(), Some(wanted)).await;
    let id = send(&site.client, begun).await;
    let mut progress = ask(Method::GET, format!("/{id}"), None).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while progress.status() == StatusCode::OK {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(200)).await;
        progress = ask(Method::GET, format!("/{id}"), None).await;
    }
    assert_error(progress, StatusCode::GONE, "gone").await;
    let numbers = Some(json!({ "numbers": [1] }));
    for (path, body) in [("parts", numbers), ("complete", None)] {
        let answer = ask(Method::POST, format!("/{id}/{path}"), body).await;
        assert_error(answer, StatusCode::GONE, "gone").await;
    }
}

#[tokio::test]
async fn who_asks_for_urls_has_as_long_again() {
    let site = Site::start().await;
    let ask = |path: String, body| {
        let (client, base) = (site.client.clone(), site.base.clone());
        async move {
            let answer = ask(&client, &base, Method::POST, &path, Some(body)).await;
            crate::site::json(answer.unwrap()).await
        }
    };
    let begun = ask(String::new(), json!({ "len_bytes": FILE.len() })).await;
    let path = format!("/{}/parts", begun["id"].as_str().unwrap());
    let first = time(&begun["expires_at"]);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let fresh = ask(path.clone(), json!({ "numbers": [1] })).await;
        // By S3's clock, whose dates have whole seconds.
        if time(&fresh["expires_at"]) >= first + Duration::from_secs(2) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn time(rfc3339: &Value) -> std::time::SystemTime {
    let format = &time::format_description::well_known::Rfc3339;
    let time = time::OffsetDateTime::parse(rfc3339.as_str().unwrap(), format);
    time.unwrap().into()
}
