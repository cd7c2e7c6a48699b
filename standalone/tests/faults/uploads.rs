//! The API dies between the last byte of an upload and its place in the queue.

use reqwest::StatusCode;
use reqwest::multipart::Part;
use store::VideoId;

use crate::site::{CLIP, Site, json, wait_for_done, wait_until};

/// Uploads to an API that aborts at a point, so that the client gets no answer.
async fn upload_in_vain(site: &Site, point: &str) {
    let order = format!("{point}=abort");
    let mut api = site.api(&[("FAIL_POINTS", &order)]).await;
    let answer = api.upload(Part::bytes(CLIP.clone())).send().await;
    assert!(answer.is_err(), "{point}: {answer:?}");
    api.aborted().await;
}

fn id_of(original: &str) -> VideoId {
    let id = original.strip_prefix("uploads/").unwrap();
    id.strip_suffix(".orig").unwrap().parse().unwrap()
}

/// What is whole is found and transcoded, whoever died.
async fn is_repaired_after(point: &str) {
    let site = Site::start().await;
    upload_in_vain(&site, point).await;
    let originals = site.buckets.keys("raw", "uploads/").await;
    let id = id_of(&originals[0]);
    let _worker = site.worker(&site.buckets.settings(), &[]);
    wait_for_done(&site.store, id).await;

    let api = site.api(&[]).await;
    let status = api.get(&format!("/api/video/{id}/status")).send().await;
    let status = json(status.unwrap()).await;
    let found = (&status["status"], &status["filename"]);
    assert_eq!(found, (&"done".into(), &"clip.mp4".into()), "{point}");
    let url = json(api.get(&format!("/api/video/{id}")).send().await.unwrap()).await;
    let media = reqwest::get(url["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(media.status(), StatusCode::OK);
    wait_until(async || site.buckets.keys("raw", "queue/").await.is_empty()).await;
    assert_eq!(site.buckets.keys("raw", "index/").await.len(), 1, "{point}");
    assert_eq!(site.buckets.keys("raw", "uploads/").await, originals);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_original_is_queued_though_the_api_died() {
    tokio::join!(
        is_repaired_after("original-stored"),
        is_repaired_after("status-created"),
        is_repaired_after("indexed"),
        is_repaired_after("queued"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_in_parts_is_invisible_and_expires() {
    let site = Site::start().await;
    upload_in_vain(&site, "original-part-stored").await;
    let uploads = site.buckets.client().list_multipart_uploads().bucket("raw");
    let uploads = uploads.send().await.unwrap();
    let id = id_of(uploads.uploads()[0].key().unwrap());
    let api = site.api(&[]).await;
    for path in ["", "/status", "/180p", "/hls/master.m3u8", "/hls/180p.m3u8"] {
        let answer = api.get(&format!("/api/video/{id}{path}")).send().await;
        assert_eq!(answer.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(site.store.repair().await.unwrap(), 0);
    assert_eq!(site.store.sweep().await.unwrap().uploads, 0, "too young");

    let env = [("UPLOAD_EXPIRY", "1s"), ("SWEEP_INTERVAL", "1s")];
    let _worker = site.worker(&site.buckets.settings(), &env);
    wait_until(async || site.buckets.unfinished_uploads("raw").await == 0).await;
    assert!(site.buckets.keys("raw", "uploads/").await.is_empty());
    assert!(site.buckets.keys("raw", "queue/").await.is_empty());
    assert!(site.buckets.keys("video", "").await.is_empty());
}
