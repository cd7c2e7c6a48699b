//! Multipart uploads.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::operation::upload_part::builders::UploadPartFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::client::*;

/// An upload with the parts that were sent so far.
pub(crate) struct Upload {
    key: String,
    upload_id: String,
    parts: Vec<CompletedPart>,
}

impl Upload {
    async fn create(client: &Client, key: &str) -> Self {
        let created = client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .content_type("video/mp4")
            .metadata("filename", "film.mp4")
            .send()
            .await
            .unwrap();
        Self {
            key: key.to_owned(),
            upload_id: created.upload_id.unwrap(),
            parts: Vec::new(),
        }
    }

    fn part(&self, client: &Client, number: i32, bytes: &[u8]) -> UploadPartFluentBuilder {
        client
            .upload_part()
            .bucket(BUCKET)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .part_number(number)
            .body(ByteStream::from(bytes.to_vec()))
    }

    fn note(&mut self, number: i32, sent: &UploadPartOutput) {
        self.parts.push(completed(number, sent.e_tag().unwrap()));
    }

    pub(crate) fn complete(&self, client: &Client) -> CompleteMultipartUploadFluentBuilder {
        self.complete_with(client, self.parts.clone())
    }

    fn complete_with(
        &self,
        client: &Client,
        parts: Vec<CompletedPart>,
    ) -> CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .multipart_upload(parts)
    }

    async fn abort(&self, client: &Client) {
        client
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .send()
            .await
            .unwrap();
    }
}

fn completed(number: i32, etag: &str) -> CompletedPart {
    CompletedPart::builder()
        .part_number(number)
        .e_tag(etag)
        .build()
}

/// Sends all parts, completes nothing.
pub(crate) async fn upload(client: &Client, key: &str, parts: &[(i32, Vec<u8>)]) -> Upload {
    let mut upload = Upload::create(client, key).await;
    for (number, bytes) in parts {
        let sent = upload.part(client, *number, bytes).send().await.unwrap();
        upload.note(*number, &sent);
    }
    upload
}

#[tokio::test]
async fn parts_with_gaps_become_one_object_without_copying() {
    let (server, client) = start().await;
    let bytes = pattern(MIN_PART_LEN_BYTES * 2 + 1000);
    let parts = [
        (2, bytes[..MIN_PART_LEN_BYTES].to_vec()),
        (
            5,
            bytes[MIN_PART_LEN_BYTES..2 * MIN_PART_LEN_BYTES].to_vec(),
        ),
        (9000, bytes[2 * MIN_PART_LEN_BYTES..].to_vec()),
    ];
    let upload = upload(&client, "film", &parts).await;
    let blobs_before = count_blobs(&server);
    let done = upload.complete(&client).send().await.unwrap();
    assert_eq!(count_blobs(&server), blobs_before);
    let etag = done.e_tag.unwrap();
    assert!(etag.ends_with("-3\""), "{etag}");

    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("film")
        .send()
        .await
        .unwrap();
    assert_eq!(head.e_tag, Some(etag));
    assert_eq!(head.content_type.as_deref(), Some("video/mp4"));
    assert_eq!(head.metadata.unwrap()["filename"], "film.mp4");
    assert_eq!(head.content_length, Some(bytes.len() as i64));
    assert!(get(&client, "film").await == bytes);

    // Across the seams of two parts.
    let (from, to) = (MIN_PART_LEN_BYTES - 3, 2 * MIN_PART_LEN_BYTES + 2);
    let range = client
        .get_object()
        .bucket(BUCKET)
        .key("film")
        .range(format!("bytes={from}-{to}"))
        .send()
        .await
        .unwrap();
    assert!(range.body.collect().await.unwrap().to_vec() == bytes[from..=to]);
}

#[tokio::test]
async fn a_part_sent_again_replaces_the_first_and_unnamed_parts_go() {
    let (server, client) = start().await;
    let mut upload = Upload::create(&client, "k").await;
    upload.part(&client, 1, b"first").send().await.unwrap();
    let second = upload.part(&client, 1, b"second").send().await.unwrap();
    upload
        .part(&client, 2, b"never completed")
        .send()
        .await
        .unwrap();
    assert_eq!(count_blobs(&server), 2);
    upload.note(1, &second);
    upload.complete(&client).send().await.unwrap();
    assert_eq!(get(&client, "k").await, b"second");
    assert_eq!(count_blobs(&server), 1);
}

