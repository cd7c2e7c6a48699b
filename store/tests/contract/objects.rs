//! Whole objects: what is put is what is got.

use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, MetadataDirective, ObjectIdentifier};

use crate::server::{Server, Verdict, answer, ensure, expect, pattern};

pub(crate) async fn headers_and_metadata_come_back(server: &Server) -> Verdict {
    let put = server.client.put_object().bucket(&server.bucket).key("k");
    let put = put
        .content_type("video/mp4")
        .cache_control("max-age=60")
        .content_disposition("inline")
        .metadata("filename", "a film.mp4")
        .body(ByteStream::from_static(b"hello"));
    let etag = put.send().await.unwrap().e_tag.unwrap();
    let head = server.client.head_object().bucket(&server.bucket).key("k");
    let head = head.send().await.unwrap();
    expect("the length", head.content_length.unwrap_or(-1), 5)?;
    let metadata = head.metadata.unwrap_or_default();
    for (what, seen, wanted) in [
        ("Content-Type", head.content_type.as_deref(), "video/mp4"),
        ("Cache-Control", head.cache_control.as_deref(), "max-age=60"),
        (
            "Content-Disposition",
            head.content_disposition.as_deref(),
            "inline",
        ),
        (
            "metadata",
            metadata.get("filename").map(String::as_str),
            "a film.mp4",
        ),
        ("the ETag", head.e_tag.as_deref(), &etag),
    ] {
        expect(what, seen.unwrap_or("none"), wanted)?;
    }
    ensure(head.last_modified.is_some(), "no Last-Modified")?;
    ensure(server.get("k").await == b"hello", "other bytes")
}

pub(crate) async fn an_etag_is_the_md5_of_the_bytes(server: &Server) -> Verdict {
    let etag = server.put("k", "hello").await;
    expect(
        "the ETag",
        etag.as_str(),
        "\"5d41402abc4b2a76b9719d911017c592\"",
    )
}

pub(crate) async fn an_empty_object_is_an_object(server: &Server) -> Verdict {
    server.put("empty", []).await;
    expect("a read", server.there("empty").await, "accepted")?;
    ensure(
        server.get("empty").await.is_empty(),
        "there are bytes in it",
    )?;
    ensure(
        server.keys(&server.bucket, "").await == ["empty"],
        "it is not listed",
    )
}

pub(crate) async fn keys_are_names_and_never_paths(server: &Server) -> Verdict {
    let long = "k".repeat(900);
    let reaching = format!("../{}/x", server.other_bucket);
    let mut keys = [
        "a",
        "a/b",
        "a//b",
        "a/../b",
        "b",
        "../x",
        &reaching,
        "+ % # ? é",
        "&=日本",
        "trail/",
        &long,
    ];
    for key in keys {
        let put = server.client.put_object().bucket(&server.bucket).key(key);
        let put = put.body(ByteStream::from(key.as_bytes().to_vec())).send();
        expect(&format!("PUT of {key:?}"), answer(put.await), "accepted")?;
    }
    for key in keys {
        expect(
            &format!("GET of {key:?}"),
            server.there(key).await,
            "accepted",
        )?;
        ensure(
            server.get(key).await == key.as_bytes(),
            &format!("{key:?} has another's bytes"),
        )?;
    }
    keys.sort_unstable();
    let listed = server.keys(&server.bucket, "").await;
    ensure(listed == keys, &format!("listed: {listed:?}"))?;
    let there = server.keys(&server.other_bucket, "").await.len();
    expect("keys in the other bucket", there, 0)
}

pub(crate) async fn a_key_of_more_than_1024_bytes_is_refused(server: &Server) -> Verdict {
    let put = server.client.put_object().bucket(&server.bucket);
    let put = put
        .key("k".repeat(1025))
        .body(ByteStream::from_static(b"x"));
    expect(
        "1,025 bytes",
        answer(put.send().await),
        "400 KeyTooLongError",
    )
}

pub(crate) async fn what_is_not_there_is_not_found(server: &Server) -> Verdict {
    expect("GET", server.there("no").await, "404 NoSuchKey")?;
    let head = server.client.head_object().bucket(&server.bucket).key("no");
    expect("HEAD", answer(head.send().await), "404 NotFound")?;
    let elsewhere = server
        .client
        .get_object()
        .bucket("no-such-bucket-of-anyones");
    let elsewhere = answer(elsewhere.key("no").send().await);
    expect("GET in no bucket", elsewhere, "404 NoSuchBucket")?;
    let bucket = server
        .client
        .head_bucket()
        .bucket("no-such-bucket-of-anyones");
    expect(
        "HEAD of no bucket",
        answer(bucket.send().await),
        "404 NotFound",
    )?;
    let bucket = server.client.head_bucket().bucket(&server.bucket);
    expect("HEAD of a bucket", answer(bucket.send().await), "accepted")
}

/// Deleting it again is what a retry does.
pub(crate) async fn what_is_not_there_can_be_deleted(server: &Server) -> Verdict {
    server.put("k", "bytes").await;
    for what in ["DELETE", "DELETE again"] {
        let delete = server
            .client
            .delete_object()
            .bucket(&server.bucket)
            .key("k");
        expect(what, answer(delete.send().await), "accepted")?;
        expect("GET", server.there("k").await, "404 NoSuchKey")?;
    }
    Ok(())
}

