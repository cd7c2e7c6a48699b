//! `/api/uploads` by a link, which is good for one upload.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::direct_upload_client::{Begun, PART_LEN_BYTES, ask, pattern};
use crate::site::{Site, TOKEN, assert_error, json as body};

/// Makes a link for so many bytes.
async fn link(site: &Site, max_bytes: usize) -> Value {
    let link = site.client.post(format!("{}/api/upload-links", site.base));
    let link = link.json(&json!({ "max_bytes": max_bytes }));
    body(link.bearer_auth(TOKEN).send().await.unwrap()).await
}

#[tokio::test]
async fn a_link_is_good_for_one_upload_of_its_size() {
    let site = Site::start().await;
    let max_bytes = PART_LEN_BYTES + 1000;
    let link = link(&site, max_bytes).await;
    let token = link["token"].as_str().unwrap();
    let wanted =
        |len_bytes: usize| Some(json!({ "len_bytes": len_bytes, "filename": "a film.mp4" }));
    let begin = |len_bytes: usize| ask(&site, token, Method::POST, "", wanted(len_bytes));

    let larger = begin(max_bytes + 1).await;
    assert_error(larger, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    let begun = Begun::of(&site, token, pattern(max_bytes)).await;
    assert_eq!(json!(begun.id), link["id"]);
    begun.send(1).await;
    // A page that was closed comes again.
    let again = begin(max_bytes).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(body(again).await["id"], link["id"]);
    assert_eq!(begun.progress().await["missing"], json!([2]));
    assert_error(begin(5).await, StatusCode::CONFLICT, "link_spent").await;

    let other = Begun::two_parts(&site).await;
    for (method, path) in [
        (Method::GET, format!("/{}", other.id)),
        (Method::DELETE, format!("/{}", other.id)),
        (Method::POST, format!("/{}/complete", other.id)),
    ] {
        let answer = ask(&site, token, method, &path, None).await;
        assert_error(answer, StatusCode::NOT_FOUND, "not_found").await;
    }
    let abort = other.ask(Method::DELETE, "", None).await;
    assert_eq!(abort.status(), StatusCode::NO_CONTENT);

    begun.send(2).await;
    begun.assert_completes().await;
    begun.assert_completes().await;
    begun.assert_queued().await;
    assert_error(begin(max_bytes).await, StatusCode::CONFLICT, "link_spent").await;
}

#[tokio::test]
async fn who_begins_anew_before_the_answer_has_one_upload() {
    let site = Site::start().await;
    for _ in 0..5 {
        let link = link(&site, 5).await;
        let token = link["token"].as_str().unwrap();
        let begin = || {
            let wanted = Some(json!({ "len_bytes": 5 }));
            ask(&site, token, Method::POST, "", wanted)
        };
        let mut statuses = Vec::new();
        for answer in join_all((0..4).map(|_| begin())).await {
            statuses.push(answer.status().as_u16());
            assert_eq!(body(answer).await["id"], link["id"]);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 201]);
        let path = format!("/{}", link["id"].as_str().unwrap());
        let abort = ask(&site, token, Method::DELETE, &path, None).await;
        assert_eq!(abort.status(), StatusCode::NO_CONTENT);
        assert_eq!(site.open_uploads().await, 0);
    }
}
