//! `/api/uploads`: what is refused, and to whom.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use store::{Settings, VideoId};

use crate::direct_upload_client::{Begun, ask};
use crate::site::{MIB, Site, TOKEN, assert_error};
use crate::tus_client;

#[tokio::test]
async fn what_cannot_be_uploaded_is_refused_before_it_begins() {
    let site = Site::start().await;
    let begin = |wanted: Value| ask(&site, TOKEN, Method::POST, "", Some(wanted));
    let larger = begin(json!({ "len_bytes": 64 * MIB + 1 })).await;
    assert_error(larger, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    let most = begin(json!({ "len_bytes": u64::MAX })).await;
    assert_error(most, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    let empty = begin(json!({ "len_bytes": 0 })).await;
    assert_error(empty, StatusCode::UNPROCESSABLE_ENTITY, "out_of_range").await;
    for wrong in [
        json!({}),
        json!(["film.mp4", 1]),
        json!({ "len_bytes": -1 }),
        json!({ "len_bytes": "1" }),
        json!({ "len_bytes": 1, "file_name": "a misspelt name.mp4" }),
    ] {
        assert_error(begin(wrong).await, StatusCode::BAD_REQUEST, "bad_json").await;
    }
    let raw = |body: Vec<u8>| {
        let post = site.client.post(format!("{}/api/uploads", site.base));
        post.bearer_auth(TOKEN).body(body).send()
    };
    let text = raw(b"not json".to_vec()).await.unwrap();
    assert_error(text, StatusCode::BAD_REQUEST, "bad_json").await;
    let large = raw(vec![b' '; 100 << 10]).await.unwrap();
    assert_error(large, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;

    assert_eq!(site.raw_keys().await, [""; 0]);
    assert_eq!(site.open_uploads().await, 0);
    for path in ["/no-id", &format!("/{}", VideoId::new())] {
        for (method, path) in [
            (Method::GET, path.to_owned()),
            (Method::POST, format!("{path}/complete")),
        ] {
            let answer = ask(&site, TOKEN, method, &path, None).await;
            assert_error(answer, StatusCode::NOT_FOUND, "not_found").await;
        }
    }
}

#[tokio::test]
async fn who_shows_no_token_is_told_nothing() {
    let site = Site::start().await;
    let begun = Begun::two_parts(&site).await;
    for (method, path) in [
        (Method::POST, String::new()),
        (Method::GET, format!("/{}", begun.id)),
        (Method::DELETE, format!("/{}", begun.id)),
        (Method::POST, format!("/{}/parts", begun.id)),
        (Method::POST, format!("/{}/complete", begun.id)),
    ] {
        let body = Some(json!({ "numbers": [1], "len_bytes": 1 }));
        let answer = ask(&site, "guess", method, &path, body).await;
        assert_error(answer, StatusCode::UNAUTHORIZED, "unauthorized").await;
    }
    assert_eq!(begun.progress().await["missing"], json!([1, 2]));
}

#[tokio::test]
async fn who_does_not_say_where_it_is_begins_nothing() {
    let here = |_: &mut _, settings: &mut Settings| settings.origin_relative_urls = true;
    let site = Site::start_with(here).await;
    let begin = site.client.post(format!("{}/api/uploads", site.base));
    let begin = begin.bearer_auth(TOKEN).json(&json!({ "len_bytes": 5 }));
    let refused = begin.header("host", "not@a.host").send().await.unwrap();
    assert_error(refused, StatusCode::BAD_REQUEST, "bad_host").await;
    assert_eq!(site.raw_keys().await, [""; 0]);
    assert_eq!(site.open_uploads().await, 0);
}

#[tokio::test]
async fn an_upload_of_another_kind_is_left_alone() {
    let site = Site::start().await;
    let url = tus_client::begin(&site.client, &site.base, 100).await;
    let path = format!("/{}", tus_client::id_of(&url));
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::POST, format!("{path}/complete")),
        (Method::DELETE, path.clone()),
    ] {
        let answer = ask(&site, TOKEN, method, &path, None).await;
        assert_error(answer, StatusCode::NOT_FOUND, "not_found").await;
    }
    let goes_on = tus_client::request(&site.client, Method::HEAD, &url).send();
    assert_eq!(goes_on.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn who_asks_too_often_how_far_it_is_waits() {
    let site = Site::start_with(|http, _| http.rates.signing_rate = "4/1h".parse().unwrap()).await;
    let begun = Begun::two_parts(&site).await;
    let missing = begun.complete().await;
    assert_eq!(missing.status(), StatusCode::CONFLICT);
    for _ in 0..3 {
        begun.progress().await;
    }
    for (method, path) in [
        (Method::GET, ""),
        (Method::POST, "/parts"),
        (Method::POST, "/complete"),
        (Method::DELETE, ""),
    ] {
        let numbers = (path == "/parts").then(|| json!({ "numbers": [1] }));
        let refused = begun.ask(method, path, numbers).await;
        assert_error(refused, StatusCode::TOO_MANY_REQUESTS, "rate_limited").await;
    }
    assert_eq!(site.open_uploads().await, 1);
}
