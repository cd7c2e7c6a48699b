//! The original's own pictures as the top rung, and a file that proves to be unfit in the middle.

use std::process::Command;
use std::time::Duration;

use store::State;
use tokio::time::timeout;

use crate::buckets::Buckets;
use crate::worker_process::{Worker, upload, wait_for, wait_until};

const LADDER: (&str, &str) = ("LADDER", "180:23:200k,360:23:20M");

/// Closed groups of two seconds, a megabyte a second; `spoil` may change its bytes, knowing where the last
/// IDR frame is.
pub(crate) fn compatible_clip(seconds: u32, spoil: impl FnOnce(&mut [u8], usize)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let arguments = format!(
        "-v error -f lavfi -i testsrc2=s=640x360:r=25:d={seconds},noise=alls=60:allf=t \
         -f lavfi -i sine=r=48000:d={seconds} -c:a aac -c:v libx264 -preset veryfast -b:v 8M \
         -maxrate 8M -bufsize 4M -g 50 -keyint_min 50 -sc_threshold 0 -pix_fmt yuv420p \
         -color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709"
    );
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(arguments.split_whitespace()).arg(&path);
    assert!(ffmpeg.status().unwrap().success());
    let entries = "-v error -select_streams v -show_entries packet=pos,flags -of csv=p=0";
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(entries.split_whitespace()).arg(&path);
    let packets = String::from_utf8(ffprobe.output().unwrap().stdout).unwrap();
    let last = packets.lines().rfind(|line| line.contains('K')).unwrap();
    let (position, _) = last.split_once(',').unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    spoil(&mut bytes, position.parse().unwrap());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compatible_original_is_copied_unless_it_must_not() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    for (copy, expected) in [("auto", [false, true]), ("never", [false, false])] {
        let _worker = Worker::start(&buckets.settings(), &[LADDER, ("COPY", copy)]);
        let id = upload(&store, compatible_clip(4, |_, _| {})).await;
        let status = wait_for(&store, id, State::Done, || {}).await;
        let copied: Vec<bool> = status.renditions.iter().map(|r| r.copied).collect();
        assert_eq!(copied, expected, "COPY={copy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_unfit_in_the_middle_costs_no_attempt_and_leaves_nothing() {
    let buckets = Buckets::start().await;
    let (store, proxy) = (buckets.store().await, buckets.proxy().await);
    // The slice, behind its length in four bytes, says that it is no IDR frame's.
    let clip = compatible_clip(14, |bytes, last_idr| {
        assert_eq!(bytes[last_idr + 4], 0x65);
        bytes[last_idr + 4] = 0x41;
    });
    let id = upload(&store, clip).await;
    let marker = format!("queue/{id}");
    let settings = buckets.settings_behind(&proxy);
    proxy.hold("POST /video/videos/");
    let _worker = Worker::start(&settings, &[LADDER]);
    // Only the top rung is so long that it opens a multipart upload: first the copy, which has no answer yet
    // when all starts anew, then what is encoded instead.
    let soon = Duration::from_secs(120);
    let copy = timeout(soon, proxy.holding()).await;
    copy.expect("the copy opens an upload");
    let first = store.status(id).await.unwrap().unwrap().value;
    let encoded = timeout(soon, proxy.holding()).await;
    encoded.expect("what is encoded instead opens an upload");
    proxy.release_and_hold(Some("DELETE /video/videos/"));
    let given_up = timeout(soon, proxy.holding()).await;
    given_up.expect("the copy's upload, open by now, is given up");
    proxy.release();
    let status = wait_for(&store, id, State::Done, || {}).await;
    assert_eq!(status.take, first.take, "the same claim went on");
    assert!(status.renditions.iter().all(|rendition| !rendition.copied));
    for rendition in &status.renditions {
        let url = store.rendition_url(&status, &rendition.name, None);
        let url = url.await.unwrap();
        let body = reqwest::get(url.expose()).await.unwrap().bytes().await;
        assert_eq!(body.unwrap().len() as u64, rendition.bytes);
        assert_eq!(crate::decoded_frames(url.expose()), 14 * 25);
    }
    assert!(store.dead_jobs().await.unwrap().is_empty());
    wait_until(async || !buckets.keys("raw", "queue/").await.contains(&marker)).await;
    wait_until(async || buckets.unfinished_uploads("video").await == 0).await;
    let take = status.take.unwrap().to_string();
    let keys = buckets.keys("video", &format!("videos/{id}/")).await;
    let is_named = |key: &String| key.contains(&take) || key.ends_with("status.json");
    assert!(keys.iter().all(is_named), "{keys:?}");
}
