//! Multipart uploads.

use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::operation::upload_part::builders::UploadPartFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::server::{MIN_PART_LEN_BYTES, Server, Verdict, answer, ensure, expect, pattern};

/// An upload with the parts that were sent so far.
pub(crate) struct Upload {
    key: String,
    upload_id: String,
    parts: Vec<CompletedPart>,
}

impl Upload {
    async fn create(server: &Server, key: &str) -> Self {
        let create = server.client.create_multipart_upload();
        let create = create.bucket(&server.bucket).key(key);
        let create = create
            .content_type("video/mp4")
            .metadata("filename", "film.mp4");
        Self {
            key: key.to_owned(),
            upload_id: create.send().await.unwrap().upload_id.unwrap(),
            parts: Vec::new(),
        }
    }

    /// Sends all parts, completes nothing.
    pub(crate) async fn of(server: &Server, key: &str, parts: &[(i32, Vec<u8>)]) -> Self {
        let mut upload = Self::create(server, key).await;
        for (number, bytes) in parts {
            let sent = upload.part(server, *number, bytes).send().await.unwrap();
            upload.note(*number, &sent);
        }
        upload
    }

    fn part(&self, server: &Server, number: i32, bytes: &[u8]) -> UploadPartFluentBuilder {
        let part = server.client.upload_part().bucket(&server.bucket);
        part.key(&self.key)
            .upload_id(&self.upload_id)
            .part_number(number)
            .body(ByteStream::from(bytes.to_vec()))
    }

    fn note(&mut self, number: i32, sent: &UploadPartOutput) {
        self.parts.push(completed(number, sent.e_tag().unwrap()));
    }

    pub(crate) fn complete(&self, server: &Server) -> CompleteMultipartUploadFluentBuilder {
        self.complete_with(server, self.parts.clone())
    }

    fn complete_with(
        &self,
        server: &Server,
        parts: Vec<CompletedPart>,
    ) -> CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
        let complete = server.client.complete_multipart_upload();
        complete
            .bucket(&server.bucket)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .multipart_upload(parts.build())
    }

    async fn abort(&self, server: &Server) {
        let abort = server.client.abort_multipart_upload();
        let abort = abort.bucket(&server.bucket).key(&self.key);
        abort.upload_id(&self.upload_id).send().await.unwrap();
    }
}

fn completed(number: i32, etag: &str) -> CompletedPart {
    let part = CompletedPart::builder().part_number(number);
    part.e_tag(etag).build()
}

pub(crate) async fn parts_with_gaps_become_one_object(server: &Server) -> Verdict {
    let bytes = pattern(MIN_PART_LEN_BYTES * 2 + 1000);
    let (first, rest) = bytes.split_at(MIN_PART_LEN_BYTES);
    let (second, third) = rest.split_at(MIN_PART_LEN_BYTES);
    let parts = [
        (2, first.to_vec()),
        (5, second.to_vec()),
        (9000, third.to_vec()),
    ];
    let upload = Upload::of(server, "film", &parts).await;
    let done = upload.complete(server).send().await;
    let etag = match done {
        Ok(done) => done.e_tag.unwrap(),
        Err(error) => return expect("the completion", answer::<(), _>(Err(error)), "accepted"),
    };
    ensure(etag.ends_with("-3\""), &format!("the ETag is {etag}"))?;

    let head = server
        .client
        .head_object()
        .bucket(&server.bucket)
        .key("film");
    let head = head.send().await.unwrap();
    ensure(
        head.e_tag == Some(etag),
        "HEAD gives another ETag than the completion",
    )?;
    ensure(
        head.content_type.as_deref() == Some("video/mp4"),
        "its type is lost",
    )?;
    let metadata = head.metadata.unwrap_or_default();
    ensure(
        metadata
            .get("filename")
            .is_some_and(|name| name == "film.mp4"),
        "its metadata are lost",
    )?;
    expect(
        "its length",
        head.content_length.unwrap(),
        bytes.len() as i64,
    )?;
    ensure(server.get("film").await == bytes, "other bytes")?;

    // Across the seams of two parts.
    let (from, to) = (MIN_PART_LEN_BYTES - 3, 2 * MIN_PART_LEN_BYTES + 2);
    let range = server
        .client
        .get_object()
        .bucket(&server.bucket)
        .key("film");
    let range = range
        .range(format!("bytes={from}-{to}"))
        .send()
        .await
        .unwrap();
    let range = range.body.collect().await.unwrap().to_vec();
    ensure(range == bytes[from..=to], "other bytes in a range")
}

