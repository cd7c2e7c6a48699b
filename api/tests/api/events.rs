//! Event streams, as an `EventSource` reads them.

use std::time::{Duration, Instant};

use api::App;
use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use futures::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use store::VideoId;
use tokio::time::timeout;
use tower::Service;

use crate::proxy::Proxy;
use crate::site::{Site, TOKEN, assert_error, http_args};
use crate::worker;

/// What takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

struct Event {
    name: String,
    id: String,
    data: Value,
}

struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(site: &Site, id: VideoId) -> Self {
        let response = site.get(&path(id)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event; none at the end of the stream. Comments and hints are passed over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name| {
                    let value = block.lines().find_map(|line| line.strip_prefix(name));
                    value.unwrap_or_default().trim().to_owned()
                };
                let event = Event {
                    name: field("event:"),
                    id: field("id:"),
                    data: serde_json::from_str(&field("data:")).unwrap_or_default(),
                };
                self.text = rest.to_owned();
                if !event.data.is_null() {
                    return Some(event);
                }
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            let chunk = chunk.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The events' `status` up to the end of the stream.
    async fn states(mut self) -> Vec<String> {
        let mut states = Vec::new();
        while let Some(event) = self.next().await {
            assert_eq!(event.name, "status");
            states.push(event.data["status"].as_str().unwrap().to_owned());
        }
        states
    }
}

fn path(id: VideoId) -> String {
    format!("/api/video/{id}/events")
}

#[tokio::test]
async fn a_stream_tells_what_is_and_each_change_until_the_end() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let mut events = Events::open(&site, id).await;
    let headers = events.response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-accel-buffering"], "no");

    let first = events.next().await.unwrap();
    let status = site.get(&format!("/api/video/{id}/status")).send().await;
    let status = status.unwrap();
    assert_eq!(first.id, status.headers()["etag"].to_str().unwrap());
    assert_eq!(first.data, status.json::<Value>().await.unwrap());
    assert_eq!(first.data["status"], "pending");

    let (claim, status) = worker::begin(&site).await;
    let second = events.next().await.unwrap();
    assert_eq!(second.data["status"], "processing");
    worker::finish(&site, claim, status).await;
    assert_eq!(events.states().await, ["done"]);
    assert_eq!(Events::open(&site, id).await.states().await, ["done"]);
}

#[tokio::test]
async fn who_reconnects_is_told_only_what_is_new() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let pending = Events::open(&site, id).await.next().await.unwrap();
    let again = |known: &str| site.get(&path(id)).header("last-event-id", known).send();
    let response = again(&pending.id).await.unwrap();
    let mut events = Events {
        response,
        text: String::new(),
    };
    let (claim, status) = worker::begin(&site).await;
    let next = events.next().await.unwrap();
    assert_eq!(next.data["status"], "processing");
    worker::finish(&site, claim, status).await;
    let done = events.next().await.unwrap();
    assert!(events.next().await.is_none());

    let over = again(&done.id).await.unwrap();
    assert_eq!(over.status(), StatusCode::NO_CONTENT);
    let late = again(&pending.id).await.unwrap();
    assert_eq!(late.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stream_is_not_compressed() {
    let site = Site::start().await;
    let id = worker::done(&site, "a.mp4").await;
    let zipped = site.get(&path(id)).header("accept-encoding", "gzip");
    let response = zipped.send().await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
    assert!(response.text().await.unwrap().starts_with("retry: 2000\n"));
}

#[tokio::test]
async fn a_deleted_video_is_told_as_gone() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let mut events = Events::open(&site, id).await;
    events.next().await.unwrap();
    let delete = site.client.delete(format!("{}/api/video/{id}", site.base));
    delete.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(events.next().await.unwrap().name, "gone");
    assert!(events.next().await.is_none());
    let after = site.get(&path(id)).send().await.unwrap();
    assert_error(after, StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test]
async fn two_hundred_listeners_cost_one_look_a_second_and_none_when_they_have_left() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let mut first = Events::open(&site, id).await;
    first.next().await.unwrap();
    let before = site.store.requests();
    let started_at = Instant::now();
    let others = join_all((0..199).map(|_| Events::open(&site, id))).await;
    while site.store.requests() < before + 3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let looks = site.store.requests() - before;
    let passed_s = started_at.elapsed().as_secs();
    assert!(looks <= passed_s + 2, "{looks} looks in {passed_s} s");

    let (claim, status) = worker::begin(&site).await;
    worker::finish(&site, claim, status).await;
    let told = join_all(others.into_iter().chain([first]).map(Events::states)).await;
    for states in &told {
        assert_eq!(states.last().map(String::as_str), Some("done"));
    }

    let other = site.uploaded("b.mp4", b"\0an original").await;
    drop(Events::open(&site, other).await);
    let started_at = Instant::now();
    loop {
        let before = site.store.requests();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        if site.store.requests() == before {
            break;
        }
        assert!(started_at.elapsed() < PATIENCE, "it is polled for nobody");
    }
}

