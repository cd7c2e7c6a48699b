//! One-time upload links: who makes them, what their tokens allow, and that they do so once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use base64_simd::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use store::{Settings, Store, VideoId};
use tokio::time::timeout;
use uuid::Uuid;

use crate::site::{MIB, Site, TOKEN, assert_error};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

/// A token as a server with this admin token would sign it.
fn signed(admin_token: &str, id: VideoId, max_bytes: u64, ends_in_s: i64) -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let end_s = now.strict_add_signed(ends_in_s);
    let mut token = vec![1];
    token.extend(id.to_string().parse::<Uuid>().unwrap().into_bytes());
    token.extend(max_bytes.to_be_bytes());
    token.extend(end_s.to_be_bytes());
    let key = hmac(admin_token.as_bytes(), b"assetlab upload links");
    token.extend(hmac(&key, &token));
    BASE64URL.encode_to_string(token)
}

fn file(len_bytes: u64) -> Form {
    let len_bytes = usize::try_from(len_bytes).unwrap();
    Form::new().part("file", Part::bytes(vec![7; len_bytes]).file_name("a.mp4"))
}

fn upload(site: &Site, token: &str, len_bytes: u64) -> RequestBuilder {
    let post = site.client.post(format!("{}/api/upload", site.base));
    post.bearer_auth(token).multipart(file(len_bytes))
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

async fn assert_spent(site: &Site, token: &str, when: &str) {
    let answer = sent(upload(site, token, 10)).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT, "{when}");
    assert_error(answer, StatusCode::CONFLICT, "link_spent").await;
}

