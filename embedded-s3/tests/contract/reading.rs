//! Ranges, conditional reads, response overrides.

use aws_sdk_s3::primitives::DateTime;

use crate::client::*;

#[tokio::test]
async fn ranges() {
    let (_server, client) = start().await;
    let bytes = pattern(1000);
    put(&client, "k", bytes.clone()).await;
    for (range, expected, content_range) in [
        ("bytes=0-0", 0..1, "bytes 0-0/1000"),
        ("bytes=10-19", 10..20, "bytes 10-19/1000"),
        ("bytes=990-", 990..1000, "bytes 990-999/1000"),
        ("bytes=-5", 995..1000, "bytes 995-999/1000"),
        ("bytes=-5000", 0..1000, "bytes 0-999/1000"),
        ("bytes=900-5000", 900..1000, "bytes 900-999/1000"),
    ] {
        let object = client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .range(range)
            .send()
            .await
            .unwrap();
        assert_eq!(object.content_range.as_deref(), Some(content_range));
        assert_eq!(object.content_length, Some(expected.len() as i64));
        assert_eq!(
            object.body.collect().await.unwrap().to_vec(),
            bytes[expected],
            "{range}"
        );
    }
    for (key, range) in [
        ("k", "bytes=1000-"),
        ("k", "bytes=-0"),
        ("empty", "bytes=0-"),
    ] {
        put(&client, "empty", []).await;
        let object = client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .range(range)
            .send()
            .await;
        assert_eq!(
            refusal(object),
            refused(416, "InvalidRange"),
            "{key} {range}"
        );
    }
}

#[tokio::test]
async fn conditional_reads() {
    let (_server, client) = start().await;
    let etag = put(&client, "k", "bytes").await;
    let get = || client.get_object().bucket(BUCKET).key("k");
    let head = || client.head_object().bucket(BUCKET).key("k");

    let unchanged = get().if_none_match(&etag).send().await.unwrap_err();
    let answer = unchanged.raw_response().unwrap();
    assert_eq!(answer.status().as_u16(), 304);
    assert_eq!(answer.headers().get("etag"), Some(etag.as_str()));
    assert_eq!(refusal(head().if_none_match(&etag).send().await).0, 304);
    get().if_none_match("\"other\"").send().await.unwrap();

    get().if_match(&etag).send().await.unwrap();
    let changed = get().if_match("\"other\"").send().await;
    assert_eq!(refusal(changed), refused(412, "PreconditionFailed"));
    assert_eq!(refusal(head().if_match("\"other\"").send().await).0, 412);

    let modified = head().send().await.unwrap().last_modified.unwrap();
    let before = DateTime::from_secs(modified.secs() - 10);
    assert_eq!(
        refusal(get().if_modified_since(modified).send().await).0,
        304
    );
    get().if_modified_since(before).send().await.unwrap();
    get().if_unmodified_since(modified).send().await.unwrap();
    assert_eq!(
        refusal(get().if_unmodified_since(before).send().await).0,
        412
    );
}

#[tokio::test]
async fn the_response_can_be_dressed_up() {
    let (_server, client) = start().await;
    put(&client, "k", "bytes").await;
    let disposition = "attachment; filename=\"a film.mp4\"";
    let object = client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .response_content_disposition(disposition)
        .response_content_type("video/mp4")
        .response_cache_control("no-store")
        .send()
        .await
        .unwrap();
    assert_eq!(object.content_disposition.as_deref(), Some(disposition));
    assert_eq!(object.content_type.as_deref(), Some("video/mp4"));
    assert_eq!(object.cache_control.as_deref(), Some("no-store"));
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .response_content_disposition(disposition)
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_disposition.as_deref(), Some(disposition));
}