#[tokio::test]
async fn a_stream_outlives_its_storage() {
    let mut proxy = None;
    let site = Site::start_with(|_, settings| {
        let before = Proxy::start(settings.endpoint.as_ref().unwrap());
        settings.endpoint = Some(before.endpoint());
        proxy = Some(before);
    })
    .await;
    let proxy = proxy.unwrap();
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let mut events = Events::open(&site, id).await;
    events.next().await.unwrap();
    proxy.cut();
    let away = site.get(&format!("/api/video/{id}/status")).send().await;
    let away = away.unwrap();
    assert_error(away, StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable").await;
    proxy.mend();
    let (claim, status) = worker::begin(&site).await;
    let told = events.next().await.unwrap();
    assert_eq!(told.data["status"], "processing");
    worker::finish(&site, claim, status).await;
    assert_eq!(events.states().await, ["done"]);
}

#[tokio::test]
async fn more_streams_than_allowed_are_asked_to_come_again() {
    let site = Site::start_with(|http, _| http.max_event_streams = 1).await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let one = Events::open(&site, id).await;
    let refused = site.get(&path(id)).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_error(refused, StatusCode::SERVICE_UNAVAILABLE, "busy").await;
    drop(one);
    let place_is_free = async {
        while site.get(&path(id)).send().await.unwrap().status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, place_is_free).await.unwrap();
}

#[tokio::test]
async fn one_address_cannot_take_all_streams() {
    let site = Site::start_with(|http, _| {
        http.max_event_streams = 3;
        http.max_event_streams_per_address = 2;
        http.rates.trusted_proxies = "127.0.0.0/8".parse().unwrap();
    });
    let site = site.await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let open = async |client: &str| {
        let get = site.get(&path(id)).header("x-forwarded-for", client);
        get.send().await.unwrap()
    };
    let mut held = Vec::new();
    for (client, has_place) in [
        ("198.51.100.1", true),
        ("198.51.100.1", true),
        ("198.51.100.1", false),
        ("198.51.100.2", true),
        ("198.51.100.3", false),
    ] {
        let answer = open(client).await;
        if has_place {
            assert_eq!(answer.status(), StatusCode::OK, "{client}");
            held.push(answer);
        } else {
            assert_error(answer, StatusCode::SERVICE_UNAVAILABLE, "busy").await;
        }
    }
    held.remove(0);
    let place_is_free = async { while open("198.51.100.1").await.status() != StatusCode::OK {} };
    timeout(PATIENCE, place_is_free).await.unwrap();
}

#[tokio::test]
async fn who_knows_more_than_the_server_is_not_told_what_was_before() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let mut others = Events::open(&site, id).await;
    others.next().await.unwrap();
    // As another server has told the client, while this one has not looked again yet.
    let known = async || {
        let status = site.store.status(id).await.unwrap().unwrap();
        let again = site.get(&path(id)).header("last-event-id", status.etag);
        again.send().await.unwrap()
    };
    let (claim, status) = worker::begin(&site).await;
    let response = known().await;
    let mut events = Events {
        response,
        text: String::new(),
    };
    worker::finish(&site, claim, status).await;
    let over = known().await;
    assert_eq!(over.status(), StatusCode::NO_CONTENT);
    assert_eq!(events.next().await.unwrap().data["status"], "done");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn another_server_than_ours_sends_streams_too() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let token = TOKEN.parse().unwrap();
    let http = http_args();
    let app = App::new(site.store.clone(), token, None, &http);
    let mut router = api::router(app.await.unwrap());
    let request = Request::get(path(id)).body(Body::empty()).unwrap();
    let answer = router.call(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut chunks = answer.into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("event: status") {
        let chunk = timeout(PATIENCE, chunks.next()).await.unwrap();
        text += std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap();
    }
}
