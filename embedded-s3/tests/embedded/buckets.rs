//! Buckets, and that a key of one never reaches into another or into the file system.

use aws_sdk_s3::types::EncodingType;
use futures::{StreamExt, TryStreamExt, stream};

use crate::client::*;

#[tokio::test]
async fn buckets_are_made_and_listed() {
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
async fn a_key_reaches_nothing_but_itself() {
    let (server, client) = start().await;
    let other = client.put_object().bucket(OTHER_BUCKET).key("x");
    other.body(b"other".to_vec().into()).send().await.unwrap();
    let long = "k".repeat(1024);
    let keys = [
        "../x",
        "../second/x",
        "../../second/x",
        "../blobs/x",
        "/etc/passwd",
        "/lead",
        ".",
        "..",
        &long,
    ];
    for key in keys {
        put(&client, key, key).await;
    }
    for key in keys {
        assert_eq!(get(&client, key).await, key.as_bytes(), "{key}");
    }
    let other = client.get_object().bucket(OTHER_BUCKET).key("x");
    let other = other.send().await.unwrap().body.collect().await.unwrap();
    assert_eq!(other.to_vec(), b"other");
    let list = client.list_objects_v2().bucket(OTHER_BUCKET);
    assert_eq!(list.send().await.unwrap().key_count, Some(1));

    let mut names: Vec<_> = std::fs::read_dir(server.data_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("objects.sqlite"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["blobs", "lock"]);
    assert_eq!(count_blobs(&server), keys.len() + 1);
}

/// A character that XML cannot hold comes back encoded.
#[tokio::test]
async fn a_key_may_hold_any_character() {
    let (_server, client) = start().await;
    put(&client, "a b/\u{1}é", "x").await;
    let list = client.list_objects_v2().bucket(BUCKET);
    let page = list.encoding_type(EncodingType::Url).send().await.unwrap();
    assert_eq!(page.contents()[0].key(), Some("a%20b/%01%C3%A9"));
}

#[tokio::test]
async fn a_page_never_has_more_than_a_thousand_keys() {
    let (_server, client) = start().await;
    put(&client, "source", "x").await;
    let copies = (0..1000).map(|number| {
        let copy = client.copy_object().copy_source(format!("{BUCKET}/source"));
        copy.bucket(BUCKET).key(format!("k{number:04}")).send()
    });
    let mut copies = stream::iter(copies).buffer_unordered(16);
    while copies.try_next().await.unwrap().is_some() {}
    let list = client.list_objects_v2().bucket(BUCKET).max_keys(5000);
    let page = list.send().await.unwrap();
    assert_eq!(
        (page.key_count, page.is_truncated),
        (Some(1000), Some(true))
    );
}
