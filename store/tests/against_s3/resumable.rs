//! Uploads in several requests, where two processes have to do with one, against a real S3 server.

use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use store::{Announced, ResumeError, Store, Swept, UploadInfo, UploadKind, VideoId};

use crate::buckets::Buckets;
use crate::objects::pattern;

pub(crate) const MIB: usize = 1 << 20;

pub(crate) async fn begin(store: &Store, len: usize) -> VideoId {
    let id = VideoId::new();
    let len = Some(len as u64);
    let info = UploadInfo::new(UploadKind::Tus, "film.mp4", len, Some(1 << 30));
    store.create_resumable(id, info).await.unwrap().unwrap();
    id
}

/// Appends all of `bytes` in one request.
pub(crate) async fn append(store: &Store, id: VideoId, offset: usize, bytes: Bytes) -> usize {
    let mut append = store
        .append(id, offset as u64, Announced::default())
        .await
        .unwrap();
    append.push(bytes).await.unwrap();
    append.finish().await.unwrap().offset_bytes as usize
}

pub(crate) async fn stands_at(store: &Store, id: VideoId) -> usize {
    store.resumable(id).await.unwrap().offset_bytes as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_overtaken_records_nothing_more_and_takes_back_what_it_stored() {
    let buckets = Buckets::start().await;
    let (old, new) = (buckets.store().await, buckets.store().await);
    let (theirs, ours) = (pattern(20 * MIB, 1), pattern(20 * MIB, 2));
    let id = begin(&old, ours.len()).await;

    // In another process: nothing tells it before its next swap.
    let mut overtaken = old.append(id, 0, Announced::default()).await.unwrap();
    overtaken.push(theirs.slice(..3 * MIB)).await.unwrap();
    assert_eq!(append(&new, id, 0, ours.slice(..5 * MIB)).await, 5 * MIB);
    let late = overtaken.finish().await.unwrap_err();
    assert!(matches!(late, ResumeError::TakenOver), "{late}");
    assert_eq!(
        buckets
            .keys("raw", &format!("uploads/{id}.tail."))
            .await
            .len(),
        1
    );

    // With parts, of which the first is not recorded any more.
    let mut overtaken = old
        .append(id, 5 * MIB as u64, Announced::default())
        .await
        .unwrap();
    assert_eq!(
        append(&new, id, 5 * MIB, ours.slice(5 * MIB..9 * MIB)).await,
        9 * MIB
    );
    let pushed = async {
        overtaken.push(theirs.slice(5 * MIB..)).await?;
        overtaken.finish().await.map(drop)
    };
    let late = pushed.await.unwrap_err();
    assert!(matches!(late, ResumeError::TakenOver), "{late}");

    // Its part 1 lies in the place of the one that is recorded.
    let refused = async {
        let mut last = new.append(id, 9 * MIB as u64, Announced::default()).await?;
        last.push(ours.slice(9 * MIB..)).await?;
        last.finish().await
    };
    let refused = refused.await.unwrap_err();
    assert!(
        matches!(refused, ResumeError::OffsetDiffers { offset_bytes: 0 }),
        "{refused}"
    );
    assert_eq!(stands_at(&new, id).await, 0);
    assert_eq!(append(&new, id, 0, ours.clone()).await, ours.len());
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == ours);
    assert!(
        buckets
            .keys("raw", &format!("uploads/{id}.tail."))
            .await
            .is_empty()
    );
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
}