async fn delete_raw(site: &Site, key: &str) {
    let delete = site.buckets().delete_object().bucket("raw").key(key);
    delete.send().await.unwrap();
}

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
    for wanted in [
        json!([]),
        json!([null, null]),
        json!({ "max_bytes": -1 }),
        json!({ "bytes": 1 }),
    ] {
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

#[tokio::test]
async fn a_link_uploads_its_video_and_never_another_one() {
    let site = Site::start().await;
    let link = minted(&site, &json!({})).await;
    let (id, token) = (
        link["id"].as_str().unwrap(),
        link["token"].as_str().unwrap(),
    );
    let answer = sent(upload(&site, token, 1000)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(crate::site::json(answer).await["id"], id);
    let status = site.get(&format!("/api/video/{id}/status"));
    let status = crate::site::json(sent(status).await).await;
    assert_eq!(
        (&status["status"], &status["filename"]),
        (&json!("pending"), &json!("a.mp4"))
    );
    assert_spent(&site, token, "after its use").await;
    let info = site.buckets().get_object().bucket("raw");
    let info = info.key(format!("uploads/{id}.info")).send().await.unwrap();
    let info = info.body.collect().await.unwrap().into_bytes();
    let info: Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(
        (&info["kind"], &info["state"]),
        (&json!("form"), &json!("complete"))
    );

    // As the sweep does once nobody can have use for it.
    delete_raw(&site, &format!("uploads/{id}.info")).await;
    assert_spent(&site, token, "without its info").await;
    delete_raw(&site, &format!("uploads/{id}.orig")).await;
    assert_spent(&site, token, "after its original was swept").await;

    let delete = site.client.delete(format!("{}/api/video/{id}", site.base));
    let deleted = sent(delete.bearer_auth(TOKEN)).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(site.raw_keys().await, [format!("deleted/{id}")]);
    assert_spent(&site, token, "after its video was deleted").await;
    site.store.sweep().await.unwrap();
    assert_spent(&site, token, "after the sweep").await;
    assert_eq!(site.raw_keys().await, [format!("deleted/{id}")]);
}

/// Its process died before the status was written: the repair is about to do that.
#[tokio::test]
async fn a_link_whose_original_arrived_is_spent_before_its_video_is_queued() {
    let site = Site::start().await;
    let id = VideoId::new();
    let mut original = site.store.begin_original(id, "a.mp4").await.unwrap();
    original.complete().await.unwrap();
    let token = signed(TOKEN, id, MIB, 60);
    assert_spent(&site, &token, "with an original alone").await;
}

#[tokio::test]
async fn forged_and_expired_tokens_are_refused_as_such() {
    let site = Site::start().await;
    let id = VideoId::new();
    let genuine = signed(TOKEN, id, MIB, 60);
    let mut forged = vec![
        signed("another admin's", id, MIB, 60),
        genuine[..86].to_owned(),
    ];
    // Another id, a larger cap, a later end, another signature.
    for byte in [9, 20, 32, 64] {
        let mut bytes = BASE64URL.decode_to_vec(&genuine).unwrap();
        bytes[byte] ^= 0x10;
        forged.push(BASE64URL.encode_to_string(bytes));
    }
    for token in &forged {
        let answer = sent(upload(&site, token, 10)).await;
        assert_error(answer, StatusCode::UNAUTHORIZED, "unauthorized").await;
    }
    let expired = signed(TOKEN, id, MIB, -1);
    let answer = sent(upload(&site, &expired, 10)).await;
    assert_error(answer, StatusCode::UNAUTHORIZED, "link_expired").await;
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
    assert_eq!(
        sent(upload(&site, &genuine, 10)).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_file_over_the_links_cap_is_refused_and_the_link_given_back() {
    let site = Site::start().await;
    let link = minted(&site, &json!({ "max_bytes": 9 * MIB })).await;
    let token = link["token"].as_str().unwrap();
    let answer = sent(upload(&site, token, 9 * MIB + 1)).await;
    assert_error(answer, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
    assert_eq!(site.open_uploads().await, 0);
    let exact = sent(upload(&site, token, 9 * MIB)).await;
    assert_eq!(exact.status(), StatusCode::CREATED);
    // The server's own limit holds whatever a link says that was made before it.
    let old = signed(TOKEN, VideoId::new(), 65 * MIB, 60);
    let answer = sent(upload(&site, &old, 64 * MIB + 1)).await;
    assert_error(answer, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_link_and_does_not_say_which_is_let_go() {
    let site = Site::start_with(|http, _| http.upload_idle_timeout = Duration::from_secs(1)).await;
    let address = site.base.trim_start_matches("http://").to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /api/upload-links HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Authorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n{{"
        );
        client.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).map(|_| answer)
    });
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("it does not end in time"), "{answer}");
}

/// The three ways to begin an upload of ten bytes.
fn by_each_way(site: &Site, token: &str) -> [(&'static str, RequestBuilder); 3] {
    let post = |path: &str| {
        let post = site.client.post(format!("{}{path}", site.base));
        post.bearer_auth(token)
    };
    let direct = json!({ "filename": "a.mp4", "len_bytes": 10 });
    let tus = post("/api/tus")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", 10)
        .header("content-type", "application/offset+octet-stream")
        .body(vec![7; 10]);
    [
        ("form", upload(site, token, 10)),
        ("direct", post("/api/uploads").json(&direct)),
        ("tus", tus),
    ]
}

/// What is left to do once a direct upload has begun.
async fn finish_direct(site: &Site, token: &str, begun: &Value) {
    let part = begun["parts"][0]["url"].as_str().unwrap();
    let part = sent(site.client.put(part).body(vec![7; 10])).await;
    assert_eq!(part.status(), StatusCode::OK);
    let id = begun["id"].as_str().unwrap();
    let complete = format!("{}/api/uploads/{id}/complete", site.base);
    let complete = sent(site.client.post(complete).bearer_auth(token)).await;
    assert_eq!(complete.status(), StatusCode::OK);
}

/// The same buckets, with uploads that expire at once.
async fn impatient(site: &Site) -> Store {
    let settings = Settings {
        upload_expiry: Duration::ZERO,
        ..site.store.settings().clone()
    };
    Store::connect(settings).await.unwrap()
}

#[tokio::test]
async fn a_link_is_spent_for_good_whichever_way_its_video_came_and_whatever_became_of_it() {
    let site = Site::start().await;
    let sweeper = impatient(&site).await;
    for number in 0..3 {
        let id = VideoId::new();
        let token = signed(TOKEN, id, MIB, 600);
        let [(first, begin), ..] = {
            let mut ways = by_each_way(&site, &token);
            ways.rotate_left(number);
            ways
        };
        let begun = sent(begin).await;
        assert_eq!(begun.status(), StatusCode::CREATED, "{first}");
        if first == "direct" {
            finish_direct(&site, &token, &crate::site::json(begun).await).await;
        }
        let info = format!("uploads/{id}.info");
        assert!(site.raw_keys().await.contains(&info), "{first}");
        let all_are_refused = async |when: &str| {
            for (second, begin) in by_each_way(&site, &token) {
                let answer = sent(begin).await;
                assert_eq!(
                    answer.status(),
                    StatusCode::CONFLICT,
                    "{second} after {first}: {when}"
                );
                assert_error(answer, StatusCode::CONFLICT, "link_spent").await;
            }
        };
        all_are_refused("complete").await;
        sweeper.sweep().await.unwrap();
        assert!(!site.raw_keys().await.contains(&info), "{first}");
        all_are_refused("swept").await;
        let delete = site.client.delete(format!("{}/api/video/{id}", site.base));
        let deleted = sent(delete.bearer_auth(TOKEN)).await;
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT, "{first}");
        all_are_refused("deleted").await;
        sweeper.sweep().await.unwrap();
        all_are_refused("deleted and swept").await;
    }
    assert_eq!(site.open_uploads().await, 0);
}

#[tokio::test]
async fn a_link_goes_on_with_what_it_began_and_with_nothing_else() {
    let site = Site::start().await;
    let id = VideoId::new();
    let token = signed(TOKEN, id, 10, 600);
    let create = site.client.post(format!("{}/api/tus", site.base));
    let create = create.header("tus-resumable", "1.0.0").bearer_auth(&token);
    let too_long = create.try_clone().unwrap().header("upload-length", 11);
    let answer = sent(too_long).await;
    assert_error(answer, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    let created = sent(create.header("upload-defer-length", 1)).await;
    assert_eq!(created.status(), StatusCode::CREATED);

    let url = format!("{}/api/tus/{id}", site.base);
    let ask = |method: Method, token: &str| {
        let request = site.client.request(method, &url);
        request.header("tus-resumable", "1.0.0").bearer_auth(token)
    };
    let append = |token: &str, offset_bytes: u64, len_bytes: usize| {
        let patch = ask(Method::PATCH, token).header("upload-offset", offset_bytes);
        let patch = patch.header("content-type", "application/offset+octet-stream");
        patch.body(vec![7; len_bytes])
    };
    let foreign = signed(TOKEN, VideoId::new(), 10, 600);
    for request in [
        append(&foreign, 0, 1),
        ask(Method::HEAD, &foreign),
        ask(Method::DELETE, &foreign),
        site.client
            .get(format!("{}/api/uploads/{id}", site.base))
            .bearer_auth(&foreign),
    ] {
        assert_eq!(sent(request).await.status(), StatusCode::NOT_FOUND);
    }
    let over = sent(append(&token, 0, 11)).await;
    assert_error(over, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    let there = sent(ask(Method::HEAD, &token)).await;
    let offset_bytes: u64 = there.headers()["upload-offset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(offset_bytes <= 10);

    // Its link may have expired by now: what has begun goes on.
    let expired = signed(TOKEN, id, 10, -1);
    let rest = append(&expired, offset_bytes, (10 - offset_bytes) as usize);
    let whole = sent(rest.header("upload-length", 10)).await;
    assert_eq!(whole.status(), StatusCode::NO_CONTENT);
    assert!(site.store.status(id).await.unwrap().is_some());
    let anew = sent(upload(&site, &expired, 10)).await;
    assert_error(anew, StatusCode::UNAUTHORIZED, "link_expired").await;
}
