//! `/api/uploads`: parts that go straight to S3.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::direct_upload_client::{Begun, PART_LEN_BYTES, ask, pattern};
use crate::site::{MIB, Site, TOKEN, assert_error, json as body};

#[tokio::test]
async fn a_file_arrives_in_parts_and_is_queued() {
    let site = Site::start().await;
    let begun = Begun::two_parts(&site).await;
    let answer = &begun.answer;
    assert_eq!(answer["part_size"], PART_LEN_BYTES);
    assert_eq!(answer["part_count"], 2);
    assert_eq!(answer["key"], format!("uploads/{}.orig", begun.id));
    assert_eq!(answer["parts"].as_array().unwrap().len(), 2);
    assert!(begun.url(1).starts_with(&site.s3.endpoint()));
    begun.assert_missing(&[1, 2]).await;

    begun.send(2).await;
    let progress = begun.progress().await;
    assert_eq!(progress["missing"], json!([1]));
    assert_eq!(progress["len_bytes"], begun.bytes.len());
    assert_eq!(progress["filename"], "a film.mp4");
    assert_eq!(progress["complete"], false);
    let held = &progress["parts"][0];
    assert_eq!(
        (&held["number"], &held["len_bytes"]),
        (&json!(2), &json!(1000))
    );
    assert!(held["etag"].as_str().unwrap().len() > 32);
    begun.assert_missing(&[1]).await;

    begun.send(1).await;
    begun.assert_completes().await;
    begun.assert_queued().await;
    // Who did not hear the answer asks again.
    begun.assert_completes().await;
    begun.assert_queued().await;

    let progress = begun.progress().await;
    assert_eq!(progress["complete"], true);
    assert_eq!(progress["missing"], json!([]));
    assert_eq!(progress["expires_at"], Value::Null);
    let more = begun.ask(Method::POST, "/parts", Some(json!({ "numbers": [1] })));
    assert_error(more.await, StatusCode::CONFLICT, "upload_complete").await;
    let abort = begun.ask(Method::DELETE, "", None).await;
    assert_error(abort, StatusCode::CONFLICT, "upload_complete").await;
    // The URLs are good for nothing any more.
    let late = begun.put(begun.url(2), begun.part(2)).await;
    assert_eq!(late, StatusCode::NOT_FOUND);
    begun.assert_queued().await;
}

#[tokio::test]
async fn s3_itself_refuses_parts_of_another_length() {
    let site = Site::start().await;
    let begun = Begun::two_parts(&site).await;
    for (number, len_bytes) in [
        (1, PART_LEN_BYTES + 1),
        (1, PART_LEN_BYTES - 1),
        (1, 1000),
        (2, 1001),
        (2, 999),
        (2, 0),
        (2, PART_LEN_BYTES),
    ] {
        let refused = begun.put(begun.url(number), pattern(len_bytes)).await;
        assert_eq!(refused, StatusCode::FORBIDDEN, "{number}: {len_bytes}");
    }
    begun.assert_missing(&[1, 2]).await;

    // A store may not check, or a part come by other ways: the sum is made again.
    begun.send(1).await;
    let uploads = site.buckets().list_multipart_uploads().bucket("raw").send();
    let upload_id = uploads.await.unwrap().uploads()[0].upload_id.clone();
    let short = site.buckets().upload_part().bucket("raw");
    let short = short.key(format!("uploads/{}.orig", begun.id));
    let short = short.set_upload_id(upload_id).part_number(2);
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"short");
    short.body(body).send().await.unwrap();
    begun.assert_missing(&[2]).await;
    begun.send(2).await;
    begun.assert_completes().await;
    begun.assert_queued().await;
}

#[tokio::test]
async fn of_many_completions_at_once_each_is_answered_alike_and_one_job_is_queued() {
    let site = Site::start().await;
    let begun = Begun::two_parts(&site).await;
    begun.send(1).await;
    begun.send(2).await;
    join_all((0..8).map(|_| begun.assert_completes())).await;
    begun.assert_queued().await;
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let site = Site::start().await;
    let begun = Begun::two_parts(&site).await;
    begun.send(1).await;
    for _ in 0..2 {
        let abort = begun.ask(Method::DELETE, "", None).await;
        assert_eq!(abort.status(), StatusCode::NO_CONTENT);
        assert_eq!(site.raw_keys().await, [""; 0]);
        assert_eq!(site.open_uploads().await, 0);
    }
    let late = begun.put(begun.url(2), begun.part(2)).await;
    assert_eq!(late, StatusCode::NOT_FOUND);
    for (method, path, body) in [
        (Method::GET, "", None),
        (Method::POST, "/parts", Some(json!({ "numbers": [1] }))),
        (Method::POST, "/complete", None),
    ] {
        let answer = begun.ask(method, path, body).await;
        assert_error(answer, StatusCode::NOT_FOUND, "not_found").await;
    }
}

