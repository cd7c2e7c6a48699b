//! Uploads in several requests, where answers are lost to one process while another goes on, and where S3
//! loses what it held.

use std::time::Duration;

use bytes::Bytes;
use store::{Announced, ResumeError, Swept, UploadInfo, UploadKind, VideoId};

use crate::buckets::Buckets;
use crate::objects::pattern;
use crate::resumable::{MIB, append, begin, overwrite_part_2, stands_at};

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_the_heir_names_outlives_who_stored_it() {
    let buckets = Buckets::start().await;
    let (old, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let new = buckets.store().await;
    let file = pattern(20 * MIB, 1);
    let id = begin(&new, file.len()).await;
    append(&new, id, 0, file.slice(..8 * MIB)).await;
    let mut first = old
        .append(id, 8 * MIB as u64, Announced::default())
        .await
        .unwrap();
    first.push(file.slice(8 * MIB..11 * MIB)).await.unwrap();
    // The swap that names the tail is made. Its answer is lost, and before it is looked for the client comes
    // back elsewhere.
    proxy.swallow_answer(&format!("PUT /raw/uploads/{id}.info"));
    proxy.hold_one(&format!("GET /raw/uploads/{id}.info"));
    let ending = tokio::spawn(first.finish());
    proxy.holding().await;
    assert_eq!(stands_at(&new, id).await, 11 * MIB);
    let heir = new
        .append(id, 11 * MIB as u64, Announced::default())
        .await
        .unwrap();
    assert_eq!(heir.finish().await.unwrap().offset_bytes as usize, 11 * MIB);
    proxy.release();
    let late = ending.await.unwrap().unwrap_err();
    assert!(matches!(late, ResumeError::TakenOver), "{late}");

    assert_eq!(
        append(&new, id, 11 * MIB, file.slice(11 * MIB..)).await,
        file.len()
    );
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_creation_was_not_answered_is_left_to_its_heir() {
    let buckets = Buckets::start().await;
    let (old, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let new = buckets.store().await;
    let file = pattern(20 * MIB, 1);
    let id = VideoId::new();
    let len = Some(file.len() as u64);
    let info = UploadInfo::new(UploadKind::Tus, "film.mp4", len, None);
    proxy.swallow_answer(&format!("PUT /raw/uploads/{id}.info"));
    proxy.hold_one(&format!("GET /raw/uploads/{id}.info"));
    let again = info.clone();
    let creating = tokio::spawn(async move { old.create_resumable(id, info).await });
    proxy.holding().await;
    let mut heir = new.append(id, 0, Announced::default()).await.unwrap();
    proxy.release();
    assert!(creating.await.unwrap().unwrap().is_none());
    // What another creation opened is taken back.
    assert!(new.create_resumable(id, again).await.unwrap().is_none());
    assert_eq!(buckets.unfinished_uploads("raw").await, 1);
    heir.push(file.clone()).await.unwrap();
    assert!(heir.finish().await.unwrap().is_complete);
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_is_lost_or_spoilt_comes_again() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let file = pattern(20 * MIB, 1);
    for spoilt in [None, Some(pattern(MIB, 7))] {
        let id = begin(&store, file.len()).await;
        append(&store, id, 0, file.slice(..11 * MIB)).await;
        let tails = format!("uploads/{id}.tail.");
        let tail = &buckets.keys("raw", &tails).await[0];
        let client = buckets.client();
        match spoilt {
            None => drop(
                client
                    .delete_object()
                    .bucket("raw")
                    .key(tail)
                    .send()
                    .await
                    .unwrap(),
            ),
            Some(bytes) => {
                let put = client.put_object().bucket("raw").key(tail);
                put.body(bytes.into()).send().await.unwrap();
            }
        }
        let refused = store
            .append(id, 11 * MIB as u64, Announced::default())
            .await
            .unwrap_err();
        assert!(
            matches!(refused, ResumeError::OffsetDiffers { offset_bytes } if offset_bytes == 8 * MIB as u64),
            "{refused}"
        );
        assert_eq!(stands_at(&store, id).await, 8 * MIB);
        assert!(buckets.keys("raw", &tails).await.is_empty());
        assert_eq!(
            append(&store, id, 8 * MIB, file.slice(8 * MIB..)).await,
            file.len()
        );
        assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_parts_s3_has_thrown_away_is_no_more() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let file = pattern(20 * MIB, 1);
    let id = begin(&store, file.len()).await;
    append(&store, id, 0, file.slice(..11 * MIB)).await;
    let client = buckets.client();
    let open = client.list_multipart_uploads().bucket("raw");
    let open = open.send().await.unwrap();
    let abort = client.abort_multipart_upload().bucket("raw");
    let abort = abort.key(format!("uploads/{id}.orig"));
    let abort = abort.set_upload_id(open.uploads()[0].upload_id.clone());
    abort.send().await.unwrap();

    let going_on = async {
        let mut append = store
            .append(id, 11 * MIB as u64, Announced::default())
            .await?;
        append.push(file.slice(11 * MIB..)).await?;
        append.finish().await
    };
    let gone = going_on.await.unwrap_err();
    assert!(matches!(gone, ResumeError::Gone), "{gone}");
    let asked = store.resumable(id).await.unwrap_err();
    assert!(matches!(asked, ResumeError::NoSuchUpload), "{asked}");
    assert!(buckets.keys("raw", "").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_recorded_though_the_former_tail_stays() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let file = pattern(3 * MIB, 1);
    let id = begin(&store, file.len()).await;
    append(&store, id, 0, file.slice(..MIB)).await;
    proxy.break_off(Some(&format!("DELETE /raw/uploads/{id}.tail.")));
    assert_eq!(append(&store, id, MIB, file.slice(MIB..)).await, file.len());
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_all_its_bytes_does_not_expire() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let later = buckets
        .store_with(|settings| settings.upload_expiry = Duration::ZERO)
        .await;
    let file = pattern(9 * MIB, 1);
    for is_asked_for in [false, true] {
        let id = begin(&store, file.len()).await;
        let mut last = store.append(id, 0, Announced::default()).await.unwrap();
        last.push(file.clone()).await.unwrap();
        proxy.break_off(Some(&format!("POST /raw/uploads/{id}.orig?uploadId=")));
        let broken = last.finish().await.unwrap_err();
        assert!(matches!(broken, ResumeError::Store(error) if error.is_transient()));
        proxy.break_off(None);
        match is_asked_for {
            true => assert!(later.resumable(id).await.unwrap().is_complete),
            false => drop(later.sweep().await.unwrap()),
        }
        assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
        assert_eq!(buckets.keys("raw", &format!("queue/{id}")).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_leaves_alone_what_an_info_names_that_it_cannot_read() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let later = buckets
        .store_with(|settings| settings.upload_expiry = Duration::ZERO)
        .await;
    let file = pattern(20 * MIB, 1);
    let id = begin(&store, file.len()).await;
    append(&store, id, 0, file.slice(..9 * MIB)).await;
    let key = format!("uploads/{id}.info");
    let info = buckets.body("raw", &key).await;
    let put = async |body: Bytes| {
        let put = buckets.client().put_object().bucket("raw").key(&key);
        put.body(body.into()).send().await.unwrap();
    };
    // As a newer version might write it.
    put(r#"{"kind": "carrier pigeon"}"#.into()).await;
    assert_eq!(later.sweep().await.unwrap(), Swept::default());
    put(info).await;
    assert_eq!(
        append(&store, id, 9 * MIB, file.slice(9 * MIB..)).await,
        file.len()
    );
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_begins_anew_where_the_giving_up_of_its_forerunner_was_cut_short() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let later = buckets
        .store_with(|settings| settings.upload_expiry = Duration::ZERO)
        .await;
    let id = begin(&store, 20 * MIB).await;
    append(&store, id, 0, pattern(9 * MIB, 1)).await;
    let key = format!("uploads/{id}.info");
    let info = buckets.body("raw", &key).await;
    let info = String::from_utf8(info.to_vec()).unwrap();
    let info = info.replace(r#""state":"open""#, r#""state":"given_up""#);
    let put = buckets.client().put_object().bucket("raw").key(&key);
    put.body(info.into_bytes().into()).send().await.unwrap();
    let file = pattern(5, 1);
    let info = UploadInfo::new(UploadKind::Tus, "film.mp4", Some(5), None);
    // Who gives it up may still be at work.
    let early = store.create_resumable(id, info.clone()).await;
    assert!(early.unwrap().is_none());
    let begun = later.create_resumable(id, info).await.unwrap();
    assert_eq!(begun.unwrap().offset_bytes, 0);
    assert_eq!(append(&store, id, 0, file.clone()).await, file.len());
    assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
    assert!(
        buckets
            .keys("raw", &format!("uploads/{id}.tail."))
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_completes_late_what_another_has_healed_sees_how_far_it_is() {
    let buckets = Buckets::start().await;
    let (late, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let store = buckets.store().await;
    let file = pattern(20 * MIB, 1);
    for healed_to in [16 * MIB, file.len()] {
        let id = begin(&store, file.len()).await;
        let mut last = late.append(id, 0, Announced::default()).await.unwrap();
        last.push(file.clone()).await.unwrap();
        proxy.break_off(Some(&format!("POST /raw/uploads/{id}.orig?uploadId=")));
        last.finish().await.unwrap_err();
        proxy.break_off(None);
        overwrite_part_2(&buckets, id).await;
        // It has seen that S3 holds other parts, and asks which.
        proxy.hold_one(&format!("GET /raw/uploads/{id}.orig?"));
        let asking = tokio::spawn({
            let late = late.clone();
            async move { late.resumable(id).await }
        });
        proxy.holding().await;
        assert_eq!(stands_at(&store, id).await, 8 * MIB);
        let again = file.slice(8 * MIB..healed_to);
        assert_eq!(append(&store, id, 8 * MIB, again).await, healed_to);
        proxy.release();
        let seen = asking.await.unwrap().unwrap();
        assert_eq!(seen.offset_bytes as usize, healed_to);
        assert_eq!(seen.is_complete, healed_to == file.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_recorded_whichever_answer_is_lost() {
    let buckets = Buckets::start().await;
    let (store, proxy) = buckets.store_behind_proxy(|_| {}).await;
    let file = pattern(3 * MIB, 1);
    for lost in ["tail.", "info"] {
        let id = begin(&store, file.len()).await;
        let mut first = store.append(id, 0, Announced::default()).await.unwrap();
        first.push(file.slice(..2 * MIB)).await.unwrap();
        proxy.swallow_answer(&format!("PUT /raw/uploads/{id}.{lost}"));
        let at = first.finish().await.unwrap().offset_bytes;
        assert!(proxy.has_swallowed() && at as usize == 2 * MIB, "{lost}");
        let rest = file.slice(2 * MIB..);
        assert_eq!(append(&store, id, 2 * MIB, rest).await, file.len());
        assert!(buckets.body("raw", &format!("uploads/{id}.orig")).await == file);
    }
}
