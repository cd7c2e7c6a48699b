//! The worker as a process against a real S3 server: what comes out, and what its death leaves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the store's tests use the rest")]
#[path = "../../../store/tests/against_s3/buckets.rs"]
mod buckets;
#[allow(dead_code, reason = "the store's tests use the rest")]
#[path = "../../../store/tests/against_s3/careless.rs"]
mod careless;
mod careless_store;
mod copying;
#[path = "../../../store/tests/against_s3/exposition.rs"]
mod exposition;
mod faulty_jobs;
mod faulty_receivers;
mod frozen;
mod leases;
mod lost_answers;
mod memory;
#[path = "../../../store/tests/contract/moto.rs"]
mod moto;
#[allow(dead_code, reason = "the store's tests use the rest")]
#[path = "../../../store/tests/against_s3/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "the storm uses the rest")]
mod receiver;
mod stuck;
mod watching;
mod webhooks;
mod worker_process;
mod wrong_clock;

use std::process::Command;

use buckets::Buckets;
use proxy::Proxy;
use store::{ExtraName, RungName, State, Status, Store};
use worker_process::{Worker, clip, upload, wait_for, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_becomes_renditions_without_touching_the_disk() {
    let buckets = Buckets::start().await;
    let proxy = buckets.proxy().await;
    let store = buckets.store().await;
    let worker = Worker::start(&buckets.settings_behind(&proxy), &[]);
    let original = clip("1280x720", 9, 12);
    let original_len = original.len() as u64;
    assert!(
        original_len > 8 << 20,
        "{original_len} bytes are too few to tell"
    );
    let id = upload(&store, original).await;

    let mut files = Vec::new();
    let status = wait_for(&store, id, State::Done, || files.extend(worker.files())).await;
    assert_eq!(files, Vec::<std::path::PathBuf>::new());
    assert!(
        proxy.original_bytes() * 100 <= original_len * 105,
        "{} bytes fetched of {original_len}",
        proxy.original_bytes()
    );

    let names: Vec<_> = status.qualities.iter().map(RungName::as_str).collect();
    assert_eq!(names, ["360p", "720p"]);
    let duration_ms = status.duration_ms.unwrap();
    assert!(duration_ms.abs_diff(9000) <= 42, "{duration_ms}");
    assert_eq!((status.progress, status.warnings.len()), (1.0, 0));
    let source = status.source.as_ref().unwrap();
    assert_eq!(
        (source.width, source.height, source.video_codec.as_str()),
        (1280, 720, "h264")
    );
    assert!(source.container.contains("mp4"));

    for rendition in &status.renditions {
        let url = store
            .rendition_url(&status, &rendition.name, None)
            .await
            .unwrap();
        let bytes = reqwest::get(url.expose())
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(bytes.len() as u64, rendition.bytes);
        assert_eq!(decoded_frames(url.expose()), 9 * 24);
        check_playlist(&store, &status, &rendition.name, &bytes).await;
    }
    check_extras(&store, &status).await;
    let master = store.master_playlist(&status).await.unwrap();
    assert!(
        master.contains("\n360p.m3u8\n") && master.contains("RESOLUTION=1280x720"),
        "{master}"
    );
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    assert_eq!(buckets.unfinished_uploads("video").await, 0);
}

/// The poster and the storyboard are there as the status says.
async fn check_extras(store: &Store, status: &Status) {
    let (poster, board) = (status.poster.unwrap(), status.storyboard.unwrap());
    assert_eq!((poster.width, poster.height), (1280, 720));
    assert_eq!((board.interval_ms, board.tiles), (1000, 9));
    for (name, size) in [
        (ExtraName::Poster, (poster.width, poster.height)),
        (
            ExtraName::StoryboardSheet(0),
            (
                board.columns * board.tile_width,
                board.rows * board.tile_height,
            ),
        ),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, store.extra(status, name).await.unwrap()).unwrap();
        let probed = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-of",
                "csv=p=0",
                "-show_entries",
                "stream=codec_name,width,height",
            ])
            .arg(file.path())
            .output()
            .unwrap();
        let expected = format!("mjpeg,{},{}", size.0, size.1);
        assert_eq!(String::from_utf8_lossy(&probed.stdout).trim(), expected);
    }
    let vtt = store.extra(status, ExtraName::Storyboard).await.unwrap();
    let vtt = String::from_utf8(vtt.into()).unwrap();
    assert_eq!(vtt.matches(" --> ").count(), 9, "{vtt}");
}

