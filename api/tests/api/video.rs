use std::time::Instant;

use reqwest::StatusCode;
use serde_json::json;
use store::VideoId;

use crate::site::{Site, assert_error, json};
use crate::worker::{MEDIA, done};

#[tokio::test]
async fn no_route_knows_a_video_that_is_not_there() {
    let site = Site::start().await;
    let unknown = VideoId::new().to_string();
    let bad = [
        unknown.as_str(),
        "x",
        "..%2f..",
        "%ff",
        "6fa459ea-ee8a-4ca4-894e-db77e160355e",
        &unknown.to_uppercase(),
    ];
    for id in bad {
        for rest in ["", "/status", "/720p", "/hls/master.m3u8", "/hls/720p.m3u8"] {
            let response = site
                .get(&format!("/api/video/{id}{rest}"))
                .send()
                .await
                .unwrap();
            assert_error(response, StatusCode::NOT_FOUND, "not_found").await;
        }
    }
}

#[tokio::test]
async fn a_status_is_fetched_once_per_version() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let path = format!("/api/video/{id}/status");
    let first = site.get(&path).send().await.unwrap();
    assert_eq!(first.headers()["cache-control"], "no-cache");
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let status = json(first).await;
    assert_eq!(
        (&status["status"], &status["qualities"]),
        (&json!("pending"), &json!([]))
    );

    for held in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
        let again = site
            .get(&path)
            .header("if-none-match", &held)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{held}");
        assert_eq!(again.headers()["etag"], etag);
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let other = site
        .get(&path)
        .header("if-none-match", "\"other\"")
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn until_done_there_is_the_original_and_nothing_else() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let url = site.url(&format!("/api/video/{id}")).await;
    assert_eq!(
        site.client
            .get(url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
        "\0an original"
    );
    let rung = site
        .get(&format!("/api/video/{id}/720p"))
        .send()
        .await
        .unwrap();
    assert_error(rung, StatusCode::NOT_FOUND, "not_found").await;
    for playlist in ["master", "720p"] {
        let response = site
            .get(&format!("/api/video/{id}/hls/{playlist}.m3u8"))
            .send()
            .await
            .unwrap();
        assert_error(response, StatusCode::NOT_FOUND, "not_ready").await;
    }
}

#[tokio::test]
async fn a_done_video_links_its_renditions() {
    let site = Site::start().await;
    let id = done(&site, "a.mov").await;
    let top = site.url(&format!("/api/video/{id}")).await;
    assert!(top.contains("/720p.mp4?"), "{top}");
    let rung = site
        .get(&format!("/api/video/{id}/360p"))
        .send()
        .await
        .unwrap();
    assert_eq!(rung.headers()["cache-control"], "no-store");
    let url = json(rung).await["url"].as_str().unwrap().to_owned();
    let media = site.client.get(url).send().await.unwrap();
    assert_eq!(media.headers()["content-type"], "video/mp4");
    assert!(!media.headers().contains_key("content-disposition"));
    assert_eq!(media.bytes().await.unwrap(), MEDIA);
    for none in ["1080p", "99999p", "poster.png"] {
        let response = site
            .get(&format!("/api/video/{id}/{none}"))
            .send()
            .await
            .unwrap();
        assert_error(response, StatusCode::NOT_FOUND, "not_found").await;
    }
}

#[tokio::test]
async fn a_download_has_the_uploaded_name() {
    let site = Site::start().await;
    let id = done(&site, "Käse \"映画\" 100%.mov").await;
    let url = site.url(&format!("/api/video/{id}/720p?download=1")).await;
    let media = site.client.get(url).send().await.unwrap();
    let disposition = media.headers()["content-disposition"].to_str().unwrap();
    let expected = "filename*=UTF-8''K%C3%A4se%20%22%E6%98%A0%E7%94%BB%22%20100%25.mp4";
    assert!(
        disposition.starts_with("attachment;") && disposition.ends_with(expected),
        "{disposition}"
    );
}

