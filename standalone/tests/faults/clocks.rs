//! An API whose clock is wrong.

use reqwest::StatusCode;

use crate::site::{CLIP, Site, json, wait_for_done};
use crate::wrong_clock::WrongClock;

/// An API whose clock is off: it starts, takes an upload, and its links work.
async fn serves_with(clock: WrongClock) {
    let site = Site::start().await;
    let api = site.api(&clock.env()).await;
    let ready = api.get("/readyz").send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    let id = api.uploaded().await;
    let link = async |path: &str| {
        let answer = api.get(&format!("/api/video/{id}{path}")).send().await;
        let url = json(answer.unwrap()).await["url"].clone();
        let answer = reqwest::get(url.as_str().unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.bytes().await.unwrap()
    };
    assert!(link("").await == *CLIP, "the original differs");
    let _worker = site.worker(&site.buckets.settings(), &[]);
    wait_for_done(&site.store, id).await;
    assert_eq!(&link("/180p").await[4..8], b"ftyp");
    let playlist = api.get(&format!("/api/video/{id}/hls/180p.m3u8")).send();
    let playlist = playlist.await.unwrap().text().await.unwrap();
    let media = playlist.lines().find(|line| line.starts_with("http"));
    let segment = reqwest::get(media.unwrap()).await.unwrap();
    assert_eq!(segment.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_links_of_an_api_whose_clock_is_an_hour_off_work() {
    tokio::join!(
        serves_with(WrongClock::off_by_s(3600)),
        serves_with(WrongClock::off_by_s(-3600)),
    );
}

/// Links live by S3's clock, whichever server makes and whichever takes them.
#[tokio::test(flavor = "multi_thread")]
async fn the_upload_links_of_an_api_whose_clock_is_off_are_good_elsewhere_and_end_in_time() {
    let site = Site::start().await;
    let right = site.api(&[]).await;
    let ahead = site.api(&WrongClock::off_by_s(3600).env()).await;
    let behind = site.api(&WrongClock::off_by_s(-3600).env()).await;
    for (maker, taker) in [(&right, &ahead), (&behind, &right), (&ahead, &behind)] {
        let link = maker.link(600).await;
        let uploaded = taker.upload_by(&link).await;
        assert_eq!(uploaded.status(), StatusCode::CREATED);
        assert_eq!(json(uploaded).await["id"], link["id"]);
    }
    // Forty minutes apart, by all clocks alike.
    for (sooner, later) in [(&ahead, &right), (&right, &behind)] {
        let (sooner, later) = (sooner.link(600).await, later.link(3000).await);
        assert!(sooner["expires_at"].as_str() < later["expires_at"].as_str());
    }
}
