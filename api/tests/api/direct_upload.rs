//! `/api/uploads`: parts that go straight to S3.

use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use store::VideoId;

use crate::site::{MIB, Site, TOKEN, assert_error, json as body};

pub(crate) const PART_LEN_BYTES: usize = 8 << 20;

/// Bytes that differ from block to block, so that a mixed-up order shows.
pub(crate) fn pattern(len_bytes: usize) -> Vec<u8> {
    (0..len_bytes).map(|i| (i / 251 + i) as u8).collect()
}

/// An upload that has begun.
pub(crate) struct Begun<'a> {
    site: &'a Site,
    token: String,
    pub(crate) id: VideoId,
    answer: Value,
    bytes: Vec<u8>,
}

impl<'a> Begun<'a> {
    /// Begins the upload of two parts, the second one short.
    async fn two_parts(site: &'a Site) -> Self {
        Self::of(site, TOKEN, pattern(PART_LEN_BYTES + 1000)).await
    }

    async fn of(site: &'a Site, token: &str, bytes: Vec<u8>) -> Self {
        let wanted = json!({ "filename": "a film.mp4", "len_bytes": bytes.len() });
        let answer = ask(site, token, Method::POST, "", Some(wanted)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let answer = body(answer).await;
        let id: VideoId = answer["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(location, format!("/api/uploads/{id}"));
        Self {
            site,
            token: token.to_owned(),
            id,
            answer,
            bytes,
        }
    }

    pub(crate) fn url(&self, number: usize) -> &str {
        let part = &self.answer["parts"][number - 1];
        assert_eq!(part["number"], number);
        part["url"].as_str().unwrap()
    }

    /// What belongs into the part.
    fn part(&self, number: usize) -> Vec<u8> {
        let parts = self.bytes.chunks(PART_LEN_BYTES);
        parts.skip(number - 1).map(<[u8]>::to_vec).next().unwrap()
    }

    async fn put(&self, url: &str, bytes: Vec<u8>) -> StatusCode {
        let put = self.site.client.put(url).body(bytes);
        put.send().await.unwrap().status()
    }

    pub(crate) async fn send(&self, number: usize) {
        let sent = self.put(self.url(number), self.part(number)).await;
        assert_eq!(sent, StatusCode::OK);
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let path = format!("/{}{path}", self.id);
        ask(self.site, &self.token, method, &path, body).await
    }

    async fn progress(&self) -> Value {
        let answer = self.ask(Method::GET, "", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        body(answer).await
    }

    pub(crate) async fn complete(&self) -> Response {
        self.ask(Method::POST, "/complete", None).await
    }

    async fn assert_completes(&self) {
        let answer = self.complete().await;
        assert_eq!(answer.status(), StatusCode::OK);
        let key = format!("uploads/{}.orig", self.id);
        let wanted = json!({ "id": self.id, "key": key });
        assert_eq!(body(answer).await, wanted);
    }

    async fn assert_missing(&self, numbers: &[usize]) {
        let answer = self.complete().await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        let error = body(answer).await["error"].clone();
        assert_eq!(error["code"], "parts_missing");
        assert_eq!(error["missing"], json!(numbers));
        assert_eq!(self.progress().await["missing"], json!(numbers));
    }

    /// That the original is the file, and waits to be transcoded once.
    async fn assert_queued(&self) {
        let site = self.site;
        let mut keys = site.raw_keys().await;
        keys.retain(|key| !key.starts_with("index/"));
        let id = self.id;
        let wanted = [
            format!("queue/{id}"),
            format!("uploads/{id}.info"),
            format!("uploads/{id}.orig"),
        ];
        assert_eq!(keys, wanted);
        assert_eq!(site.open_uploads().await, 0);
        let status = site.get(&format!("/api/video/{id}/status")).send();
        let status = body(status.await.unwrap()).await;
        assert_eq!(status["status"], "pending");
        assert_eq!(status["filename"], "a film.mp4");
        let original = site.url(&format!("/api/video/{id}")).await;
        let original = site.client.get(original).send().await.unwrap();
        assert_eq!(original.headers()["content-type"], "video/mp4");
        assert!(original.bytes().await.unwrap() == self.bytes);
    }
}

async fn ask(
    site: &Site,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Response {
    let url = format!("{}/api/uploads{path}", site.base);
    let request = site.client.request(method, url).bearer_auth(token);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.unwrap()
}

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
        json!([1]),
        json!({ "len_bytes": -1 }),
        json!({ "len_bytes": "1" }),
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
async fn a_link_is_good_for_one_upload_of_its_size() {
    let site = Site::start().await;
    let link = site.client.post(format!("{}/api/upload-links", site.base));
    let max_bytes = PART_LEN_BYTES + 1000;
    let link = link.json(&json!({ "max_bytes": max_bytes }));
    let link = body(link.bearer_auth(TOKEN).send().await.unwrap()).await;
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
