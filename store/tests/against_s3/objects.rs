//! Originals in, renditions and playlists out, against a real S3 server.

use crate::buckets::{Buckets, claim, enqueue, outcome, upload};
use bytes::Bytes;
use store::package::{Range, Rendition};
use store::{Error, MediaUpload, Store, VideoId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn an_original_arrives_whole_with_its_name_and_a_harmless_type() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = VideoId::new();
    let mut upload = store.begin_original(id, "../Ünï cödé.html").await.unwrap();
    let parts = [pattern(5 << 20, 1), pattern(6 << 20, 2), pattern(100, 3)];
    for part in &parts {
        upload.part(part.clone()).await.unwrap();
    }
    assert!(buckets.keys("raw", "").await.is_empty());
    upload.complete().await.unwrap();

    let answer = reqwest::get(store.original_url(id).await.unwrap().expose())
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.bytes().await.unwrap(), parts.concat());
    store.repair().await.unwrap();
    assert_eq!(
        store.status(id).await.unwrap().unwrap().value.filename,
        "Ünï cödé.html"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_or_empty_upload() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let mut upload = store
        .begin_original(VideoId::new(), "film.mp4")
        .await
        .unwrap();
    upload.part(pattern(5 << 20, 1)).await.unwrap();
    upload.abort().await.unwrap();
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);

    let id = VideoId::new();
    store
        .begin_original(id, "film.mp4")
        .await
        .unwrap()
        .complete()
        .await
        .unwrap();
    assert!(
        buckets
            .body("raw", &format!("uploads/{id}.orig"))
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_answer_is_lost_counts() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let id = VideoId::new();
    let mut original = store.begin_original(id, "film.mp4").await.unwrap();
    original
        .part(Bytes::from_static(b"an original"))
        .await
        .unwrap();
    proxy.swallow_answer(&format!("POST /raw/uploads/{id}.orig?uploadId="));
    original.complete().await.unwrap();
    assert!(proxy.has_swallowed());
    assert_eq!(
        buckets
            .body("raw", &format!("uploads/{id}.orig"))
            .await
            .as_ref(),
        b"an original"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queueing_twice_changes_nothing() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = upload(&store).await;
    store.enqueue(id, "film.mp4").await.unwrap();
    let status = store.status(id).await.unwrap();
    store.enqueue(id, "film.mp4").await.unwrap();
    assert_eq!(store.status(id).await.unwrap(), status);
    assert_eq!(store.status(VideoId::new()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendition_is_streamed_and_its_head_comes_last() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let id = enqueue(&store).await;
    let (claim, _status) = claim(&store, "worker").await;
    for (rung, len) in [("360p", 0), ("480p", 3000), ("720p", 21 << 20)] {
        let media = pattern(len, 7);
        let rung = rung.parse().unwrap();
        let mut upload = MediaUpload::begin(&store, id, claim.take(), &rung, 1234)
            .await
            .unwrap();
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
    let upload = MediaUpload::begin(&store, id, claim.take(), &rung, 8)
        .await
        .unwrap();
    upload.abort().await.unwrap();
    let upload = MediaUpload::begin(&store, id, claim.take(), &rung, 8)
        .await
        .unwrap();
    assert!(matches!(
        upload.finish(b"short").await,
        Err(Error::Input(_))
    ));
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
    let upload = MediaUpload::begin(&store, id, claim.take(), &rung, 2000)
        .await
        .unwrap();
    let file = pattern(2000, 9);
    upload.finish(&file).await.unwrap();
    let segment = Range {
        duration_s: 4.0,
        offset_bytes: 1500,
        len_bytes: 500,
    };
    let rendition = Rendition {
        name: rung.clone(),
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
    };
    store
        .write_playlists(id, claim.take(), &[rendition])
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
async fn urls_name_the_address_that_browsers_use() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| {
            settings.public_endpoint = Some("https://media.example".into());
        })
        .await;
    let id = VideoId::new();
    let public = store.original_url(id).await.unwrap();
    assert!(
        public
            .expose()
            .starts_with(&format!("https://media.example/raw/uploads/{id}.orig?"))
    );
    assert!(public.origin_relative().starts_with("/raw/uploads/"));
    let internal = store.original_url_internal(id).await.unwrap();
    assert!(internal.expose().starts_with("http://127.0.0.1:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_conditions_is_refused_in_plain_words() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    store.ready().await.unwrap();
    store.self_test().await.unwrap();
    assert!(buckets.keys("raw", "").await.is_empty());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(say_yes_to_everything(listener));
    let careless: Store = buckets
        .store_with(|settings| settings.endpoint = Some(endpoint))
        .await;
    let error = careless.self_test().await.unwrap_err();
    assert!(matches!(error, Error::Unconditional(_)));
    assert!(error.to_string().contains("If-None-Match"), "{error}");
}

/// Takes every write, as a store does that has never heard of conditions.
async fn say_yes_to_everything(listener: TcpListener) {
    while let Ok((mut connection, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(1..) = connection.read(&mut buffer).await {
                if buffer.starts_with(b"PUT") || buffer.starts_with(b"DELETE") {
                    let yes = b"HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    return drop(connection.write_all(yes).await);
                }
            }
        });
    }
}

/// Bytes that differ at every place.
fn pattern(len: usize, seed: usize) -> Bytes {
    (0..len)
        .map(|at| ((at * 31 + at / 251 + seed) % 256) as u8)
        .collect()
}