#[tokio::test]
async fn playlists_lead_to_the_media_without_a_redirect() {
    let site = Site::start().await;
    let id = done(&site, "a.mp4").await;
    let hls = format!("/api/video/{id}/hls");
    let master = site
        .get(&format!("{hls}/master.m3u8"))
        .send()
        .await
        .unwrap();
    assert_eq!(master.status(), StatusCode::OK);
    assert_eq!(
        master.headers()["content-type"],
        "application/vnd.apple.mpegurl"
    );
    let master = master.text().await.unwrap();
    let uris: Vec<&str> = master
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(uris, ["360p.m3u8", "720p.m3u8"]);
    assert!(master.contains("URI=\"720p-iframes.m3u8\""), "{master}");

    for name in ["360p.m3u8", "720p.m3u8", "720p-iframes.m3u8"] {
        let response = site.get(&format!("{hls}/{name}")).send().await.unwrap();
        assert_eq!(
            response.headers()["content-type"],
            "application/vnd.apple.mpegurl"
        );
        assert_eq!(response.headers()["cache-control"], "no-store", "{name}");
        let text = response.text().await.unwrap();
        let url = text.lines().find(|line| line.starts_with("http")).unwrap();
        let range = site
            .client
            .get(url)
            .header("range", "bytes=16-47")
            .send()
            .await
            .unwrap();
        assert_eq!(range.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(range.bytes().await.unwrap(), MEDIA[16..48]);
    }
    for none in ["1080p.m3u8", "720p", "x.m3u8", "1080p-iframes.m3u8"] {
        let response = site.get(&format!("{hls}/{none}")).send().await.unwrap();
        assert_error(response, StatusCode::NOT_FOUND, "not_found").await;
    }
}

#[tokio::test]
async fn playlists_are_compressed_where_that_is_accepted() {
    let site = Site::start().await;
    let id = done(&site, "a.mp4").await;
    let get = || site.get(&format!("/api/video/{id}/hls/720p.m3u8"));
    assert!(
        !get()
            .send()
            .await
            .unwrap()
            .headers()
            .contains_key("content-encoding")
    );
    let zipped = get()
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    assert!(zipped.bytes().await.unwrap().starts_with(&[0x1f, 0x8b]));
}

#[tokio::test]
async fn media_of_this_origin_is_linked_under_the_name_the_client_used() {
    let relative = |settings: &mut store::Settings| settings.origin_relative_urls = true;
    let site = Site::start_with(|_, settings| relative(settings)).await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let ask = |host: &'static str| {
        site.get(&format!("/api/video/{id}"))
            .header("host", host)
            .send()
    };
    let answer = json(ask("phone.local:3000").await.unwrap()).await;
    let url = answer["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://phone.local:3000/raw/uploads/"),
        "{url}"
    );
    assert_error(
        ask("user@host").await.unwrap(),
        StatusCode::BAD_REQUEST,
        "bad_host",
    )
    .await;

    let site = Site::start_with(|http, settings| {
        relative(settings);
        http.public_url = Some("https://video.example.org".parse().unwrap());
    })
    .await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let url = site.url(&format!("/api/video/{id}")).await;
    assert!(
        url.starts_with("https://video.example.org/raw/uploads/"),
        "{url}"
    );
}

#[tokio::test]
async fn viewers_of_a_video_that_is_done_cost_a_look_a_second_and_each_playlist_once() {
    let site = Site::start().await;
    let id = done(&site, "a.mp4").await;
    let (before, started_at) = (site.store.requests(), Instant::now());
    for _ in 0..20 {
        for name in ["master", "720p", "360p", "720p-iframes"] {
            let path = format!("/api/video/{id}/hls/{name}.m3u8");
            let answer = site.get(&path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
        }
        let path = format!("/api/video/{id}/status");
        assert_eq!(site.get(&path).send().await.unwrap().status(), 200);
    }
    let looks_at_most = started_at.elapsed().as_secs() + 2;
    let requests = site.store.requests() - before;
    assert!(requests <= 4 + looks_at_most, "{requests}");
}
