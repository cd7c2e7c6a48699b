//! Conditional writes: of any number of racers, one wins.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use futures::future::join_all;

use crate::client::*;

const RACERS: usize = 12;
const ROUNDS: usize = 12;

enum Condition {
    Create,
    Swap(String),
}

/// One writer's attempt; its ETag if it won.
async fn attempt(
    client: &Client,
    key: &str,
    racer: usize,
    condition: &Condition,
) -> Option<String> {
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(ByteStream::from(
            format!("racer {racer} on {key}").into_bytes(),
        ));
    let put = match condition {
        Condition::Create => put.if_none_match("*"),
        Condition::Swap(etag) => put.if_match(etag),
    };
    match put.send().await {
        Ok(put) => put.e_tag,
        Err(error) => {
            assert_eq!(
                refusal::<(), _>(Err(error)),
                refused(412, "PreconditionFailed")
            );
            None
        }
    }
}

async fn race(client: &Client, key: &str, condition: &Condition) -> String {
    let attempts = (0..RACERS).map(|racer| attempt(client, key, racer, condition));
    let winners: Vec<String> = join_all(attempts).await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{key}");
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await
        .unwrap();
    assert_eq!(
        head.e_tag.as_ref(),
        Some(&winners[0]),
        "the winner's bytes are in place"
    );
    winners.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_to_create_has_one_winner() {
    let (server, client) = start().await;
    for round in 0..ROUNDS {
        race(&client, &format!("key {round}"), &Condition::Create).await;
    }
    assert_eq!(count_blobs(&server), ROUNDS, "losers leave nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_to_swap_has_one_winner() {
    let (server, client) = start().await;
    let mut etag = put(&client, "key", "begin").await;
    for _ in 0..ROUNDS {
        // The same racer wins with the same bytes now and then: then the ETag is the same as well.
        let previous = put(&client, "key", format!("{etag} round")).await;
        etag = race(&client, "key", &Condition::Swap(previous)).await;
    }
    assert_eq!(count_blobs(&server), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_to_complete_has_one_winner() {
    let (_server, client) = start().await;
    let mut uploads = Vec::new();
    for racer in 0..RACERS {
        uploads.push(crate::multipart::upload(&client, "key", &[(1, vec![racer as u8; 10])]).await);
    }
    let completions = uploads.iter().map(|upload| async {
        let complete = upload.complete(&client).if_none_match("*").send().await;
        complete.map(|done| done.e_tag.unwrap())
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(completions)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for loser in lost {
        assert_eq!(refusal(loser), refused(412, "PreconditionFailed"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_slow_bodies_have_one_winner() {
    let (_server, client) = start().await;
    let body = pattern(3 << 20);
    let puts = (0..RACERS).map(|_| {
        let body = ByteStream::from(body.clone());
        client
            .put_object()
            .bucket(BUCKET)
            .key("slow")
            .if_none_match("*")
            .body(body)
            .send()
    });
    let won = join_all(puts)
        .await
        .into_iter()
        .filter(Result::is_ok)
        .count();
    assert_eq!(won, 1);
    assert!(get(&client, "slow").await == body);
}

#[tokio::test]
async fn conditions_without_an_object() {
    let (_server, client) = start().await;
    let swap = client
        .put_object()
        .bucket(BUCKET)
        .key("no")
        .if_match("\"abc\"")
        .body(ByteStream::from_static(b"x"))
        .send()
        .await;
    assert_eq!(refusal(swap), refused(404, "NoSuchKey"));
    let delete = client
        .delete_object()
        .bucket(BUCKET)
        .key("no")
        .if_match("\"abc\"")
        .send()
        .await;
    assert_eq!(refusal(delete), refused(404, "NoSuchKey"));
}

#[tokio::test]
async fn a_conditional_delete_takes_only_what_it_means() {
    let (_server, client) = start().await;
    let old = put(&client, "k", "old").await;
    let new = put(&client, "k", "new").await;
    let delete = |etag: String| {
        client
            .delete_object()
            .bucket(BUCKET)
            .key("k")
            .if_match(etag)
            .send()
    };
    assert_eq!(
        refusal(delete(old).await),
        refused(412, "PreconditionFailed")
    );
    assert_eq!(get(&client, "k").await, b"new");
    delete(new).await.unwrap();
    let gone = client.get_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(refusal(gone), refused(404, "NoSuchKey"));
}
