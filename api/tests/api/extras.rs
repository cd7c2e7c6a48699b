//! What stands beside renditions.

use std::time::Instant;

use reqwest::StatusCode;
use store::VideoId;

use crate::site::{Site, TOKEN, assert_error};
use crate::worker::{EXTRAS, begin, done, extra_bytes, finish};

const NONE: [&str; 8] = [
    "storyboard-2.jpg",
    "storyboard-00.jpg",
    "storyboard-4294967296.jpg",
    "storyboard.jpg",
    "status.json",
    "subtitles-1.vtt",
    "subtitles-00.vtt",
    "subtitles-0.srt",
];

/// Where an extra is served.
fn path(id: VideoId, name: &str) -> String {
    match name.strip_prefix("subtitles-") {
        Some(track) => format!("/api/video/{id}/subtitles/{track}"),
        None => format!("/api/video/{id}/{name}"),
    }
}

#[tokio::test]
async fn each_is_served_itself_and_once_per_version() {
    let site = Site::start().await;
    let id = done(&site, "a.mp4").await;
    for name in EXTRAS {
        let get = || site.get(&path(id, name));
        let answer = get().send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let headers = answer.headers().clone();
        let expected = match name {
            "storyboard.vtt" | "subtitles-0.vtt" => "text/vtt",
            _ => "image/jpeg",
        };
        assert_eq!(headers["content-type"], expected);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "public, max-age=600");
        assert_eq!(answer.text().await.unwrap(), extra_bytes(name));

        let again = get().header("if-none-match", &headers["etag"]);
        let again = again.send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{name}");
        assert_eq!(again.headers()["etag"], headers["etag"]);
        assert_eq!(again.headers()["cache-control"], "public, max-age=600");
        assert!(again.bytes().await.unwrap().is_empty());
        let other = get().header("if-none-match", "\"other\"");
        assert_eq!(other.send().await.unwrap().status(), StatusCode::OK);
    }
    for name in NONE {
        let answer = site.get(&path(id, name));
        let answer = answer.send().await.unwrap();
        assert_error(answer, StatusCode::NOT_FOUND, "not_found").await;
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_have_them_and_a_head_says_the_same() {
    let other = "http://localhost:5173";
    let site = Site::start_with(|http, _| http.cors_origins = other.parse().unwrap()).await;
    let id = done(&site, "a.mp4").await;
    for name in EXTRAS {
        let path = path(id, name);
        let answer = site.get(&path).header("origin", other);
        let answer = answer.send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], other, "{name}");
        // What was kept for one origin is not shown to another.
        let vary = headers["vary"].to_str().unwrap();
        assert!(vary.contains("origin"), "{name}: {vary}");

        let head = site.client.head(format!("{}{path}", site.base));
        let head = head.send().await.unwrap();
        for field in ["content-type", "content-length", "cache-control", "etag"] {
            assert_eq!(head.headers()[field], headers[field], "{name}: {field}");
        }
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn there_are_none_before_it_is_done_nor_after_it_is_deleted() {
    let site = Site::start().await;
    let (unknown, id) = (
        VideoId::new(),
        site.uploaded("a.mp4", b"\0an original").await,
    );
    let refused = async |id: VideoId, code: &str| {
        for name in EXTRAS {
            let answer = site.get(&path(id, name));
            let answer = answer.send().await.unwrap();
            assert_error(answer, StatusCode::NOT_FOUND, code).await;
        }
    };
    refused(unknown, "not_found").await;
    refused(id, "not_ready").await;
    let (claim, status) = begin(&site).await;
    refused(id, "not_ready").await;
    finish(&site, claim, status).await;
    let poster = site.get(&format!("/api/video/{id}/poster.jpg"));
    assert_eq!(poster.send().await.unwrap().status(), StatusCode::OK);
    let gone = site.client.delete(format!("{}/api/video/{id}", site.base));
    let gone = gone.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    refused(id, "not_found").await;
}

#[tokio::test]
async fn however_many_look_each_is_read_once() {
    let site = Site::start().await;
    let id = done(&site, "a.mp4").await;
    let (before, started_at) = (site.store.requests(), Instant::now());
    for _ in 0..20 {
        for name in EXTRAS {
            let answer = site.get(&path(id, name));
            assert_eq!(answer.send().await.unwrap().status(), StatusCode::OK);
        }
    }
    let looks_at_most = started_at.elapsed().as_secs() + 2;
    let requests = site.store.requests() - before;
    assert!(
        requests <= EXTRAS.len() as u64 + looks_at_most,
        "{requests}"
    );
}

#[tokio::test]
async fn subtitles_are_in_the_package_and_in_the_status() {
    let site = Site::start().await;
    let id = done(&site, "a.mp4").await;
    let get = async |path: String| site.get(&path).send().await.unwrap();
    let status: serde_json::Value = get(format!("/api/video/{id}/status"))
        .await
        .json()
        .await
        .unwrap();
    let track = serde_json::json!(
        {"index": 0, "language": "en", "name": "English", "default": true, "forced": false}
    );
    assert_eq!(status["subtitles"], serde_json::json!([track]));

    let hls = format!("/api/video/{id}/hls");
    let master = get(format!("{hls}/master.m3u8"))
        .await
        .bytes()
        .await
        .unwrap();
    let master = m3u8_rs::parse_master_playlist_res(&master).unwrap();
    let [media] = &master.alternatives[..] else {
        panic!("{master:?}");
    };
    assert_eq!((media.name.as_str(), media.default), ("English", true));
    for variant in master.variants.iter().filter(|variant| !variant.is_i_frame) {
        assert_eq!(variant.subtitles.as_ref(), Some(&media.group_id));
    }
    let playlist = get(format!("{hls}/{}", media.uri.as_ref().unwrap())).await;
    assert_eq!(
        playlist.headers()["content-type"],
        "application/vnd.apple.mpegurl"
    );
    let playlist = playlist.bytes().await.unwrap();
    let playlist = m3u8_rs::parse_media_playlist_res(&playlist).unwrap();
    // Where the segment is, as a player resolves it.
    assert_eq!(playlist.segments[0].uri, "../subtitles/0.vtt");
    let text = get(format!("/api/video/{id}/subtitles/0.vtt")).await;
    assert_eq!(text.text().await.unwrap(), extra_bytes("subtitles-0.vtt"));

    for none in [
        "subtitles-1.m3u8",
        "subtitles-00.m3u8",
        "subtitles-.m3u8",
        "subtitles-0.vtt",
    ] {
        let answer = get(format!("{hls}/{none}")).await;
        assert_error(answer, StatusCode::NOT_FOUND, "not_found").await;
    }
}