#[tokio::test]
async fn an_upload_whose_video_is_deleted_is_told_so() {
    let site = Site::start().await;
    let begun = Begun::two_parts(&site).await;
    begun.send(1).await;
    let delete = format!("{}/api/video/{}", site.base, begun.id);
    let delete = site.client.delete(delete).bearer_auth(TOKEN);
    assert_eq!(
        delete.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    for (method, path, body) in [
        (Method::GET, "", None),
        (Method::POST, "/parts", Some(json!({ "numbers": [1] }))),
        (Method::POST, "/complete", None),
    ] {
        let answer = begun.ask(method, path, body).await;
        assert_error(answer, StatusCode::GONE, "gone").await;
    }
    assert_eq!(site.open_uploads().await, 0);
    assert_eq!(site.raw_keys().await, [format!("deleted/{}", begun.id)]);
}

#[tokio::test]
async fn urls_of_very_many_parts_are_asked_for_by_and_by() {
    let site = Site::start_with(|http, _| http.max_upload_bytes = 2048 * MIB).await;
    let wanted = json!({ "len_bytes": 112 * PART_LEN_BYTES + 5 });
    let answer = ask(&site, TOKEN, Method::POST, "", Some(wanted)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let answer = body(answer).await;
    assert_eq!(answer["part_count"], 113);
    assert_eq!(answer["parts"].as_array().unwrap().len(), 100);
    let path = format!("/{}/parts", answer["id"].as_str().unwrap());
    let numbers = |numbers: Value| {
        let wanted = json!({ "numbers": numbers });
        ask(&site, TOKEN, Method::POST, &path, Some(wanted))
    };
    let rest = numbers(json!([113, 101, 1])).await;
    assert_eq!(rest.status(), StatusCode::OK);
    let rest = body(rest).await;
    let given: Vec<_> = rest["parts"].as_array().unwrap().iter().collect();
    assert_eq!(
        given.iter().map(|part| &part["number"]).collect::<Vec<_>>(),
        [113, 101, 1]
    );
    let last = given[0]["url"].as_str().unwrap();
    let sent = site.client.put(last).body("five!").send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::OK);

    for wrong in [
        json!([0]),
        json!([114]),
        json!([10_001]),
        json!([1, 70_000]),
    ] {
        let answer = numbers(wrong).await;
        assert_error(answer, StatusCode::UNPROCESSABLE_ENTITY, "out_of_range").await;
    }
    for wrong in [json!([]), json!(vec![1; 101])] {
        let answer = numbers(wrong).await;
        assert_error(answer, StatusCode::UNPROCESSABLE_ENTITY, "parts_at_a_time").await;
    }
    for wrong in [json!([-1]), json!([1.5]), json!("1"), json!(null)] {
        assert_error(numbers(wrong).await, StatusCode::BAD_REQUEST, "bad_json").await;
    }
}

#[tokio::test]
async fn urls_are_for_browsers() {
    let begin = |site: Site| async move {
        let wanted = json!({ "len_bytes": 5 });
        let answer = body(ask(&site, TOKEN, Method::POST, "", Some(wanted)).await).await;
        let url = answer["parts"][0]["url"].as_str().unwrap().to_owned();
        let signed = url.split('&').find(|pair| pair.contains("SignedHeaders"));
        assert_eq!(signed, Some("X-Amz-SignedHeaders=content-length%3Bhost"));
        url
    };
    let public = |_: &mut _, settings: &mut store::Settings| {
        settings.public_endpoint = Some("https://media.example".to_owned());
    };
    let site = Site::start_with(public).await;
    assert!(begin(site).await.starts_with("https://media.example/raw/"));

    let here = |_: &mut _, settings: &mut store::Settings| {
        settings.public_endpoint = Some("http://assetlab.internal".to_owned());
        settings.origin_relative_urls = true;
    };
    let site = Site::start_with(here).await;
    let base = site.base.clone();
    assert!(begin(site).await.starts_with(&format!("{base}/raw/")));
}
