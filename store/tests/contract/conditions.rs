//! Conditional writes: of any number of racers, one wins.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::join_all;

use crate::multipart::Upload;
use crate::presigned::valid_for;
use crate::server::{Server, Verdict, answer, ensure, expect, pattern};

pub(crate) const RACERS: usize = 12;
const ROUNDS: usize = 12;

enum Condition {
    Create,
    Swap(String),
}

/// One writer's attempt; its ETag if it won, else how it was refused.
async fn attempt(
    server: &Server,
    key: &str,
    racer: usize,
    condition: &Condition,
) -> Result<String, String> {
    let body = format!("racer {racer} on {key}").into_bytes();
    let put = server.client.put_object().bucket(&server.bucket).key(key);
    let put = put.body(ByteStream::from(body));
    let put = match condition {
        Condition::Create => put.if_none_match("*"),
        Condition::Swap(etag) => put.if_match(etag),
    };
    match put.send().await {
        Ok(put) => Ok(put.e_tag.unwrap()),
        Err(error) => Err(answer::<(), _>(Err(error))),
    }
}

/// Lets all write at once; the winner's ETag.
async fn race(server: &Server, key: &str, condition: &Condition) -> Result<String, String> {
    let attempts = (0..RACERS).map(|racer| attempt(server, key, racer, condition));
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for attempt in join_all(attempts).await {
        match attempt {
            Ok(etag) => won.push(etag),
            Err(refusal) => lost.push(refusal),
        }
    }
    expect("winners of 12", won.len(), 1)?;
    for refusal in lost {
        check_refusal(&refusal)?;
    }
    let head = server.client.head_object().bucket(&server.bucket).key(key);
    let there = head.send().await.unwrap().e_tag.unwrap();
    ensure(there == won[0], "another object is there than the winner's")?;
    Ok(there)
}

/// AWS answers 409 where another write is in flight.
fn check_refusal(refusal: &str) -> Verdict {
    ensure(
        matches!(
            refusal,
            "412 PreconditionFailed" | "409 ConditionalRequestConflict"
        ),
        &format!("a loser: {refusal}, not 412 PreconditionFailed"),
    )
}

pub(crate) async fn of_twelve_that_create_one_wins(server: &Server) -> Verdict {
    for round in 0..ROUNDS {
        race(server, &format!("key {round}"), &Condition::Create).await?;
    }
    Ok(())
}

pub(crate) async fn of_twelve_that_swap_one_wins(server: &Server) -> Verdict {
    let mut etag = server.put("key", "begin").await;
    for _ in 0..ROUNDS {
        // The same racer wins with the same bytes now and then: then the ETag is the same as well.
        let previous = server.put("key", format!("{etag} round")).await;
        etag = race(server, "key", &Condition::Swap(previous)).await?;
    }
    Ok(())
}

/// A PUT by presigned URL whose body comes piece by piece.
struct SlowPut {
    body: Bytes,
    pieces: UnboundedSender<Result<Bytes, std::io::Error>>,
    answer: tokio::task::JoinHandle<u16>,
}

impl SlowPut {
    /// Sends the head, and half of the body.
    async fn begin(server: &Server, body: Vec<u8>, condition: &Condition) -> Self {
        let put = server.client.put_object().bucket(&server.bucket).key("k");
        let put = match condition {
            Condition::Create => put.if_none_match("*"),
            Condition::Swap(etag) => put.if_match(etag),
        };
        let signed = put.presigned(valid_for(600)).await.unwrap();
        let (pieces, body_stream) = unbounded();
        let mut request = reqwest::Client::new()
            .put(signed.uri())
            .header("content-length", body.len())
            .body(reqwest::Body::wrap_stream(body_stream));
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let answer = tokio::spawn(async move { request.send().await.unwrap().status().as_u16() });
        let body = Bytes::from(body);
        let put = Self {
            body,
            pieces,
            answer,
        };
        put.send(0..put.body.len() / 2);
        put
    }

    fn send(&self, range: std::ops::Range<usize>) {
        self.pieces
            .unbounded_send(Ok(self.body.slice(range)))
            .unwrap();
    }

    /// All but the last byte.
    fn nearly_end(&self) {
        self.send(self.body.len() / 2..self.body.len() - 1);
    }

    async fn end(self) -> u16 {
        self.send(self.body.len() - 1..self.body.len());
        drop(self.pieces);
        self.answer.await.unwrap()
    }
}

