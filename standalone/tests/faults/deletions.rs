//! A video is deleted at each moment of its life, and the API dies in the middle of it.

use futures::stream;
use reqwest::multipart::Part;
use reqwest::{Body, StatusCode};
use store::VideoId;
use tokio::sync::mpsc;

use crate::process::{End, Process};
use crate::site::{Api, CLIP, PATIENCE, Site, wait_for_done, wait_until};

/// A file that goes on for as long as the sender lives.
fn endless() -> (mpsc::Sender<Vec<u8>>, Part) {
    let (bytes, received) = mpsc::channel::<Vec<u8>>(1);
    let body = stream::unfold(received, |mut received| async move {
        let bytes = received.recv().await?;
        Some((Ok::<_, std::io::Error>(bytes), received))
    });
    (bytes, Part::stream(Body::wrap_stream(body)))
}

async fn uploading(site: &Site) -> VideoId {
    let first = async || {
        let uploads = site.buckets.client().list_multipart_uploads().bucket("raw");
        let uploads = uploads.send().await.unwrap();
        uploads.uploads().first()?.key().map(str::to_owned)
    };
    wait_until(async || first().await.is_some()).await;
    let key = first().await.unwrap();
    let id = key.strip_prefix("uploads/").unwrap();
    id.strip_suffix(".orig").unwrap().parse().unwrap()
}

/// That a worker does what it has to, and ends in good order.
async fn finishes(mut worker: Process) {
    let end = worker.stop(PATIENCE).await;
    assert_eq!(end, End::Exited, "{}", worker.said());
}

async fn nothing_is_shown(api: &Api, id: VideoId, point: &str) {
    for path in ["", "/status", "/180p", "/hls/master.m3u8", "/hls/180p.m3u8"] {
        let answer = api.get(&format!("/api/video/{id}{path}")).send().await;
        let status = answer.unwrap().status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{point}: {id}{path}");
    }
}

/// Deletes videos that are being uploaded, queued, running, committed and done, each by an API that dies at
/// `point`; then everything goes on that had begun.
async fn deleted_for_good_after(point: &str) {
    let site = Site::start().await;
    let (settings, api) = (site.buckets.settings(), site.api(&[]).await);
    let settling = site.worker(&settings, &[("FAIL_POINTS", "committed=stop#2")]);
    let done = api.uploaded().await;
    wait_for_done(&site.store, done).await;
    let committed = api.uploaded().await;
    wait_until(async || settling.is_frozen()).await;
    let proxy = site.buckets.proxy().await;
    let running = api.uploaded().await;
    proxy.hold(&format!("GET /raw/uploads/{running}"));
    let transcoding = site.worker(
        &site.buckets.settings_behind(&proxy),
        &[("WORKER_JOBS", "1")],
    );
    proxy.holding().await;
    let queued = api.uploaded().await;
    let (bytes, file) = endless();
    let upload = tokio::spawn(api.upload(file).send());
    bytes.send(CLIP.clone()).await.unwrap();
    let uploading = uploading(&site).await;
    let videos = [uploading, queued, running, committed, done];

    let order = format!("{point}=abort");
    for id in videos {
        let mut dying = site.api(&[("FAIL_POINTS", &order)]).await;
        let answer = dying.delete(id).send().await;
        assert!(answer.is_err(), "{point}: {answer:?}");
        dying.aborted().await;
    }

    // Repairs, sweeps and claims whatever there is to claim.
    let housekeeping = [("REPAIR_INTERVAL", "1s"), ("SWEEP_INTERVAL", "1s")];
    let keeper = site.worker(&settings, &housekeeping);
    settling.signal("CONT").await;
    proxy.release();
    drop(bytes);
    let told = upload.await.unwrap().unwrap().status();
    assert_eq!(told, StatusCode::GONE, "{point}");
    finishes(settling).await;
    finishes(transcoding).await;
    let next = api.uploaded().await;
    wait_for_done(&site.store, next).await;
    assert!(!keeper.said().contains(": repaired"), "{point}");
    finishes(keeper).await;

    site.store.sweep().await.unwrap();
    for id in videos {
        nothing_is_shown(&api, id, point).await;
        let again = api.delete(id).send().await.unwrap().status();
        assert_eq!(again, StatusCode::NO_CONTENT);
    }
    assert_eq!(site.store.repair().await.unwrap(), 0);
    let kept = next.to_string();
    let mut left = site.buckets.keys("raw", "").await;
    left.extend(site.buckets.keys("video", "").await);
    left.retain(|key| !key.contains(&kept));
    let mut tombstones = videos.map(|id| format!("deleted/{id}"));
    tombstones.sort();
    assert_eq!(left, tombstones, "{point}");
    assert_eq!(site.buckets.unfinished_uploads("raw").await, 0);
    assert_eq!(site.buckets.unfinished_uploads("video").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_gone_for_good_though_the_api_died() {
    tokio::join!(
        deleted_for_good_after("tombstone-stored"),
        deleted_for_good_after("deleted-marker"),
        deleted_for_good_after("deleted-status"),
        deleted_for_good_after("deleted-media"),
        deleted_for_good_after("deleted-original"),
    );
}
