//! The list of all videos.

use std::time::Instant;

use futures::{StreamExt, stream};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use store::{VideoFilter, VideoId, VideoList};

use crate::site::{Site, TOKEN, assert_error, json};
use crate::worker;

fn list(site: &Site, query: &str) -> RequestBuilder {
    let list = site.get(&format!("/api/videos{query}"));
    list.bearer_auth(TOKEN)
}

/// The file names of a page, and its cursor.
async fn page(site: &Site, query: &str) -> (Vec<String>, Option<String>) {
    let response = list(site, query).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{query}");
    let page = json(response).await;
    let names = page["videos"].as_array().unwrap().iter();
    let names = names.map(|video| video["filename"].as_str().unwrap().to_owned());
    let cursor = page.get("next_cursor");
    (
        names.collect(),
        cursor.map(|next| next.as_str().unwrap().to_owned()),
    )
}

/// Ids of one millisecond are in no order: each video gets one of its own.
async fn queued(site: &Site, filename: &str) -> VideoId {
    let last = VideoId::new();
    let id =
        std::iter::repeat_with(VideoId::new).find(|id| id.created_at_ms() > last.created_at_ms());
    site.store.enqueue(id.unwrap(), filename).await.unwrap();
    id.unwrap()
}

#[tokio::test]
async fn pages_go_on_where_they_ended_whatever_comes_and_goes() {
    let site = Site::start().await;
    assert_eq!(page(&site, "").await, (vec![], None));
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        ids.push(queued(&site, name).await);
    }
    let (first, next) = page(&site, "?limit=2").await;
    assert_eq!(first, ["f", "e"]);
    queued(&site, "new").await;
    // The last of the page that was seen, and the first of the one to come.
    for gone in [ids[4], ids[3]] {
        site.store.delete_video(gone).await.unwrap();
    }
    let (second, next) = page(&site, &format!("?limit=2&cursor={}", next.unwrap())).await;
    assert_eq!(second, ["c", "b"]);
    let (last, next) = page(&site, &format!("?limit=2&cursor={}", next.unwrap())).await;
    assert_eq!((last, next), (vec!["a".to_owned()], None));
    assert_eq!(page(&site, "?limit=5").await.1, None, "exactly all");
    assert_eq!(page(&site, "?unknown=1&limit=1").await.0, ["new"]);
}

#[tokio::test]
async fn an_item_says_what_a_library_shows() {
    let site = Site::start().await;
    let id = worker::done(&site, "Urlaub.mov").await;
    let all = json(list(&site, "").send().await.unwrap()).await;
    let video = &all["videos"][0];
    assert_eq!(video["id"], id.to_string());
    assert_eq!(video["status"], "done");
    assert_eq!(video["progress"], 1.0);
    assert_eq!(video["duration_ms"], 4000);
    assert_eq!(video["qualities"], serde_json::json!(["360p", "720p"]));
    assert_eq!(video["bytes"], 2 * worker::MEDIA.len());
    assert_eq!(video["poster"]["width"], 1280);
    assert!(video["created_at"].is_string() && video.get("error").is_none());
}

