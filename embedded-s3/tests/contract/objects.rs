//! Whole objects: what is put is what is got.

use crate::client::*;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, MetadataDirective, ObjectIdentifier};

#[tokio::test]
async fn headers_and_metadata_come_back() {
    let (_server, client) = start().await;
    let etag = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_type("video/mp4")
        .cache_control("max-age=60")
        .content_disposition("inline")
        .metadata("filename", "a film.mp4")
        .body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    assert_eq!(etag, "\"5d41402abc4b2a76b9719d911017c592\"");

    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length, Some(5));
    assert_eq!(head.content_type.as_deref(), Some("video/mp4"));
    assert_eq!(head.cache_control.as_deref(), Some("max-age=60"));
    assert_eq!(head.content_disposition.as_deref(), Some("inline"));
    assert_eq!(head.metadata.unwrap()["filename"], "a film.mp4");
    assert_eq!(head.e_tag, Some(etag));
    assert!(head.last_modified.is_some());
    assert_eq!(get(&client, "k").await, b"hello");
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let (_server, client) = start().await;
    let etag = put(&client, "empty", []).await;
    assert_eq!(etag, "\"d41d8cd98f00b204e9800998ecf8427e\"");
    assert_eq!(get(&client, "empty").await, b"");
}

#[tokio::test]
async fn keys_are_names_and_never_paths() {
    let (_server, client) = start().await;
    let long = "k".repeat(1024);
    let keys = [
        "a",
        "a/b",
        "a//b",
        "a/../b",
        "../../second/x",
        ".",
        "+ % # ? &=é 日本",
        "/lead",
        "trail/",
        &long,
    ];
    for key in keys {
        put(&client, key, key).await;
    }
    for key in keys {
        assert_eq!(get(&client, key).await, key.as_bytes(), "{key}");
    }
    let too_long = client
        .put_object()
        .bucket(BUCKET)
        .key("k".repeat(1025))
        .body(ByteStream::from_static(b"x"))
        .send()
        .await;
    assert_eq!(refusal(too_long), refused(400, "KeyTooLongError"));

    let other = client
        .list_objects_v2()
        .bucket(OTHER_BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(other.key_count, Some(0));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_server, client) = start().await;
    let missing = client.get_object().bucket(BUCKET).key("no").send().await;
    assert_eq!(refusal(missing), refused(404, "NoSuchKey"));
    let missing = client.head_object().bucket(BUCKET).key("no").send().await;
    assert_eq!(refusal(missing).0, 404);
    let missing = client
        .get_object()
        .bucket("nobucket")
        .key("no")
        .send()
        .await;
    assert_eq!(refusal(missing), refused(404, "NoSuchBucket"));
    let missing = client.head_bucket().bucket("nobucket").send().await;
    assert_eq!(refusal(missing).0, 404);
    client.head_bucket().bucket(BUCKET).send().await.unwrap();
    // Deleting it again is what a retry does.
    client
        .delete_object()
        .bucket(BUCKET)
        .key("no")
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn buckets() {
    let (_server, client) = start().await;
    client.create_bucket().bucket("third").send().await.unwrap();
    let again = client.create_bucket().bucket("third").send().await;
    assert_eq!(refusal(again), refused(409, "BucketAlreadyOwnedByYou"));
    let bad = client.create_bucket().bucket("Bad_Name").send().await;
    assert_eq!(refusal(bad), refused(400, "InvalidBucketName"));
    let list = client.list_buckets().send().await.unwrap();
    let names: Vec<_> = list
        .buckets()
        .iter()
        .filter_map(|bucket| bucket.name())
        .collect();
    assert_eq!(names, [BUCKET, OTHER_BUCKET, "third"]);
}

#[tokio::test]
async fn a_bad_digest_keeps_the_old_object_and_leaves_nothing_behind() {
    let (server, client) = start().await;
    put(&client, "k", "old").await;
    let put = || {
        client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"new"))
    };
    let md5_of_hello = "XUFAKrxLKna5cZ2REBfFkg==";
    let bad_md5 = put().content_md5(md5_of_hello).send().await;
    assert_eq!(refusal(bad_md5), refused(400, "BadDigest"));
    let no_md5 = put().content_md5("short").send().await;
    assert_eq!(refusal(no_md5), refused(400, "InvalidDigest"));
    let bad_crc = put().checksum_crc32("AAAAAA==").send().await;
    assert_eq!(refusal(bad_crc), refused(400, "BadDigest"));
    let bad_sha = put().checksum_sha256("AAAA").send().await;
    assert_eq!(refusal(bad_sha), refused(400, "BadDigest"));

    assert_eq!(get(&client, "k").await, b"old");
    assert_eq!(count_blobs(&server), 1);
}

