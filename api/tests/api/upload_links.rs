//! One-time upload links: who makes them, and what becomes of their tokens.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::site::{MIB, Site, TOKEN, assert_error};

/// Asks for a link with the admin token.
async fn ask(site: &Site, wanted: &Value) -> Response {
    let request = site.client.post(format!("{}/api/upload-links", site.base));
    let request = request.bearer_auth(TOKEN).body(wanted.to_string());
    request.send().await.unwrap()
}

async fn minted(site: &Site, wanted: &Value) -> Value {
    let answer = ask(site, wanted).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    crate::site::json(answer).await
}

#[tokio::test]
async fn a_link_is_made_by_the_admin_within_limits_and_writes_nothing() {
    let site = Site::start().await;
    let link = minted(&site, &json!({})).await;
    let token = link["token"].as_str().unwrap();
    assert_eq!(link["url"], format!("{}/#token={token}", site.base));
    assert_eq!(link["max_bytes"], 64 * MIB);
    let other = minted(&site, &json!({ "max_bytes": 1, "expires_in_seconds": 1 })).await;
    assert_ne!(other["id"], link["id"]);
    assert!(other["expires_at"].as_str() < link["expires_at"].as_str());
    let empty = site.client.post(format!("{}/api/upload-links", site.base));
    let empty = empty.bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(empty.status(), StatusCode::CREATED);

    for wanted in [
        json!({ "max_bytes": 0 }),
        json!({ "max_bytes": 64 * MIB + 1 }),
        json!({ "expires_in_seconds": 0 }),
        json!({ "expires_in_seconds": 7 * 86_400 + 1 }),
    ] {
        let answer = ask(&site, &wanted).await;
        assert_error(answer, StatusCode::UNPROCESSABLE_ENTITY, "out_of_range").await;
    }
    for wanted in [json!([]), json!({ "max_bytes": -1 }), json!({ "bytes": 1 })] {
        let answer = ask(&site, &wanted).await;
        assert_error(answer, StatusCode::BAD_REQUEST, "bad_json").await;
    }
    let long = json!({ "max_bytes": "9".repeat(64 << 10) });
    let answer = ask(&site, &long).await;
    assert_error(answer, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;

    // A link makes no links, and deletes nothing, its own video included.
    let id = link["id"].as_str().unwrap();
    let post = site.client.post(format!("{}/api/upload-links", site.base));
    let delete = site.client.delete(format!("{}/api/video/{id}", site.base));
    for request in [post, delete] {
        let answer = request.bearer_auth(token).send().await.unwrap();
        assert_error(answer, StatusCode::UNAUTHORIZED, "unauthorized").await;
    }
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
}