#[tokio::test]
async fn videos_are_found_by_name_and_state() {
    let site = Site::start().await;
    worker::done(&site, "Straßenfest in Köln.mp4").await;
    for name in ["KO\u{308}LN am Morgen.mov", "Москва.avi", "other.mp4"] {
        queued(&site, name).await;
    }
    for (query, found) in [
        (
            "?q=k%C3%B6ln",
            &["KO\u{308}LN am Morgen.mov", "Straßenfest in Köln.mp4"][..],
        ),
        ("?q=STRASSE", &["Straßenfest in Köln.mp4"]),
        ("?q=%D0%BC%D0%BE%D1%81%D0%BA", &["Москва.avi"]),
        (
            "?q=k%C3%B6ln&status=pending",
            &["KO\u{308}LN am Morgen.mov"],
        ),
        ("?status=done", &["Straßenfest in Köln.mp4"]),
        ("?status=error", &[]),
        ("?q=nothing", &[]),
    ] {
        assert_eq!(
            page(&site, query).await,
            (found.iter().map(|&name| name.to_owned()).collect(), None),
            "{query}"
        );
    }
    let (first, next) = page(&site, "?q=k%C3%B6ln&limit=1").await;
    assert_eq!(first, ["KO\u{308}LN am Morgen.mov"]);
    let rest = format!("?q=k%C3%B6ln&limit=1&cursor={}", next.unwrap());
    assert_eq!(page(&site, &rest).await.0, ["Straßenfest in Köln.mp4"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let site = Site::start().await;
    let nobody = site.get("/api/videos").send().await.unwrap();
    assert_error(nobody, StatusCode::UNAUTHORIZED, "unauthorized").await;
    for query in [
        "?cursor=x",
        "?cursor=",
        "?status=finished",
        "?limit=many",
        "?limit=-1",
    ] {
        let answer = list(&site, query).send().await.unwrap();
        assert_error(answer, StatusCode::BAD_REQUEST, "bad_query").await;
    }
    for query in ["?limit=0", "?limit=101"] {
        let answer = list(&site, query).send().await.unwrap();
        assert_error(answer, StatusCode::UNPROCESSABLE_ENTITY, "out_of_range").await;
    }
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let site = Site::start().await;
    let id = queued(&site, "a.mp4").await;
    let first = list(&site, "").send().await.unwrap();
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let again = || list(&site, "").header("if-none-match", &etag).send();
    let same = again().await.unwrap();
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(same.headers()["etag"], etag);
    site.store.delete_video(id).await.unwrap();
    let other = again().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    assert_ne!(other.headers()["etag"], etag);
}

#[tokio::test]
async fn changes_and_deletions_by_others_show_at_once() {
    let site = Site::start().await;
    // Another process, as far as this one knows.
    let elsewhere = VideoList::new(site.store.clone());
    let all = VideoFilter::default();
    let kept = worker::done(&site, "done.mp4").await;
    let changing = queued(&site, "changing.mp4").await;
    let states = async || {
        let page = elsewhere.page(None, 10, &all).await.unwrap();
        let states = page.videos.into_iter();
        states
            .map(|video| (video.id, video.status))
            .collect::<Vec<_>>()
    };
    use store::State::{Done, Pending, Processing};
    assert_eq!(states().await, [(changing, Pending), (kept, Done)]);
    let _work = worker::begin(&site).await;
    assert_eq!(states().await, [(changing, Processing), (kept, Done)]);
    // A process that dies right after it wrote the tombstone has deleted the video all the same.
    let tombstone = site.buckets().put_object().bucket("raw");
    tombstone
        .key(format!("deleted/{kept}"))
        .send()
        .await
        .unwrap();
    assert_eq!(states().await, [(changing, Processing)]);
    site.store.delete_video(changing).await.unwrap();
    assert_eq!(states().await, []);
}

/// Videos that are done, and their places in the listing, as they lie in the buckets.
async fn many(site: &Site, count: usize) {
    let pattern = worker::done(site, "pattern.mp4").await;
    let pattern = site.store.status(pattern).await.unwrap().unwrap().value;
    let buckets = site.buckets();
    let written = stream::iter(0..count - 1).map(|number| {
        let id = VideoId::new();
        let mut status = pattern.clone();
        status.id = id;
        status.filename = format!("Film {number}.mp4");
        let status = serde_json::to_vec(&status).unwrap();
        let index = format!(
            "index/{:012x}-{id}",
            0xffff_ffff_ffff_u64 - id.created_at_ms()
        );
        let index = buckets.put_object().bucket("raw").key(index).send();
        let key = format!("videos/{id}/status.json");
        let status = buckets
            .put_object()
            .bucket("video")
            .key(key)
            .body(status.into());
        async move {
            index.await.unwrap();
            status.send().await.unwrap();
        }
    });
    written.buffer_unordered(16).collect::<Vec<_>>().await;
}

/// What a list of `count` videos asks of S3: a page and a search, by who knows nothing and again.
async fn costs(count: usize) -> [u64; 4] {
    let site = Site::start().await;
    many(&site, count).await;
    let mut costs = Vec::new();
    for query in ["", "?q=film%20117"] {
        // The search begins with what the page has taught.
        for state in ["cold", "warm"] {
            let (before, started_at) = (site.store.requests(), Instant::now());
            let answer: Value = json(list(&site, query).send().await.unwrap()).await;
            assert!(!answer["videos"].as_array().unwrap().is_empty());
            let requests = site.store.requests() - before;
            let ms = started_at.elapsed().as_millis();
            println!(
                "{count} videos, /api/videos{query}, {state}: {requests} requests to S3, {ms} ms"
            );
            costs.push(requests);
        }
    }
    costs.try_into().unwrap()
}

#[tokio::test]
async fn what_is_done_is_read_once() {
    // Both listings, and each status that is looked at for the first time.
    let [page_cold, page_warm, search_cold, search_warm] = costs(120).await;
    assert_eq!((page_cold, page_warm), (2 + 25, 2));
    assert_eq!(search_cold, 2 + 95);
    assert_eq!(search_warm, 2);
}

#[tokio::test]
#[ignore = "half a minute, for its figures"]
async fn figures_of_two_thousand_videos() {
    let [page_cold, page_warm, _, search_warm] = costs(2000).await;
    assert_eq!((page_cold, page_warm), (2 + 25, 2));
    assert!(search_warm <= 4, "{search_warm}");
}