async fn slow_race(server: &Server, condition: &Condition) -> Verdict {
    let mut puts = Vec::new();
    for racer in 0..RACERS {
        let mut body = pattern(100_000);
        body[0] = racer as u8;
        puts.push(SlowPut::begin(server, body, condition).await);
    }
    // The last to begin is the first to come near its end.
    puts.iter().rev().for_each(SlowPut::nearly_end);
    let answers = join_all(puts.into_iter().map(SlowPut::end)).await;
    let winner = answers.iter().position(|&status| status == 200);
    let won = answers.iter().filter(|&&status| status == 200).count();
    expect("winners of 12", won, 1)?;
    for status in answers.iter().filter(|&&status| status != 200) {
        ensure(
            matches!(status, 412 | 409),
            &format!("a loser: {status}, not 412"),
        )?;
    }
    let mut wanted = pattern(100_000);
    wanted[0] = winner.unwrap() as u8;
    ensure(
        server.get("k").await == wanted,
        "the winner's bytes are not there",
    )
}

pub(crate) async fn of_twelve_slow_bodies_that_create_one_wins(server: &Server) -> Verdict {
    slow_race(server, &Condition::Create).await
}

pub(crate) async fn of_twelve_slow_bodies_that_swap_one_wins(server: &Server) -> Verdict {
    let etag = server.put("k", "begin").await;
    slow_race(server, &Condition::Swap(etag)).await
}

/// What counts is whether the condition holds when the body has come, not when it began to.
pub(crate) async fn a_slow_body_loses_to_a_quick_one(server: &Server) -> Verdict {
    let slow = SlowPut::begin(server, pattern(100_000), &Condition::Create).await;
    slow.nearly_end();
    let quick = attempt(server, "k", 0, &Condition::Create).await;
    let etag = quick.map_err(|refusal| format!("the quick create: {refusal}, not accepted"))?;
    expect("the slow create", slow.end().await, 412)?;

    let slow = SlowPut::begin(server, pattern(100_000), &Condition::Swap(etag.clone())).await;
    slow.nearly_end();
    let quick = attempt(server, "k", 1, &Condition::Swap(etag)).await;
    quick.map_err(|refusal| format!("the quick swap: {refusal}, not accepted"))?;
    expect("the slow swap", slow.end().await, 412)?;
    ensure(
        server.get("k").await == b"racer 1 on k",
        "the quick bytes are not there",
    )
}

pub(crate) async fn a_swap_without_an_object(server: &Server) -> Verdict {
    let put = server.client.put_object().bucket(&server.bucket).key("no");
    let put = put.if_match("\"abc\"").body(ByteStream::from_static(b"x"));
    expect("the swap", answer(put.send().await), "404 NoSuchKey")
}

pub(crate) async fn of_twelve_completions_one_wins(server: &Server) -> Verdict {
    let mut uploads = Vec::new();
    for racer in 0..RACERS {
        uploads.push(Upload::of(server, "key", &[(1, vec![racer as u8; 10])]).await);
    }
    let completions = uploads.iter().map(|upload| async {
        let complete = upload.complete(server).if_none_match("*");
        answer(complete.send().await)
    });
    let answers = join_all(completions).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer == "accepted");
    expect("winners of 12", won.len(), 1)?;
    lost.iter().try_for_each(|refusal| check_refusal(refusal))
}

pub(crate) async fn a_completion_creates_only_what_is_absent(server: &Server) -> Verdict {
    server.put("k", "in the way").await;
    let upload = Upload::of(server, "k", &[(1, b"bytes".to_vec())]).await;
    let lost = upload.complete(server).if_none_match("*").send().await;
    expect("If-None-Match", answer(lost), "412 PreconditionFailed")?;
    upload.complete(server).send().await.unwrap();
    ensure(
        server.get("k").await == b"bytes",
        "the upload could not be completed later",
    )
}

pub(crate) async fn a_completion_swaps_only_what_it_means(server: &Server) -> Verdict {
    let etag = server.put("k", "in the way").await;
    let upload = Upload::of(server, "k", &[(1, b"bytes".to_vec())]).await;
    let stale = upload.complete(server).if_match("\"abc\"").send().await;
    expect(
        "If-Match of another version",
        answer(stale),
        "412 PreconditionFailed",
    )?;
    let right = upload.complete(server).if_match(etag).send().await;
    expect("If-Match", answer(right), "accepted")?;
    ensure(server.get("k").await == b"bytes", "other bytes are there")
}

pub(crate) async fn a_deletion_takes_only_what_it_means(server: &Server) -> Verdict {
    let old = server.put("k", "old").await;
    let new = server.put("k", "new").await;
    let delete = |key: &str, etag: &str| {
        let delete = server.client.delete_object().bucket(&server.bucket);
        delete.key(key).if_match(etag).send()
    };
    let stale = answer(delete("k", &old).await);
    expect(
        "If-Match of another version",
        stale,
        "412 PreconditionFailed",
    )?;
    ensure(server.get("k").await == b"new", "the object was touched")?;
    expect("If-Match", answer(delete("k", &new).await), "accepted")?;
    expect("a read", server.there("k").await, "404 NoSuchKey")?;
    let missing = answer(delete("k", &new).await);
    expect("If-Match without an object", missing, "404 NoSuchKey")
}