#[tokio::test]
async fn good_checksums_of_every_kind_are_accepted() {
    let (_server, client) = start().await;
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Crc64Nvme,
    ] {
        client
            .put_object()
            .bucket(BUCKET)
            .key(algorithm.as_str())
            .checksum_algorithm(algorithm.clone())
            .body(ByteStream::from(pattern(3 << 20)))
            .send()
            .await
            .unwrap();
        assert_eq!(get(&client, algorithm.as_str()).await, pattern(3 << 20));
    }
}

#[tokio::test]
async fn a_copy_outlives_its_source_and_shares_its_bytes() {
    let (server, client) = start().await;
    let etag = put(&client, "from é", pattern(100_000)).await;
    let copy = |to: &'static str| {
        client
            .copy_object()
            .copy_source(format!("{BUCKET}/from%20%C3%A9"))
            .bucket(OTHER_BUCKET)
            .key(to)
    };
    let copied = copy("to").send().await.unwrap();
    assert_eq!(copied.copy_object_result.unwrap().e_tag, Some(etag));
    copy("typed")
        .metadata_directive(MetadataDirective::Replace)
        .content_type("video/webm")
        .send()
        .await
        .unwrap();
    assert_eq!(count_blobs(&server), 1);

    client
        .delete_object()
        .bucket(BUCKET)
        .key("from é")
        .send()
        .await
        .unwrap();
    let typed = client
        .get_object()
        .bucket(OTHER_BUCKET)
        .key("typed")
        .send()
        .await
        .unwrap();
    assert_eq!(typed.content_type.as_deref(), Some("video/webm"));
    assert_eq!(
        typed.body.collect().await.unwrap().to_vec(),
        pattern(100_000)
    );
    for key in ["to", "typed"] {
        client
            .delete_object()
            .bucket(OTHER_BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
    }
    assert_eq!(count_blobs(&server), 0);
    assert_eq!(
        refusal(copy("again").send().await),
        refused(404, "NoSuchKey")
    );
}

#[tokio::test]
async fn a_copy_onto_itself_keeps_the_bytes() {
    let (_server, client) = start().await;
    put(&client, "k", "bytes").await;
    client
        .copy_object()
        .copy_source(format!("{BUCKET}/k"))
        .bucket(BUCKET)
        .key("k")
        .metadata_directive(MetadataDirective::Replace)
        .metadata("new", "yes")
        .send()
        .await
        .unwrap();
    assert_eq!(get(&client, "k").await, b"bytes");
}

#[tokio::test]
async fn many_keys_are_deleted_at_once() {
    let (server, client) = start().await;
    for key in ["a", "b", "c"] {
        put(&client, key, key).await;
    }
    let named = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = Delete::builder()
        .objects(named("a"))
        .objects(named("b"))
        .objects(named("never"))
        .build()
        .unwrap();
    let deleted = client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.deleted().len(), 3);
    assert_eq!(count_blobs(&server), 1);
    assert_eq!(get(&client, "c").await, b"c");
}

#[tokio::test]
async fn a_read_under_way_finishes_though_its_object_is_replaced() {
    let (server, client) = start().await;
    // More than the sockets and buffers in between can hold.
    let old = pattern(32 << 20);
    put(&client, "k", old.clone()).await;
    let mut reading = client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap()
        .body;
    let first = reading.next().await.unwrap().unwrap();

    put(&client, "k", "new").await;
    assert_eq!(get(&client, "k").await, b"new");
    assert_eq!(
        count_blobs(&server),
        2,
        "the old bytes are still being read"
    );

    let mut got = first.to_vec();
    while let Some(chunk) = reading.next().await {
        got.extend_from_slice(&chunk.unwrap());
    }
    assert!(got == old);
}