pub(crate) async fn a_part_sent_again_replaces_the_first(server: &Server) -> Verdict {
    let mut upload = Upload::create(server, "k").await;
    upload.part(server, 1, b"first").send().await.unwrap();
    let second = upload.part(server, 1, b"second").send().await.unwrap();
    upload.part(server, 2, b"not named").send().await.unwrap();
    upload.note(1, &second);
    upload.complete(server).send().await.unwrap();
    ensure(server.get("k").await == b"second", "other bytes")
}

/// A completion that names these parts of an upload of two, and how it should be answered.
async fn refused_list(
    server: &Server,
    what: &str,
    list: impl FnOnce(CompletedPart, CompletedPart) -> Vec<CompletedPart>,
    wanted: &str,
) -> Verdict {
    let parts = [
        (1, vec![1; MIN_PART_LEN_BYTES]),
        (2, vec![2; MIN_PART_LEN_BYTES]),
    ];
    let upload = Upload::of(server, "k", &parts).await;
    let [one, two] = [upload.parts[0].clone(), upload.parts[1].clone()];
    let complete = upload.complete_with(server, list(one, two));
    expect(what, answer(complete.send().await), wanted)?;
    expect("a read after it", server.there("k").await, "404 NoSuchKey")?;
    let corrected = answer(upload.complete(server).send().await);
    expect("the right list after it", corrected, "accepted")
}

pub(crate) async fn a_part_of_less_than_5_mib_is_refused(server: &Server) -> Verdict {
    let parts = [(1, b"small".to_vec()), (2, b"last".to_vec())];
    let upload = Upload::of(server, "k", &parts).await;
    let complete = answer(upload.complete(server).send().await);
    expect("a first part of 5 bytes", complete, "400 EntityTooSmall")?;
    let last = vec![upload.parts[1].clone()];
    let last = answer(upload.complete_with(server, last).send().await);
    expect("the last part alone", last, "accepted")
}

pub(crate) async fn a_wrong_etag_of_a_part_is_refused(server: &Server) -> Verdict {
    let wrong = |_, two: CompletedPart| vec![completed(1, two.e_tag().unwrap())];
    refused_list(server, "another part's ETag", wrong, "400 InvalidPart").await
}

pub(crate) async fn a_missing_part_is_refused(server: &Server) -> Verdict {
    let list = |one: CompletedPart, _| vec![completed(3, one.e_tag().unwrap())];
    refused_list(
        server,
        "a part that was never sent",
        list,
        "400 InvalidPart",
    )
    .await
}

pub(crate) async fn parts_in_disorder_are_refused(server: &Server) -> Verdict {
    let list = |one, two| vec![two, one];
    refused_list(server, "2 before 1", list, "400 InvalidPartOrder").await
}

pub(crate) async fn a_part_named_twice_is_refused(server: &Server) -> Verdict {
    let list = |one: CompletedPart, _| vec![one.clone(), one];
    refused_list(server, "1 and 1", list, "400 InvalidPartOrder").await
}

pub(crate) async fn a_completion_that_names_another_size_is_refused(server: &Server) -> Verdict {
    let upload = Upload::of(server, "k", &[(1, b"four".to_vec())]).await;
    let complete = upload.complete(server).mpu_object_size(5).send().await;
    expect(
        "5 bytes in place of 4",
        answer(complete),
        "400 InvalidRequest",
    )
}

pub(crate) async fn a_completion_sent_twice_is_answered_twice(server: &Server) -> Verdict {
    let upload = Upload::of(server, "k", &[(1, b"bytes".to_vec())]).await;
    let first = upload.complete(server).send().await.unwrap();
    let second = upload.complete(server).send().await;
    let etag = second.as_ref().ok().and_then(|done| done.e_tag.clone());
    expect("the second time", answer(second), "accepted")?;
    ensure(etag == first.e_tag, "the second answer names another ETag")?;

    server.put("k", "another").await;
    let third = answer(upload.complete(server).send().await);
    expect("once the object is another", third, "404 NoSuchUpload")?;
    ensure(
        server.get("k").await == b"another",
        "the other object was replaced",
    )
}

