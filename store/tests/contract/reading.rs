//! Ranges and conditional reads.

use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::builders::HeadObjectFluentBuilder;
use aws_sdk_s3::primitives::DateTime;

use crate::server::{Server, Verdict, answer, ensure, expect, pattern};

fn get(server: &Server) -> GetObjectFluentBuilder {
    server.client.get_object().bucket(&server.bucket).key("k")
}

fn head(server: &Server) -> HeadObjectFluentBuilder {
    server.client.head_object().bucket(&server.bucket).key("k")
}

pub(crate) async fn ranges(server: &Server) -> Verdict {
    let bytes = pattern(1000);
    server.put("k", bytes.clone()).await;
    for (range, wanted, content_range) in [
        ("bytes=0-0", 0..1, "bytes 0-0/1000"),
        ("bytes=0-99", 0..100, "bytes 0-99/1000"),
        ("bytes=10-19", 10..20, "bytes 10-19/1000"),
        ("bytes=990-", 990..1000, "bytes 990-999/1000"),
        ("bytes=-5", 995..1000, "bytes 995-999/1000"),
        ("bytes=900-5000", 900..1000, "bytes 900-999/1000"),
    ] {
        let object = get(server).range(range).send().await.unwrap();
        let said = object.content_range().unwrap_or("none");
        expect(&format!("Content-Range of {range}"), said, content_range)?;
        let len_bytes = object.content_length.unwrap_or(-1);
        expect(
            &format!("length of {range}"),
            len_bytes,
            wanted.len() as i64,
        )?;
        let body = object.body.collect().await.unwrap().to_vec();
        ensure(body == bytes[wanted], &format!("{range}: other bytes"))?;
    }
    Ok(())
}

pub(crate) async fn a_suffix_longer_than_the_object(server: &Server) -> Verdict {
    server.put("k", pattern(1000)).await;
    let object = get(server).range("bytes=-5000").send().await.unwrap();
    let said = object.content_range().unwrap_or("none");
    expect("Content-Range", said, "bytes 0-999/1000")
}

pub(crate) async fn a_range_past_the_end_is_refused(server: &Server) -> Verdict {
    server.put("k", pattern(1000)).await;
    let past = answer(get(server).range("bytes=1000-").send().await);
    expect("bytes=1000- of 1000", past, "416 InvalidRange")
}

pub(crate) async fn a_range_of_nothing_is_refused(server: &Server) -> Verdict {
    server.put("k", pattern(1000)).await;
    let none = answer(get(server).range("bytes=-0").send().await);
    expect("the last 0 bytes", none, "416 InvalidRange")?;
    server.put("k", []).await;
    let empty = answer(get(server).range("bytes=0-").send().await);
    expect("bytes=0- of an empty object", empty, "416 InvalidRange")
}

pub(crate) async fn reads_of_what_is_known_are_answered_304(server: &Server) -> Verdict {
    let etag = server.put("k", "bytes").await;
    let unchanged = get(server).if_none_match(&etag).send().await.unwrap_err();
    let raw = unchanged.raw_response().unwrap();
    expect("the status", raw.status().as_u16(), 304)?;
    let said = raw.headers().get("etag").unwrap_or("none");
    expect("its ETag", said, etag.as_str())?;
    let head = answer(head(server).if_none_match(&etag).send().await);
    expect("HEAD", head, "304")?;
    let other = answer(get(server).if_none_match("\"other\"").send().await);
    expect("If-None-Match of another version", other, "accepted")
}

pub(crate) async fn reads_of_a_version_that_is_gone_are_refused(server: &Server) -> Verdict {
    let etag = server.put("k", "bytes").await;
    let same = answer(get(server).if_match(&etag).send().await);
    expect("If-Match", same, "accepted")?;
    let other = answer(get(server).if_match("\"other\"").send().await);
    expect(
        "If-Match of another version",
        other,
        "412 PreconditionFailed",
    )?;
    let head = answer(head(server).if_match("\"other\"").send().await);
    expect("HEAD", head, "412")
}

pub(crate) async fn reads_by_date(server: &Server) -> Verdict {
    server.put("k", "bytes").await;
    let modified = head(server).send().await.unwrap().last_modified.unwrap();
    let before = DateTime::from_secs(modified.secs() - 10);
    for (what, answer, wanted) in [
        (
            "If-Modified-Since then",
            answer(get(server).if_modified_since(modified).send().await),
            "304",
        ),
        (
            "If-Modified-Since before",
            answer(get(server).if_modified_since(before).send().await),
            "accepted",
        ),
        (
            "If-Unmodified-Since then",
            answer(get(server).if_unmodified_since(modified).send().await),
            "accepted",
        ),
        (
            "If-Unmodified-Since before",
            answer(get(server).if_unmodified_since(before).send().await),
            "412 PreconditionFailed",
        ),
    ] {
        expect(what, answer.as_str(), wanted)?;
    }
    Ok(())
}