/// Every byte range of a media playlist begins at a box and ends at one, and they follow each other.
async fn check_playlist(store: &Store, status: &Status, rung: &RungName, file: &[u8]) {
    let playlist = store.media_playlist(status, rung).await.unwrap();
    let map = playlist
        .split("BYTERANGE=\"")
        .nth(1)
        .unwrap()
        .split('@')
        .next()
        .unwrap();
    let init_len: usize = map.parse().unwrap();
    assert_eq!(&file[init_len + 4..init_len + 8], b"free");
    let mut end = None;
    for range in playlist
        .lines()
        .filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"))
    {
        let (len, offset) = range.split_once('@').unwrap();
        let (len, offset): (usize, usize) = (len.parse().unwrap(), offset.parse().unwrap());
        assert_eq!(&file[offset + 4..offset + 8], b"moof");
        assert!(end.is_none_or(|end| end == offset));
        end = Some(offset + len);
    }
    assert_eq!(end, Some(file.len()));
}

/// Decodes all of it by the ffmpeg CLI, which must not complain.
fn decoded_frames(url: &str) -> usize {
    let decoded = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_frames",
            "-select_streams",
            "v",
            "-of",
            "csv=p=0",
        ])
        .args(["-show_entries", "stream=nb_read_frames", url])
        .output()
        .unwrap();
    assert!(
        decoded.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&decoded.stderr)
    );
    String::from_utf8(decoded.stdout)
        .unwrap()
        .trim()
        .trim_end_matches(',')
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_file_is_refused_with_a_sentence() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let memory = [("MAX_JOB_MEMORY", "2000000000"), ("WORKER_JOBS", "2")];
    let worker = Worker::start(&buckets.settings(), &memory);
    let id = upload(&store, b"Dear diary, this is not a film.\n".repeat(100)).await;
    let status = wait_for(&store, id, State::Error, || {}).await;
    assert_eq!(worker.memory_limit_bytes(), 4_000_000_000);
    let sentence = status.error.unwrap();
    assert!(sentence.contains("not a video"), "{sentence}");
    assert!(status.renditions.is_empty() && status.qualities.is_empty());
    assert!(
        store.dead_jobs().await.unwrap().is_empty(),
        "the file's fault is no fault of ours"
    );
    let marker = format!("queue/{id}");
    wait_until(async || !buckets.keys("raw", "queue/").await.contains(&marker)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_transcode_each_of_forty_videos_once() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let original = clip("160x90", 1, 40);
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(upload(&store, original.clone()).await);
    }
    let env = [("WORKER_JOBS", "2")];
    let workers = [(); 4].map(|()| Worker::start(&buckets.settings(), &env));
    for &id in &ids {
        wait_for(&store, id, State::Done, || {}).await;
        let takes: std::collections::BTreeSet<_> = buckets
            .keys("video", &format!("videos/{id}/"))
            .await
            .iter()
            .filter(|key| !key.ends_with("status.json"))
            .map(|key| key.split('/').nth(2).unwrap().to_owned())
            .collect();
        assert_eq!(takes.len(), 1, "{takes:?}");
        let claims = workers.iter().map(|worker| worker.said(": claimed", id));
        assert_eq!(claims.flatten().count(), 1, "{id}");
    }
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_gives_its_job_back() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let settings = buckets.settings();
    let slow = [("SHUTDOWN_GRACE", "0s"), ("X264_PRESET", "placebo")];
    let mut leaving = Worker::start(&settings, &slow);
    let id = upload(&store, clip("1280x720", 10, 30)).await;
    wait_for(&store, id, State::Processing, || {}).await;
    assert!(leaving.terminate().success());
    let marker = buckets.body("raw", &format!("queue/{id}")).await;
    let marker = String::from_utf8(marker.to_vec()).unwrap();
    assert!(
        marker.contains(r#""state":"free""#) && marker.contains(r#""takeovers":0"#),
        "{marker}"
    );

    // Its lease would last for half a minute.
    let staying = Worker::start(&settings, &[]);
    let status = wait_for(&store, id, State::Done, || {}).await;
    assert_eq!(status.renditions.len(), 2);
    let claims = staying.said(": claimed", id);
    assert_eq!(claims.len(), 1);
    assert!(claims[0].contains(" takeovers=0 failures=0"), "{claims:?}");
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    store.sweep().await.unwrap();
    let take = status.take.unwrap().to_string();
    let keys = buckets.keys("video", &format!("videos/{id}/")).await;
    let is_named = |key: &String| key.contains(&take) || key.ends_with("status.json");
    assert!(keys.iter().all(is_named), "{keys:?}");
    assert_eq!(buckets.unfinished_uploads("video").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_killed_worker_is_taken_over() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let settings = buckets.settings();
    let mut dying = Worker::start(&settings, &[("LEASE", "3s"), ("X264_PRESET", "placebo")]);
    let id = upload(&store, clip("1280x720", 10, 30)).await;
    let first = wait_for(&store, id, State::Processing, || {}).await;
    dying.kill();

    let _heir = Worker::start(&settings, &[("LEASE", "3s")]);
    let status = wait_for(&store, id, State::Done, || {}).await;
    assert_ne!(status.take, first.take);
    assert_eq!(
        decoded_frames(
            store
                .rendition_url(&status, &status.qualities[1], None)
                .await
                .unwrap()
                .expose()
        ),
        240
    );
    store.sweep().await.unwrap();
    let keys = buckets.keys("video", &format!("videos/{id}/")).await;
    let take = status.take.unwrap().to_string();
    assert!(
        keys.iter()
            .all(|key| key.contains(&take) || key.ends_with("status.json")),
        "{keys:?}"
    );
    assert_eq!(buckets.unfinished_uploads("video").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_when_storage_was_away_for_a_moment() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let settings = buckets.settings_behind(&proxy);
    let _worker = Worker::start(&settings, &[]);
    let id = upload(&store, clip("1280x720", 10, 30)).await;
    let first = wait_for(&store, id, State::Processing, || {}).await;
    proxy.go_dark();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    proxy.come_back();
    let status = wait_for(&store, id, State::Done, || {}).await;
    assert_eq!(status.take, first.take, "the same claim went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_cut_off_spoils_nothing_and_works_again() {
    outlive(|_, proxy| proxy.go_dark(), |_, proxy| proxy.come_back()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_frozen_spoils_nothing_and_works_again() {
    outlive(
        |worker, _| worker.signal("STOP"),
        |worker, _| worker.signal("CONT"),
    )
    .await;
}

/// A worker goes silent in the middle of a job, another finishes it, the first comes back.
async fn outlive(silence: impl Fn(&Worker, &Proxy), bring_back: impl Fn(&Worker, &Proxy)) {
    let buckets = Buckets::start().await;
    let proxy = buckets.proxy().await;
    let store = buckets.store().await;
    let behind_proxy = buckets.settings_behind(&proxy);
    let lease = ("LEASE", "3s");
    let silent = Worker::start(&behind_proxy, &[lease, ("X264_PRESET", "placebo")]);
    let id = upload(&store, clip("1280x720", 10, 30)).await;
    let first = wait_for(&store, id, State::Processing, || {}).await;
    silence(&silent, &proxy);
    let mut heir = Worker::start(&buckets.settings(), &[lease]);
    let done = wait_for(&store, id, State::Done, || {}).await;
    assert_ne!(done.take, first.take);
    let winner = done.take.clone().unwrap().to_string();
    wait_until(async || buckets.keys("raw", "queue/").await.is_empty()).await;
    heir.kill();

    bring_back(&silent, &proxy);
    let next = upload(&store, clip("320x240", 1, 30)).await;
    wait_for(&store, next, State::Done, || {}).await;
    assert_eq!(store.status(id).await.unwrap().unwrap().value, done);
    store.sweep().await.unwrap();
    let mut keys = buckets.keys("video", &format!("videos/{id}/")).await;
    keys.retain(|key| !key.contains(&winner));
    assert_eq!(keys, [format!("videos/{id}/status.json")]);
}
