//! Renditions and playlists out, against a real S3 server.

use std::time::Duration;

use crate::buckets::{Buckets, claim, enqueue};
use crate::objects::pattern;
use crate::outcome::outcome;
use bytes::Bytes;
use store::package::{Range, Rendition};
use store::{Error, MediaUpload};

#[tokio::test(flavor = "multi_thread")]
async fn a_rendition_is_streamed_and_its_head_comes_last() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    for (rung, len) in [("360p", 0), ("480p", 3000), ("720p", 21 << 20)] {
        let media = pattern(len, 7);
        let rung = rung.parse().unwrap();
        let mut upload = MediaUpload::begin(&store, id, claim.take(), &rung, 1234);
        for fragment in media.chunks(700_000) {
            upload
                .append(Bytes::copy_from_slice(fragment))
                .await
                .unwrap();
        }
        let key = format!("videos/{id}/{}/{rung}.mp4", claim.take());
        assert!(!buckets.keys("video", "videos/").await.contains(&key));
        let head = pattern(1234, 8);
        assert_eq!(upload.finish(&head).await.unwrap(), 1234 + len as u64);
        assert_eq!(buckets.body("video", &key).await, [head, media].concat());
    }
    let rung = "1080p".parse().unwrap();
    let mut upload = MediaUpload::begin(&store, id, claim.take(), &rung, 8);
    upload.append(pattern(9 << 20, 7)).await.unwrap();
    assert_eq!(buckets.unfinished_uploads("video").await, 1);
    upload.abort().await.unwrap();
    assert_eq!(buckets.unfinished_uploads("video").await, 0);
    let upload = MediaUpload::begin(&store, id, claim.take(), &rung, 8);
    assert!(matches!(
        upload.finish(b"short").await,
        Err(Error::Input(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_dropped_leaves_nothing_whenever_that_is() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    let rung = "1080p".parse().unwrap();
    let begin = || MediaUpload::begin(&store, id, claim.take(), &rung, 8);
    let none_is_left = async || {
        while buckets.unfinished_uploads("video").await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let soon = Duration::from_secs(60);

    let mut open = begin();
    open.append(pattern(9 << 20, 7)).await.unwrap();
    assert_eq!(buckets.unfinished_uploads("video").await, 1);
    drop(open);
    tokio::time::timeout(soon, none_is_left()).await.unwrap();

    // The request that opens it is on its way.
    proxy.hold("POST /video/videos/");
    let mut opening = begin();
    tokio::select! {
        _ = opening.append(pattern(9 << 20, 7)) => panic!("it was opened without an answer"),
        () = proxy.holding() => {}
    }
    drop(opening);
    proxy.release_and_hold(Some("DELETE /video/videos/"));
    tokio::time::timeout(soon, proxy.holding())
        .await
        .expect("it is given up once it is open");
    assert_eq!(buckets.unfinished_uploads("video").await, 1);
    proxy.release();
    tokio::time::timeout(soon, none_is_left()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_file_of_the_same_take_is_not_taken_for_one_whose_upload_is_gone() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    let rung = "1080p".parse().unwrap();
    let begin = async |seed| {
        let mut upload = MediaUpload::begin(&store, id, claim.take(), &rung, 8);
        upload.append(pattern(9 << 20, seed)).await.unwrap();
        upload
    };
    // The answer to a completion may be lost however often: the file is there.
    let older = begin(1).await;
    proxy.swallow_answers(&format!(
        "POST /video/videos/{id}/{}/1080p.mp4?uploadId=",
        claim.take()
    ));
    older.finish(b"the head").await.unwrap();
    proxy.swallow_answers("nothing");

    let newer = begin(2).await;
    let (client, key) = (
        buckets.client(),
        format!("videos/{id}/{}/1080p.mp4", claim.take()),
    );
    let open = client
        .list_multipart_uploads()
        .bucket("video")
        .send()
        .await
        .unwrap();
    let abort = client.abort_multipart_upload().bucket("video").key(&key);
    abort
        .set_upload_id(open.uploads()[0].upload_id.clone())
        .send()
        .await
        .unwrap();
    let lost = newer.finish(b"the head").await.unwrap_err();
    assert!(matches!(lost, Error::Missing(_)), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_done_video_has_playlists_whose_urls_read_the_media() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| settings.public_endpoint = None)
        .await;
    let id = enqueue(&store).await;
    let (claim, mut status) = claim(&store, "worker").await;
    let rung = "360p".parse().unwrap();
    let upload = MediaUpload::begin(&store, id, claim.take(), &rung, 2000);
    let file = pattern(2000, 9);
    upload.finish(&file).await.unwrap();
    store
        .write_playlists(id, claim.take(), &[rendition("360p")], &[])
        .await
        .unwrap();
    let unnamed = store.status(id).await.unwrap().unwrap().value;
    assert!(matches!(
        store.media_playlist(&unnamed, &rung).await,
        Err(Error::Missing(_))
    ));
    assert!(matches!(
        store.master_playlist(&unnamed).await,
        Err(Error::Missing(_))
    ));
    status.done(outcome()).await.unwrap();

    let done = store.status(id).await.unwrap().unwrap().value;
    assert!(
        store
            .master_playlist(&done)
            .await
            .unwrap()
            .contains("\n360p.m3u8\n")
    );
    let playlist = store.media_playlist(&done, &rung).await.unwrap();
    let url = playlist
        .lines()
        .find(|line| line.starts_with("http"))
        .unwrap();
    let range = reqwest::Client::new()
        .get(url)
        .header("range", "bytes=1500-1999")
        .send()
        .await
        .unwrap();
    assert_eq!(range.status(), 206);
    assert_eq!(range.headers()["content-type"], "video/mp4");
    assert_eq!(range.bytes().await.unwrap(), file.slice(1500..));
    assert!(
        store
            .iframe_playlist(&done, &rung)
            .await
            .unwrap()
            .contains("#EXT-X-I-FRAMES-ONLY")
    );
    let other = "720p".parse().unwrap();
    assert!(matches!(
        store.media_playlist(&done, &other).await,
        Err(Error::Missing(_))
    ));

    let url = store
        .rendition_url(&done, &rung, Some("Fílm.mp4"))
        .await
        .unwrap();
    let answer = reqwest::get(url.expose()).await.unwrap();
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment") && disposition.contains("F%C3%ADlm.mp4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_rendition_is_one_request_even_if_its_answer_is_lost() {
    let buckets = Buckets::start().await;
    // No renewal is to be counted.
    let long = |settings: &mut store::Settings| settings.lease = Duration::from_secs(3600);
    let (store, proxy) = buckets.store_behind_proxy(long).await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    let rung = "360p".parse().unwrap();
    let begin = || MediaUpload::begin(claim.store(), id, claim.take(), &rung, 1234);
    let (head, media) = (pattern(1234, 8), pattern(3000, 7));
    let key = format!("videos/{id}/{}/360p.mp4", claim.take());
    let before = claim.store().requests();

    let mut given_up = begin();
    given_up.append(media.clone()).await.unwrap();
    drop(given_up);
    let mut upload = begin();
    upload.append(media.clone()).await.unwrap();
    assert_eq!(claim.store().requests(), before, "nothing is sent yet");

    proxy.swallow_answer(&format!("PUT /video/{key}"));
    upload.finish(&head).await.unwrap();
    assert!(proxy.has_swallowed());
    assert_eq!(claim.store().requests(), before + 1);
    assert_eq!(buckets.body("video", &key).await, [head, media].concat());
    assert_eq!(buckets.unfinished_uploads("video").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn playlists_are_written_side_by_side_and_the_master_after_them() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    let folder = format!("videos/{id}/{}/", claim.take());
    proxy.hold(&format!("PUT /video/{folder}360p.m3u8"));
    let (writer, take) = (claim.store().clone(), claim.take().clone());
    let writing = tokio::spawn(async move {
        let renditions = [rendition("360p"), rendition("720p")];
        writer.write_playlists(id, &take, &renditions, &[]).await
    });
    let names = |names: &[&str]| -> Vec<_> {
        let keys = names.iter().map(|name| format!("{folder}{name}"));
        keys.collect()
    };
    let others = names(&["360p-iframes.m3u8", "720p-iframes.m3u8", "720p.m3u8"]);
    let others_are_there = async {
        while buckets.keys("video", &folder).await != others {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), others_are_there)
        .await
        .expect("the others do not wait for the one that is held");

    proxy.release();
    writing.await.unwrap().unwrap();
    let all = [
        "360p-iframes.m3u8",
        "360p.m3u8",
        "720p-iframes.m3u8",
        "720p.m3u8",
        "master.m3u8",
    ];
    assert_eq!(buckets.keys("video", &folder).await, names(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_that_cannot_be_written_is_named_by_no_master() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    let folder = format!("videos/{id}/{}/", claim.take());
    let renditions = [rendition("360p"), rendition("720p")];
    let master = format!("{folder}master.m3u8");

    proxy.break_off(Some(&format!("PUT /video/{folder}720p.m3u8")));
    let written = store
        .write_playlists(id, claim.take(), &renditions, &[])
        .await;
    assert!(written.is_err_and(|error| error.is_transient()));
    assert!(!buckets.keys("video", &folder).await.contains(&master));

    proxy.break_off(None);
    store
        .write_playlists(id, claim.take(), &renditions, &[])
        .await
        .unwrap();
    assert!(buckets.keys("video", &folder).await.contains(&master));
}

fn rendition(rung: &str) -> Rendition {
    let segment = Range {
        duration_s: 4.0,
        offset_bytes: 1500,
        len_bytes: 500,
    };
    Rendition {
        name: rung.parse().unwrap(),
        width: 640,
        height: 360,
        codecs: "avc1.64001e".into(),
        bandwidth_bps: 1000,
        average_bandwidth_bps: 1000,
        frame_rate: 24.0,
        len_bytes: 2000,
        init_len_bytes: 700,
        copied: false,
        segments: vec![segment],
        keyframes: vec![segment],
    }
}