pub(crate) async fn an_aborted_upload_takes_nothing_more(server: &Server) -> Verdict {
    let upload = Upload::of(server, "k", &[(1, b"bytes".to_vec())]).await;
    upload.abort(server).await;
    expect("uploads", server.uploads(&server.bucket).await.len(), 0)?;
    let complete = answer(upload.complete(server).send().await);
    expect("the completion", complete, "404 NoSuchUpload")?;
    expect("a read", server.there("k").await, "404 NoSuchKey")?;
    let part = answer(upload.part(server, 2, b"more").send().await);
    expect("a part", part, "404 NoSuchUpload")
}

pub(crate) async fn parts_are_listed_in_pages(server: &Server) -> Verdict {
    let parts: Vec<_> = (1..=5)
        .map(|number| (number, vec![0; number as usize]))
        .collect();
    let upload = Upload::of(server, "b", &parts).await;
    let (mut seen, mut marker) = (Vec::new(), None);
    for _ in 0..=parts.len() {
        let list = server.client.list_parts().bucket(&server.bucket).key("b");
        let list = list.upload_id(&upload.upload_id).max_parts(2);
        let page = list.set_part_number_marker(marker).send().await;
        let Ok(page) = page else {
            return expect("a page", answer(page), "accepted");
        };
        for part in page.parts() {
            seen.push((part.part_number().unwrap(), part.size().unwrap()));
        }
        marker = page.next_part_number_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    let wanted = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)];
    ensure(seen == wanted, &format!("listed: {seen:?}, not {wanted:?}"))
}

/// The keys of five uploads, in pages of one.
async fn listed_one_by_one(server: &Server) -> Vec<String> {
    for key in ["b", "a", "c", "b", "other"] {
        Upload::create(server, key).await;
    }
    let (mut seen, mut key_marker, mut id_marker) = (Vec::new(), None, None);
    for _ in 0..=5 {
        let list = server
            .client
            .list_multipart_uploads()
            .bucket(&server.bucket);
        let list = list.max_uploads(1).set_key_marker(key_marker);
        let page = list.set_upload_id_marker(id_marker).send().await.unwrap();
        for upload in page.uploads() {
            seen.push(upload.key().unwrap().to_owned());
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        if page.is_truncated != Some(true) {
            break;
        }
    }
    seen
}

pub(crate) async fn all_uploads_are_listed(server: &Server) -> Verdict {
    let mut seen = listed_one_by_one(server).await;
    seen.sort_unstable();
    let wanted = ["a", "b", "b", "c", "other"];
    ensure(seen == wanted, &format!("{seen:?}, not {wanted:?}"))
}

pub(crate) async fn uploads_are_listed_in_order(server: &Server) -> Verdict {
    let seen = listed_one_by_one(server).await;
    let wanted = ["a", "b", "b", "c", "other"];
    ensure(seen == wanted, &format!("{seen:?}, not {wanted:?}"))
}

pub(crate) async fn uploads_are_listed_by_prefix_with_their_age(server: &Server) -> Verdict {
    for key in ["a", "other"] {
        Upload::create(server, key).await;
    }
    let list = server
        .client
        .list_multipart_uploads()
        .bucket(&server.bucket);
    let page = list.prefix("o").send().await.unwrap();
    expect("uploads under a prefix", page.uploads().len(), 1)?;
    ensure(
        page.uploads()[0].initiated().is_some(),
        "it does not say since when",
    )
}

pub(crate) async fn part_numbers_go_from_1_to_10000(server: &Server) -> Verdict {
    let upload = Upload::create(server, "k").await;
    for (number, wanted) in [
        (0, "400 InvalidArgument"),
        (1, "accepted"),
        (10_000, "accepted"),
        (10_001, "400 InvalidArgument"),
    ] {
        let part = answer(upload.part(server, number, b"bytes").send().await);
        expect(&format!("part {number}"), part.as_str(), wanted)?;
    }
    Ok(())
}