/// Stores other bytes in the place of a part, as a writer may that was overtaken.
pub(crate) async fn overwrite_part_2(buckets: &Buckets, id: VideoId) {
    let client = buckets.client();
    let open = client.list_multipart_uploads().bucket("raw");
    let open = open.send().await.unwrap();
    let key = format!("uploads/{id}.orig");
    let mut uploads = open.uploads().iter();
    let upload = uploads.find(|upload| upload.key() == Some(&key)).unwrap();
    let late = client.upload_part().bucket("raw").key(&key);
    let late = late.set_upload_id(upload.upload_id.clone()).part_number(2);
    let late = late.body(ByteStream::from(pattern(8 * MIB, 7)));
    late.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_overwritten_in_the_middle_takes_only_what_follows_it_back() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let file = pattern(30 * MIB, 1);
    let id = begin(&store, file.len()).await;
    append(&store, id, 0, file.slice(..25 * MIB)).await;
    overwrite_part_2(&buckets, id).await;
    let mut last = store
        .append(id, 25 * MIB as u64, Announced::default())
        .await
        .unwrap();
    last.push(file.slice(25 * MIB..)).await.unwrap();
    let refused = last.finish().await.unwrap_err();
    assert!(
        matches!(refused, ResumeError::OffsetDiffers { offset_bytes } if offset_bytes == 8 * MIB as u64),
        "{refused}"
    );
    assert_eq!(
        append(&store, id, 8 * MIB, file.slice(8 * MIB..)).await,
        file.len()
    );
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn completing_goes_on_whichever_answer_is_lost() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let file = pattern(9 * MIB, 1);
    for lost in [
        "POST /raw/uploads/",
        "PUT /raw/uploads/{id}.orig?",
        "PUT /raw/uploads/{id}.info",
        "PUT /raw/queue/",
        "PUT /video/",
    ] {
        let id = begin(&store, file.len()).await;
        let mut last = store.append(id, 0, Announced::default()).await.unwrap();
        last.push(file.clone()).await.unwrap();
        proxy.swallow_answer(&lost.replace("{id}", &id.to_string()));
        let done = last.finish().await.unwrap();
        assert!(proxy.has_swallowed() && done.is_complete, "{lost}");
        assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
    }

    // Not completed, and asked for by another process, and by two at once.
    let id = begin(&store, file.len()).await;
    let mut last = store.append(id, 0, Announced::default()).await.unwrap();
    last.push(file.clone()).await.unwrap();
    proxy.break_off(Some(&format!("POST /raw/uploads/{id}.orig?uploadId=")));
    let broken = last.finish().await.unwrap_err();
    assert!(matches!(broken, ResumeError::Store(error) if error.is_transient()));
    let other = buckets.store().await;
    let (one, two) = tokio::join!(other.resumable(id), other.resumable(id));
    assert!(one.unwrap().is_complete && two.unwrap().is_complete);
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
    assert_eq!(buckets.keys("raw", &format!("queue/{id}")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_fed_for_longer_than_uploads_live_survives_the_sweep() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let expiry = Duration::from_secs(5);
    let brief = buckets
        .store_with(|settings| settings.upload_expiry = expiry)
        .await;
    let file = pattern(30 * MIB, 1);
    loop {
        let id = begin(&store, file.len()).await;
        let abandoned = begin(&store, file.len()).await;
        append(&store, abandoned, 0, file.slice(..9 * MIB)).await;
        // Until both are too old for uploads that nobody feeds.
        while !matches!(brief.resumable(abandoned).await, Err(ResumeError::Gone)) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let fed_at = Instant::now();
        append(&store, id, 0, file.slice(..1000)).await;
        let swept = brief.sweep().await.unwrap();
        // S3's ages are whole seconds.
        if fed_at.elapsed() + Duration::from_secs(2) > expiry {
            continue;
        }
        let expected = Swept {
            upload_infos: 1,
            ..Swept::default()
        };
        assert_eq!(swept, expected);
        let gone = store.resumable(abandoned).await.unwrap_err();
        assert!(matches!(gone, ResumeError::NoSuchUpload), "{gone}");
        assert_eq!(buckets.unfinished_uploads("raw").await, 1);
        let rest = file.slice(1000..);
        assert_eq!(append(&store, id, 1000, rest).await, file.len());
        assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
        break;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_leaves_nothing_of_what_crashes_left() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let later = buckets
        .store_with(|settings| settings.upload_expiry = Duration::ZERO)
        .await;
    let id = begin(&store, 20 * MIB).await;
    append(&store, id, 0, pattern(9 * MIB, 1)).await;
    let put = async |key: String| {
        let put = buckets.client().put_object().bucket("raw").key(key);
        put.send().await.unwrap();
    };
    // A tail that nobody came to name, one whose info is gone, an upload that nobody came to name.
    put(format!("uploads/{id}.tail.0")).await;
    put(format!("uploads/{}.tail.0", VideoId::new())).await;
    store
        .begin_original(VideoId::new(), "film.mp4")
        .await
        .unwrap();
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    assert_eq!(store.repair().await.unwrap(), 0);

    let complete = begin(&store, 5).await;
    append(&store, complete, 0, pattern(5, 1)).await;
    put(format!("uploads/{complete}.tail.0")).await;
    let swept = later.sweep().await.unwrap();
    assert_eq!((swept.upload_infos, swept.uploads), (2, 1));
    let left = [format!("uploads/{complete}.orig")];
    assert_eq!(buckets.keys("raw", "uploads/").await, left);
    assert_eq!(buckets.unfinished_uploads("raw").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_goes_on_while_its_upload_is_swept_leaves_nothing() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let later = buckets
        .store_with(|settings| settings.upload_expiry = Duration::ZERO)
        .await;
    let file = pattern(20 * MIB, 1);
    // Its part, its tail, or the swap that names it is on its way.
    for held in [
        "PUT /raw/uploads/{id}.orig",
        "PUT /raw/uploads/{id}.tail.",
        "PUT /raw/uploads/{id}.info",
    ] {
        let id = begin(&store, file.len()).await;
        let mut append = store.append(id, 0, Announced::default()).await.unwrap();
        proxy.hold(&held.replace("{id}", &id.to_string()));
        let bytes = file.slice(..9 * MIB);
        let going_on = tokio::spawn(async move {
            append.push(bytes).await?;
            append.finish().await
        });
        proxy.holding().await;
        let swept = later.sweep().await.unwrap();
        assert_eq!(swept.upload_infos, 1, "{held}");
        proxy.release();
        let gone = going_on.await.unwrap().unwrap_err();
        assert!(matches!(gone, ResumeError::Gone), "{held}: {gone}");
        assert!(buckets.keys("raw", "").await.is_empty(), "{held}");
        assert_eq!(buckets.unfinished_uploads("raw").await, 0, "{held}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_overlooks_the_last_write_is_seen_by_who_made_it() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let other = buckets.store().await;
    let file = pattern(20 * MIB, 1);
    for held in [
        "PUT /raw/uploads/{id}.tail.",
        "PUT /raw/uploads/{id}.info",
        "HEAD /raw/deleted/{id}",
    ] {
        let id = begin(&store, file.len()).await;
        let mut append = store.append(id, 0, Announced::default()).await.unwrap();
        append.push(file.slice(..MIB)).await.unwrap();
        proxy.hold_one(&held.replace("{id}", &id.to_string()));
        let going_on = tokio::spawn(append.finish());
        proxy.holding().await;
        other.delete_video(id).await.unwrap();
        proxy.release();
        let gone = going_on.await.unwrap().unwrap_err();
        assert!(matches!(gone, ResumeError::Gone), "{held}: {gone}");
        assert!(buckets.keys("raw", "uploads/").await.is_empty(), "{held}");
        assert_eq!(buckets.unfinished_uploads("raw").await, 0, "{held}");
    }
}