/// A PUT of `new` where `old` is, which should be refused; what was there stays.
async fn refused_digest(
    server: &Server,
    what: &str,
    digest: impl FnOnce(PutObjectFluentBuilder) -> PutObjectFluentBuilder,
    wanted: &str,
) -> Verdict {
    server.put("k", "old").await;
    let put = server.client.put_object().bucket(&server.bucket).key("k");
    let put = digest(put.body(ByteStream::from_static(b"new")));
    expect(what, answer(put.send().await), wanted)?;
    ensure(server.get("k").await == b"old", "the old object is gone")
}

pub(crate) async fn a_wrong_md5_is_refused(server: &Server) -> Verdict {
    let md5_of_hello = "XUFAKrxLKna5cZ2REBfFkg==";
    let digest = |put: PutObjectFluentBuilder| put.content_md5(md5_of_hello);
    refused_digest(server, "MD5 of other bytes", digest, "400 BadDigest").await?;
    let short = |put: PutObjectFluentBuilder| put.content_md5("short");
    refused_digest(server, "no MD5 at all", short, "400 InvalidDigest").await
}

pub(crate) async fn a_wrong_checksum_is_refused(server: &Server) -> Verdict {
    let crc32 = |put: PutObjectFluentBuilder| put.checksum_crc32("AAAAAA==");
    refused_digest(server, "CRC-32 of other bytes", crc32, "400 BadDigest").await?;
    // As long as a SHA-256 is.
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let sha256 = |put: PutObjectFluentBuilder| put.checksum_sha256(zeros);
    refused_digest(server, "SHA-256 of other bytes", sha256, "400 BadDigest").await
}

pub(crate) async fn good_checksums_of_every_kind_are_accepted(server: &Server) -> Verdict {
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Crc64Nvme,
    ] {
        let key = algorithm.as_str().to_owned();
        let put = server.client.put_object().bucket(&server.bucket).key(&key);
        let put = put
            .checksum_algorithm(algorithm)
            .body(pattern(300_000).into());
        expect(&key, answer(put.send().await), "accepted")?;
        ensure(server.get(&key).await == pattern(300_000), "other bytes")?;
    }
    Ok(())
}

fn copy(server: &Server, to: &str) -> CopyObjectFluentBuilder {
    let copy = server.client.copy_object();
    copy.copy_source(format!("{}/from%20%C3%A9", server.bucket))
        .bucket(&server.other_bucket)
        .key(to)
}

pub(crate) async fn a_copy_outlives_its_source(server: &Server) -> Verdict {
    let etag = server.put("from é", pattern(100_000)).await;
    let copied = copy(server, "to").send().await.unwrap();
    let copied = copied.copy_object_result.unwrap().e_tag;
    ensure(copied == Some(etag), "the copy has another ETag")?;
    let typed = copy(server, "typed").content_type("video/webm");
    let typed = typed.metadata_directive(MetadataDirective::Replace);
    typed.send().await.unwrap();

    let delete = server.client.delete_object().bucket(&server.bucket);
    delete.key("from é").send().await.unwrap();
    let typed = server.client.get_object().bucket(&server.other_bucket);
    let typed = typed.key("typed").send().await.unwrap();
    expect(
        "its type",
        typed.content_type().unwrap_or("none"),
        "video/webm",
    )?;
    let bytes = typed.body.collect().await.unwrap().to_vec();
    ensure(bytes == pattern(100_000), "other bytes")?;
    let again = answer(copy(server, "again").send().await);
    expect("a copy of what is gone", again, "404 NoSuchKey")
}

pub(crate) async fn a_copy_onto_itself_keeps_the_bytes(server: &Server) -> Verdict {
    server.put("from é", "bytes").await;
    let copy = copy(server, "from é").bucket(&server.bucket);
    let copy = copy.metadata_directive(MetadataDirective::Replace);
    copy.metadata("new", "yes").send().await.unwrap();
    ensure(server.get("from é").await == b"bytes", "other bytes")
}

pub(crate) async fn many_keys_are_deleted_at_once(server: &Server) -> Verdict {
    for key in ["a", "b", "c"] {
        server.put(key, key).await;
    }
    let named = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = Delete::builder().objects(named("a")).objects(named("b"));
    let delete = delete.objects(named("never")).build().unwrap();
    let request = server.client.delete_objects().bucket(&server.bucket);
    let deleted = request.delete(delete).send().await.unwrap();
    expect("keys in the answer", deleted.deleted().len(), 3)?;
    ensure(
        server.keys(&server.bucket, "").await == ["c"],
        "other keys are left",
    )
}

pub(crate) async fn an_object_comes_whole_while_it_is_replaced(server: &Server) -> Verdict {
    let versions = [vec![b'a'; 100_000], vec![b'b'; 200_000]];
    server.put("k", versions[0].clone()).await;
    let writing = async {
        for round in 0..20 {
            server.put("k", versions[(round + 1) % 2].clone()).await;
        }
    };
    let reading = async {
        let mut is_whole = true;
        for _ in 0..40 {
            is_whole &= versions.contains(&server.get("k").await);
        }
        is_whole
    };
    let ((), is_whole) = futures::join!(writing, reading);
    ensure(is_whole, "a reader got a mixture")
}
