//! From upload to playback, whatever happens to the worker meanwhile.

use crate::page::{Site, clip};
use crate::process::{Folder, signal};

#[tokio::test]
async fn a_video_goes_from_upload_to_adaptive_playback() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[]);
    let id = site.upload("butterfly.mp4", "video/mp4", clip()).await;

    // The original plays at once.
    let original = site.link(&format!("/api/video/{id}")).await;
    let start = site.range(&original, 4, 7).await;
    assert_eq!(start.status(), 206);
    assert_eq!(start.headers()["content-type"], "video/mp4");
    assert_eq!(start.text().await.unwrap(), "ftyp");

    let status = site.wait_for(&id, &["done", "error"]).await;
    assert_eq!(status["status"], "done");
    assert_eq!(status["qualities"], serde_json::json!(["360p", "720p"]));

    assert_eq!(status["poster"]["width"], 1280, "{status}");
    for name in ["poster.jpg", "storyboard-0.jpg"] {
        let picture = site.get(&format!("/api/video/{id}/{name}")).await;
        assert_eq!(picture.headers()["content-type"], "image/jpeg");
        assert!(
            picture
                .bytes()
                .await
                .unwrap()
                .starts_with(&[0xff, 0xd8, 0xff])
        );
    }

    let hls = format!("/api/video/{id}/hls");
    let master = site.text(&format!("{hls}/master.m3u8")).await;
    for rung in ["360p", "720p"] {
        assert!(master.contains(&format!("\n{rung}.m3u8")));
        let playlist = site.text(&format!("{hls}/{rung}.m3u8")).await;
        let (media, len_bytes, offset_bytes) = last_segment(&playlist);
        let segment = site
            .range(media, offset_bytes, offset_bytes + len_bytes - 1)
            .await;
        assert_eq!(segment.status(), 206);
        assert_eq!(segment.headers()["content-type"], "video/mp4");
        let bytes = segment.bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, len_bytes);
        assert_eq!(&bytes[4..8], b"moof");
    }
    let rendition = site.link(&format!("/api/video/{id}/720p?download=1")).await;
    let download = site.get(&rendition).await;
    let disposition = download.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
}

/// Path, length and offset of the last segment of a media playlist.
fn last_segment(playlist: &str) -> (&str, u64, u64) {
    let mut lines = playlist.lines();
    let mut ranges = lines
        .clone()
        .filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"));
    let (len_bytes, offset_bytes) = ranges.next_back().unwrap().split_once('@').unwrap();
    let media = lines.rfind(|line| line.starts_with('/'));
    (
        media.unwrap(),
        len_bytes.parse().unwrap(),
        offset_bytes.parse().unwrap(),
    )
}

#[tokio::test]
async fn the_worker_is_told_of_uploads_and_need_not_look_for_them() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[("POLL_INTERVAL", "1h")]);
    // The first may come before the worker's only look; the second is sure to come after it.
    for _ in 0..2 {
        let id = site
            .upload("film.mp4", "video/mp4", b"\0no film".to_vec())
            .await;
        let status = site.wait_for(&id, &["done", "error"]).await;
        assert_eq!(status["error"], "The file is not a video that can be read.");
    }
}

#[tokio::test]
async fn a_worker_killed_in_mid_job_is_replaced_and_the_video_ends_done() {
    let folder = Folder::new();
    // Slow enough that the job cannot be over before the signal.
    let site = Site::start(&folder, &[("X264_PRESET", "medium")]);
    let first = site.process.worker();
    let id = site.upload("butterfly.mp4", "video/mp4", clip()).await;
    let status = site.wait_for(&id, &["processing", "done", "error"]).await;
    assert_eq!(status["status"], "processing");
    signal(first, "KILL");

    assert_eq!(
        site.get("/healthz").await.status(),
        200,
        "the site stays up"
    );
    let status = site.wait_for(&id, &["done", "error"]).await;
    assert_eq!(status["status"], "done");
    assert_ne!(site.process.worker(), first);
    assert!(
        folder.log().contains("takeovers=1"),
        "the job was taken up, not begun anew"
    );
}

#[tokio::test]
async fn a_page_uploaded_as_a_video_is_refused_and_never_served_as_a_page() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[]);
    // The zero byte: what is plainly a page is refused before it is stored.
    let page = b"\0<html><script>alert(document.domain)</script></html>".to_vec();
    let id = site.upload("film.html", "text/html", page).await;
    let status = site.wait_for(&id, &["done", "error"]).await;
    assert_eq!(status["error"], "The file is not a video that can be read.");

    let original = site.link(&format!("/api/video/{id}")).await;
    let answer = site.get(&original).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["content-security-policy"], "sandbox");

    let unsigned = original.split('?').next().unwrap();
    assert_eq!(site.get(unsigned).await.status(), 403);
}
