//! What lies on disk: the bytes of what can be read, once, and nothing else.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::future::join_all;

use crate::client::*;

const RACERS: usize = 12;

async fn create(client: &Client) -> String {
    let create = client.create_multipart_upload().bucket(BUCKET).key("k");
    create.send().await.unwrap().upload_id.unwrap()
}

async fn part(client: &Client, upload_id: &str, number: i32, bytes: Vec<u8>) -> CompletedPart {
    let part = client.upload_part().bucket(BUCKET).key("k");
    let part = part.upload_id(upload_id).part_number(number);
    let sent = part.body(ByteStream::from(bytes)).send().await.unwrap();
    let done = CompletedPart::builder().part_number(number);
    done.e_tag(sent.e_tag().unwrap()).build()
}

async fn complete(client: &Client, upload_id: &str, parts: Vec<CompletedPart>) {
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k");
    let complete = complete.upload_id(upload_id);
    complete
        .multipart_upload(parts.build())
        .send()
        .await
        .unwrap();
}

/// Completes an upload of which only the first part is there.
pub(crate) async fn complete_with_one(client: &Client, upload_id: &str) {
    let list = client.list_parts().bucket(BUCKET).key("k");
    let list = list.upload_id(upload_id).send().await.unwrap();
    let first = CompletedPart::builder().part_number(1);
    let first = first.set_e_tag(list.parts()[0].e_tag.clone()).build();
    complete(client, upload_id, vec![first]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_a_race_leaves_nothing() {
    let (server, client) = start().await;
    // An ETag is its bytes' MD5, as in S3: who wrote again what is there would leave it, and the next one would win, too.
    let race = async |name: &str, condition: Option<String>| {
        let puts = (0..RACERS).map(|racer| {
            let put = client.put_object().bucket(BUCKET).key("k");
            let put = put.body(ByteStream::from(
                format!("{name}, racer {racer}").into_bytes(),
            ));
            match &condition {
                None => put.if_none_match("*").send(),
                Some(etag) => put.if_match(etag).send(),
            }
        });
        let won: Vec<_> = join_all(puts)
            .await
            .into_iter()
            .filter_map(Result::ok)
            .collect();
        assert_eq!(won.len(), 1);
        assert_eq!(count_blobs(&server), 1);
        won[0].e_tag.clone()
    };
    let etag = race("first", None).await;
    race("second", etag).await;
}

#[tokio::test]
async fn a_completion_copies_nothing_and_drops_what_it_does_not_name() {
    let (server, client) = start().await;
    let upload_id = create(&client).await;
    part(&client, &upload_id, 1, pattern(100)).await;
    let first = part(&client, &upload_id, 1, pattern(MIN_PART_LEN_BYTES)).await;
    part(&client, &upload_id, 2, pattern(1000)).await;
    let third = part(&client, &upload_id, 3, pattern(1000)).await;
    assert_eq!(
        count_blobs(&server),
        3,
        "the part that was sent again is gone"
    );
    complete(&client, &upload_id, vec![first, third]).await;
    assert_eq!(count_blobs(&server), 2);
    let bytes = [pattern(MIN_PART_LEN_BYTES), pattern(1000)].concat();
    assert!(get(&client, "k").await == bytes);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let (server, client) = start().await;
    let upload_id = create(&client).await;
    part(&client, &upload_id, 1, pattern(100)).await;
    let abort = client.abort_multipart_upload().bucket(BUCKET).key("k");
    abort.upload_id(&upload_id).send().await.unwrap();
    assert_eq!(count_blobs(&server), 0);
    let late = client.upload_part().bucket(BUCKET).key("k").part_number(2);
    let late = late
        .upload_id(&upload_id)
        .body(ByteStream::from_static(b"late"));
    assert_eq!(refusal(late.send().await), refused(404, "NoSuchUpload"));
    assert_eq!(count_blobs(&server), 0);
}

#[tokio::test]
async fn a_bad_digest_keeps_the_old_object_and_leaves_nothing_behind() {
    let (server, client) = start().await;
    put(&client, "k", "old").await;
    let put = || {
        let put = client.put_object().bucket(BUCKET).key("k");
        put.body(ByteStream::from_static(b"new"))
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
async fn a_copy_shares_the_bytes_of_its_source() {
    let (server, client) = start().await;
    put(&client, "from", pattern(100_000)).await;
    let copy = client.copy_object().copy_source(format!("{BUCKET}/from"));
    copy.bucket(OTHER_BUCKET).key("to").send().await.unwrap();
    assert_eq!(count_blobs(&server), 1);
    for (left, bucket, key) in [(1, BUCKET, "from"), (0, OTHER_BUCKET, "to")] {
        let delete = client.delete_object().bucket(bucket).key(key);
        delete.send().await.unwrap();
        assert_eq!(count_blobs(&server), left);
    }
}

#[tokio::test]
async fn a_read_under_way_finishes_though_its_object_is_replaced() {
    let (server, client) = start().await;
    // More than the sockets and buffers in between can hold.
    let old = pattern(32 << 20);
    put(&client, "k", old.clone()).await;
    let reading = client.get_object().bucket(BUCKET).key("k");
    let mut reading = reading.send().await.unwrap().body;
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
