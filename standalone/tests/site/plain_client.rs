//! A client that knows four routes and nothing of this project: `POST /api/upload`, `GET /api/video/:id`,
//! `…/status` and `…/:quality`. Such clients exist. What is pinned here never changes; what is new is added
//! beside it.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Map, Value};

use crate::page::{PATIENCE, Site, clip};
use crate::process::Folder;

async fn object(request: RequestBuilder, status: StatusCode) -> Map<String, Value> {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.json().await.unwrap()
}

fn keys(object: &Map<String, Value>) -> Vec<&str> {
    object.keys().map(String::as_str).collect()
}

/// The first bytes of what a link leads to, as a player asks for them.
async fn first_bytes(client: &Client, link: &Map<String, Value>) -> Vec<u8> {
    assert_eq!(keys(link), ["url"]);
    let url = link["url"].as_str().unwrap();
    assert!(url.starts_with("http://"), "{url}");
    let range = client.get(url).header("range", "bytes=0-11");
    let answer = range.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.headers()["content-type"], "video/mp4");
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn it_uploads_polls_and_plays_as_ever() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[]);
    let client = Client::new();
    let api = |path: &str| format!("{}/api{path}", site.origin);
    let form = || {
        let file = Part::bytes(clip()).file_name("butterfly.mp4");
        Form::new().part("file", file)
    };

    let nobody = client.post(api("/upload")).multipart(form());
    let refused = object(nobody, StatusCode::UNAUTHORIZED).await;
    assert_eq!(keys(&refused), ["error"]);
    assert_eq!(refused["error"]["code"], "unauthorized");
    assert!(refused["error"]["message"].is_string());

    let upload = client.post(api("/upload")).multipart(form());
    let upload = upload.header("Authorization", format!("Bearer {}", site.token()));
    let uploaded = object(upload, StatusCode::CREATED).await;
    assert_eq!(keys(&uploaded), ["id", "key"]);
    let id = uploaded["id"].as_str().unwrap();
    assert_eq!(uploaded["key"], format!("uploads/{id}.orig"));

    // Whatever is done with it yet, there is something to watch.
    let now = object(client.get(api(&format!("/video/{id}"))), StatusCode::OK).await;
    assert_eq!(first_bytes(&client, &now).await[4..8], *b"ftyp");

    let done = async {
        loop {
            let status = client.get(api(&format!("/video/{id}/status")));
            let status = object(status, StatusCode::OK).await;
            assert!(status["qualities"].is_array() && status.get("error").is_none());
            match status["status"].as_str().unwrap() {
                "pending" | "processing" => assert_eq!(status["qualities"], Value::Array(vec![])),
                end => {
                    assert_eq!(end, "done");
                    return status;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, done).await.unwrap();
    assert_eq!(done["qualities"], serde_json::json!(["360p", "720p"]));

    for quality in done["qualities"].as_array().unwrap() {
        let path = format!("/video/{id}/{}", quality.as_str().unwrap());
        let link = object(client.get(api(&path)), StatusCode::OK).await;
        assert_eq!(first_bytes(&client, &link).await[4..8], *b"ftyp");
    }
    let top = object(client.get(api(&format!("/video/{id}"))), StatusCode::OK).await;
    assert!(top["url"].as_str().unwrap().contains("/720p.mp4?"));
    let none = client.get(api(&format!("/video/{id}/1080p")));
    let none = object(none, StatusCode::NOT_FOUND).await;
    assert_eq!(none["error"]["code"], "not_found");

    let upload = client.post(api("/upload")).bearer_auth(site.token());
    let damaged = Part::bytes(b"\0no film".as_slice()).file_name("film.mp4");
    let upload = upload.multipart(Form::new().part("file", damaged));
    let uploaded = object(upload, StatusCode::CREATED).await;
    let id = uploaded["id"].as_str().unwrap();
    let failed = site.wait_for(id, &["done", "error"]).await;
    assert_eq!(failed["status"], "error");
    assert!(failed["error"].is_string() && failed["qualities"] == serde_json::json!([]));
}