#[tokio::test]
async fn a_wrong_list_of_parts_is_refused_and_can_be_corrected() {
    let (_server, client) = start().await;
    let small = upload(
        &client,
        "k",
        &[(1, b"small".to_vec()), (2, b"last".to_vec())],
    )
    .await;
    let complete = |parts: Vec<CompletedPart>| small.complete_with(&client, parts).send();
    let [one, two] = [small.parts[0].clone(), small.parts[1].clone()];

    let too_small = complete(vec![one.clone(), two.clone()]).await;
    assert_eq!(refusal(too_small), refused(400, "EntityTooSmall"));
    let wrong_etag = complete(vec![completed(1, two.e_tag().unwrap())]).await;
    assert_eq!(refusal(wrong_etag), refused(400, "InvalidPart"));
    let missing = complete(vec![completed(3, two.e_tag().unwrap())]).await;
    assert_eq!(refusal(missing), refused(400, "InvalidPart"));
    let disorder = complete(vec![two.clone(), one.clone()]).await;
    assert_eq!(refusal(disorder), refused(400, "InvalidPartOrder"));
    let twice = complete(vec![one.clone(), one.clone()]).await;
    assert_eq!(refusal(twice), refused(400, "InvalidPartOrder"));
    let wrong_size = small
        .complete_with(&client, vec![two.clone()])
        .mpu_object_size(5)
        .send();
    assert_eq!(refusal(wrong_size.await), refused(400, "InvalidRequest"));
    let nothing = client.get_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(refusal(nothing), refused(404, "NoSuchKey"));

    complete(vec![two]).await.unwrap();
    assert_eq!(get(&client, "k").await, b"last");
}

#[tokio::test]
async fn a_completion_sent_twice_is_answered_twice() {
    let (_server, client) = start().await;
    let upload = upload(&client, "k", &[(1, b"bytes".to_vec())]).await;
    let complete = || upload.complete(&client).if_none_match("*").send();
    let first = complete().await.unwrap();
    let second = complete().await.unwrap();
    assert_eq!(first.e_tag, second.e_tag);

    put(&client, "k", "another").await;
    assert_eq!(refusal(complete().await), refused(404, "NoSuchUpload"));
    assert_eq!(get(&client, "k").await, b"another");
}

#[tokio::test]
async fn a_conditional_completion_that_loses_can_be_repeated() {
    let (_server, client) = start().await;
    let etag = put(&client, "k", "in the way").await;
    let upload = upload(&client, "k", &[(1, b"bytes".to_vec())]).await;
    let lost = upload.complete(&client).if_none_match("*").send().await;
    assert_eq!(refusal(lost), refused(412, "PreconditionFailed"));
    upload
        .complete(&client)
        .if_match(etag)
        .send()
        .await
        .unwrap();
    assert_eq!(get(&client, "k").await, b"bytes");
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_takes_nothing() {
    let (server, client) = start().await;
    let upload = upload(&client, "k", &[(1, b"bytes".to_vec())]).await;
    upload.abort(&client).await;
    assert_eq!(count_blobs(&server), 0);
    let part = upload.part(&client, 2, b"more").send().await;
    assert_eq!(refusal(part), refused(404, "NoSuchUpload"));
    let complete = upload.complete(&client).send().await;
    assert_eq!(refusal(complete), refused(404, "NoSuchUpload"));
    assert_eq!(count_blobs(&server), 0);
}

#[tokio::test]
async fn parts_and_uploads_are_listed_in_pages() {
    let (_server, client) = start().await;
    let parts: Vec<_> = (1..=5)
        .map(|number| (number, vec![0; number as usize]))
        .collect();
    let listed = upload(&client, "b", &parts).await;
    for key in ["a", "b", "c", "other"] {
        Upload::create(&client, key).await;
    }

    let mut numbers = Vec::new();
    let mut marker = None;
    loop {
        let page = client
            .list_parts()
            .bucket(BUCKET)
            .key("b")
            .upload_id(&listed.upload_id)
            .max_parts(2)
            .set_part_number_marker(marker)
            .send()
            .await
            .unwrap();
        numbers.extend(
            page.parts()
                .iter()
                .map(|part| (part.part_number().unwrap(), part.size().unwrap())),
        );
        marker = page.next_part_number_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(numbers, [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);

    let mut keys = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let page = client
            .list_multipart_uploads()
            .bucket(BUCKET)
            .max_uploads(1)
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .send()
            .await
            .unwrap();
        keys.extend(
            page.uploads()
                .iter()
                .map(|upload| upload.key().unwrap().to_owned()),
        );
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        if page.is_truncated != Some(true) {
            break;
        }
    }
    assert_eq!(keys, ["a", "b", "b", "c", "other"]);
    let page = client
        .list_multipart_uploads()
        .bucket(BUCKET)
        .prefix("o")
        .send()
        .await
        .unwrap();
    assert_eq!(page.uploads().len(), 1);
}

#[tokio::test]
async fn part_numbers_are_those_of_s3() {
    let (_server, client) = start().await;
    let upload = Upload::create(&client, "k").await;
    for number in [0, 10_001] {
        let part = upload.part(&client, number, b"bytes").send().await;
        assert_eq!(refusal(part), refused(400, "InvalidArgument"), "{number}");
    }
}
