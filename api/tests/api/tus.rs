//! Resumable uploads, as tus 1.0 words them.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use reqwest::{Body, Method, StatusCode};
use store::Announced;

use crate::site::{MIB, Site, assert_error, json, store_of};
use crate::tus_client::{
    append, begin, head, id_of, location, offset, offset_in, patch, request, video,
};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB_USIZE: usize = MIB as usize;

impl Site {
    async fn begin_tus(&self, len: usize) -> String {
        begin(&self.client, &self.base, len).await
    }

    /// The original that an upload became.
    pub(crate) async fn original(&self, url: &str) -> Bytes {
        let original = self.buckets().get_object().bucket("raw");
        let original = original.key(format!("uploads/{}.orig", id_of(url)));
        let body = original.send().await.unwrap().body;
        body.collect().await.unwrap().into_bytes()
    }

    /// The upload is whole, queued, and nothing but its info is left of its being on its way.
    async fn assert_whole(&self, url: &str, expected: &[u8]) {
        assert!(self.original(url).await == expected, "the original differs");
        let id = id_of(url);
        let status = self.get(&format!("/api/video/{id}/status")).send().await;
        assert_eq!(json(status.unwrap()).await["status"], "pending");
        let keys = self.raw_keys().await;
        assert!(keys.contains(&format!("queue/{id}")), "{keys:?}");
        let prefix = format!("uploads/{id}.");
        let left: Vec<_> = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&prefix))
            .collect();
        assert_eq!(left, ["info", "orig"]);
        assert_eq!(self.open_uploads().await, 0);
    }

    /// Nothing is there any more, once what is still at work has ended.
    async fn assert_empty(&self) {
        let empty = async {
            while !self.raw_keys().await.is_empty() || self.open_uploads().await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, empty).await.is_err() {
            panic!(
                "{:?}, {} uploads",
                self.raw_keys().await,
                self.open_uploads().await
            );
        }
        let video = self
            .buckets()
            .list_objects_v2()
            .bucket("video")
            .send()
            .await
            .unwrap();
        assert!(video.contents().is_empty());
    }
}

#[tokio::test]
async fn an_upload_of_several_requests_arrives_whole() {
    let site = Site::start().await;
    let file = video(21 * MIB_USIZE + 5, 1);
    let url = site.begin_tus(file.len()).await;
    let mut at = 0;
    // Within a part, over its end, to the end of one, and nothing.
    for len in [1, 3 * MIB_USIZE, 9 * MIB_USIZE, 4 * MIB_USIZE - 1, 0] {
        at = append(&site.client, &url, at, file.slice(at..at + len)).await;
        assert_eq!(offset(&site.client, &url).await, at);
    }
    assert_eq!(at, 16 * MIB_USIZE);
    let standing = head(&site.client, &url).await;
    let headers = standing.headers();
    assert_eq!(headers["upload-length"], file.len().to_string().as_str());
    assert_eq!(
        headers["upload-metadata"],
        "filename YSBmaWxtLm1wNA==,filetype dmlkZW8="
    );
    assert_eq!(headers["cache-control"], "no-store");
    let expires = httpdate(headers["upload-expires"].to_str().unwrap());
    let in_a_day = expires
        .duration_since(std::time::SystemTime::now())
        .unwrap();
    assert!(
        (23 * 3600..=24 * 3600).contains(&in_a_day.as_secs()),
        "{in_a_day:?}"
    );

    let status = || site.get(&format!("/api/video/{}/status", id_of(&url)));
    let on_its_way = status().send().await.unwrap();
    assert_error(on_its_way, StatusCode::NOT_FOUND, "uploading").await;

    append(&site.client, &url, at, file.slice(at..)).await;
    site.assert_whole(&url, &file).await;
    let status = status().send().await;
    assert_eq!(json(status.unwrap()).await["filename"], "a film.mp4");

    // The last answer may be lost: it is still told, and asking changes nothing.
    assert_eq!(offset(&site.client, &url).await, file.len());
    assert_eq!(
        append(&site.client, &url, file.len(), Bytes::new()).await,
        file.len()
    );
    let more = patch(&site.client, &url, file.len(), Bytes::from_static(b"1"))
        .send()
        .await;
    assert_error(more.unwrap(), StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
}

fn httpdate(text: &str) -> std::time::SystemTime {
    let format = aws_sdk_s3::primitives::DateTimeFormat::HttpDate;
    let date = aws_sdk_s3::primitives::DateTime::from_str(text, format).unwrap();
    date.try_into().unwrap()
}

#[tokio::test]
async fn files_of_whole_parts_and_of_nothing_arrive_at_once_or_by_and_by() {
    let site = Site::start().await;
    for len in [0, 1, 8 * MIB_USIZE, 16 * MIB_USIZE] {
        let file = video(len, 2);
        let url = site.begin_tus(len).await;
        if len > 0 {
            append(&site.client, &url, 0, file.clone()).await;
        }
        site.assert_whole(&url, &file).await;

        // With the creation.
        let creation = request(
            &site.client,
            Method::POST,
            &format!("{}/api/tus", site.base),
        );
        let creation = creation.header("Upload-Length", len);
        let creation = creation.header("Content-Type", "application/offset+octet-stream");
        let answer = creation.body(file.clone()).send().await.unwrap();
        assert_eq!(offset_in(answer.headers()), len);
        site.assert_whole(&location(&site.base, answer), &file)
            .await;
    }
}

#[tokio::test]
async fn a_length_may_be_told_later() {
    let site = Site::start_with(|http, _| http.max_upload_bytes = 10 * MIB).await;
    let create = async || {
        let creation = request(
            &site.client,
            Method::POST,
            &format!("{}/api/tus", site.base),
        );
        let answer = creation.header("Upload-Defer-Length", "1").send().await;
        location(&site.base, answer.unwrap())
    };
    let file = video(9 * MIB_USIZE, 3);
    let url = create().await;
    assert_eq!(
        append(&site.client, &url, 0, file.clone()).await,
        file.len()
    );
    let standing = head(&site.client, &url).await;
    assert_eq!(standing.headers()["upload-defer-length"], "1");
    assert!(!standing.headers().contains_key("upload-length"));
    let tell = async |len: usize| {
        let last = patch(&site.client, &url, file.len(), Bytes::new());
        last.header("Upload-Length", len).send().await.unwrap()
    };
    assert_error(tell(MIB_USIZE).await, StatusCode::BAD_REQUEST, "bad_header").await;
    assert_error(
        tell(11 * MIB_USIZE).await,
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
    )
    .await;
    assert_eq!(tell(file.len()).await.status(), StatusCode::NO_CONTENT);
    site.assert_whole(&url, &file).await;

    // Too much, announced or not.
    let large = video(10 * MIB_USIZE + 1, 4);
    let url = create().await;
    let announced = patch(&site.client, &url, 0, large.clone())
        .send()
        .await
        .unwrap();
    assert_error(announced, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    let chunks: Vec<_> = large
        .chunks(MIB_USIZE)
        .map(Bytes::copy_from_slice)
        .collect();
    let chunks = stream::iter(chunks.into_iter().map(Ok::<_, Infallible>));
    let unannounced = patch(&site.client, &url, 0, Bytes::new()).body(Body::wrap_stream(chunks));
    let unannounced = unannounced.send().await.unwrap();
    assert_error(unannounced, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;
    assert!(offset(&site.client, &url).await <= 10 * MIB_USIZE);
}

#[tokio::test]
async fn what_is_not_tus_or_not_allowed_is_refused_by_name() {
    let site = Site::start().await;
    let (client, tus) = (&site.client, format!("{}/api/tus", site.base));
    let url = site.begin_tus(100).await;
    let post = || request(client, Method::POST, &tus);
    let at_0 = || patch(client, &url, 0, video(100, 1));
    let without = |mut request: reqwest::Request, header: &str| {
        request.headers_mut().remove(header);
        request
    };
    let bare = |builder: reqwest::RequestBuilder, header| without(builder.build().unwrap(), header);
    let elsewhere = url.replace(&id_of(&url).to_string(), &store::VideoId::new().to_string());
    for (asked, status, code) in [
        (bare(at_0(), "tus-resumable"), 412, "tus_version"),
        (bare(at_0(), "authorization"), 401, "unauthorized"),
        (bare(at_0(), "content-type"), 415, "not_an_offset_stream"),
        (bare(at_0(), "upload-offset"), 400, "bad_header"),
        (
            patch(client, &url, 7, video(93, 1)).build().unwrap(),
            409,
            "offset_differs",
        ),
        (
            patch(client, &url, 0, video(101, 1)).build().unwrap(),
            413,
            "too_large",
        ),
        (
            at_0()
                .header("Upload-Checksum", "crc32 AAAA")
                .build()
                .unwrap(),
            400,
            "bad_header",
        ),
        (
            patch(client, &elsewhere, 0, video(100, 1)).build().unwrap(),
            404,
            "not_found",
        ),
        (
            request(client, Method::DELETE, &elsewhere).build().unwrap(),
            404,
            "not_found",
        ),
        (
            request(client, Method::POST, &url).build().unwrap(),
            405,
            "method_not_allowed",
        ),
        (
            request(client, Method::GET, &url).build().unwrap(),
            405,
            "method_not_allowed",
        ),
        (post().build().unwrap(), 400, "bad_header"),
        (
            post().header("Upload-Length", 65 * MIB).build().unwrap(),
            413,
            "too_large",
        ),
        (
            post()
                .header("Upload-Length", 9)
                .header("Upload-Metadata", "filename *")
                .build()
                .unwrap(),
            400,
            "bad_header",
        ),
        (
            post()
                .header("Upload-Length", 9)
                .body("123456789")
                .build()
                .unwrap(),
            415,
            "not_an_offset_stream",
        ),
    ] {
        let answer = client.execute(asked).await.unwrap();
        assert_eq!(answer.headers()["tus-resumable"], "1.0.0");
        if status == 412 {
            assert_eq!(answer.headers()["tus-version"], "1.0.0");
        }
        assert_error(answer, StatusCode::from_u16(status).unwrap(), code).await;
    }
    assert_eq!(
        head(client, &elsewhere).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(offset(client, &url).await, 0);

    let options = client.request(Method::OPTIONS, &tus).send().await.unwrap();
    assert!(options.status().is_success());
    for (header, value) in [
        ("tus-version", "1.0.0"),
        ("tus-max-size", (64 * MIB).to_string().as_str()),
        ("tus-checksum-algorithm", "sha1,md5,sha256"),
        (
            "tus-extension",
            "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination",
        ),
    ] {
        assert_eq!(options.headers()[header], value);
    }

    // What can send nothing but POST.
    let by_post =
        |method| request(client, Method::POST, &url).header("X-HTTP-Method-Override", method);
    let asked = by_post("HEAD").send().await.unwrap();
    assert_eq!(
        (asked.status(), offset_in(asked.headers())),
        (StatusCode::OK, 0)
    );
    let appended = by_post("PATCH")
        .header("Upload-Offset", 0)
        .body(video(99, 1));
    let appended = appended.header("Content-Type", "application/offset+octet-stream");
    assert_eq!(offset_in(appended.send().await.unwrap().headers()), 99);
    assert_eq!(
        by_post("DELETE").send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    site.assert_empty().await;
}

#[tokio::test]
async fn bytes_with_a_wrong_sum_are_not_kept() {
    let site = Site::start().await;
    let file = video(20 * MIB_USIZE, 5);
    let url = site.begin_tus(file.len()).await;
    let at = append(&site.client, &url, 0, file.slice(..MIB_USIZE)).await;
    // More than a part of something else, and a sum of what it should be.
    let wrong = patch(&site.client, &url, at, video(10 * MIB_USIZE, 6));
    let wrong = wrong.header("Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
    let wrong = wrong.send().await.unwrap();
    assert_error(
        wrong,
        StatusCode::from_u16(460).unwrap(),
        "checksum_mismatch",
    )
    .await;
    assert_eq!(offset(&site.client, &url).await, at);

    let sum = |algorithm: &str, bytes: &[u8]| {
        use sha2::Digest;
        let base64 = |sum: &[u8]| base64_simd::STANDARD.encode_to_string(sum);
        match algorithm {
            "md5" => base64(&md5::Md5::digest(bytes)),
            "sha1" => base64(&sha1::Sha1::digest(bytes)),
            _ => base64(&sha2::Sha256::digest(bytes)),
        }
    };
    let mut at = at;
    for (algorithm, len) in [
        ("md5", 10 * MIB_USIZE),
        ("sha1", 100),
        ("sha256", 9 * MIB_USIZE - 100),
    ] {
        let bytes = file.slice(at..at + len);
        let right = patch(&site.client, &url, at, bytes.clone());
        let right = right.header(
            "Upload-Checksum",
            format!("{algorithm} {}", sum(algorithm, &bytes)),
        );
        let right = right.send().await.unwrap();
        assert_eq!(right.status(), StatusCode::NO_CONTENT, "{algorithm}");
        at += len;
        assert_eq!(offset(&site.client, &url).await, at);
    }
    site.assert_whole(&url, &file).await;
}

#[tokio::test]
async fn an_upload_that_its_client_ends_leaves_nothing_and_a_complete_one_stays() {
    let site = Site::start().await;
    let url = site.begin_tus(20 * MIB_USIZE).await;
    let at = append(&site.client, &url, 0, video(9 * MIB_USIZE, 1)).await;
    let end = async |url: &str| {
        let delete = request(&site.client, Method::DELETE, url);
        delete.send().await.unwrap()
    };
    assert_eq!(end(&url).await.status(), StatusCode::NO_CONTENT);
    site.assert_empty().await;
    assert_error(end(&url).await, StatusCode::NOT_FOUND, "not_found").await;
    let status = site.get(&format!("/api/video/{}/status", id_of(&url)));
    let status = status.send().await.unwrap();
    assert_error(status, StatusCode::NOT_FOUND, "not_found").await;
    let more = patch(&site.client, &url, at, video(1, 1))
        .send()
        .await
        .unwrap();
    assert_error(more, StatusCode::NOT_FOUND, "not_found").await;

    let url = site.begin_tus(100).await;
    append(&site.client, &url, 0, video(100, 1)).await;
    assert_error(end(&url).await, StatusCode::NOT_FOUND, "not_found").await;
    site.assert_whole(&url, &video(100, 1)).await;
}

#[tokio::test]
async fn what_is_no_video_is_refused_by_its_first_bytes_however_they_come() {
    let site = Site::start().await;
    let page = Bytes::from("<!DOCTYPE html><html>".repeat(1000));
    let url = site.begin_tus(30 * MIB_USIZE).await;
    let refused = patch(&site.client, &url, 0, page.clone())
        .send()
        .await
        .unwrap();
    assert_error(refused, StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_video").await;
    site.assert_empty().await;

    let url = site.begin_tus(page.len()).await;
    assert_eq!(append(&site.client, &url, 0, page.slice(..10)).await, 10);
    let refused = patch(&site.client, &url, 10, page.slice(10..))
        .send()
        .await
        .unwrap();
    assert_error(refused, StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_video").await;

    let creation = request(
        &site.client,
        Method::POST,
        &format!("{}/api/tus", site.base),
    );
    let creation = creation.header("Upload-Length", 21);
    let creation = creation.header("Content-Type", "application/offset+octet-stream");
    let refused = creation.body(page.slice(..21)).send().await.unwrap();
    assert_error(refused, StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_video").await;
    site.assert_empty().await;
}

#[tokio::test]
async fn an_upload_that_gets_nothing_more_expires_and_is_swept() {
    let site =
        Site::start_with(|_, settings| settings.upload_expiry = Duration::from_secs(2)).await;
    let url = site.begin_tus(20 * MIB_USIZE).await;
    let at = 9 * MIB_USIZE;
    // By a server that has more patience.
    let patient = store_of(&site.s3, |_| {}).await;
    let announced = Announced::default();
    let mut fed = patient.append(id_of(&url), 0, announced).await.unwrap();
    fed.push(video(at, 1)).await.unwrap();
    fed.finish().await.unwrap();
    let expired = async {
        while head(&site.client, &url).await.status() != StatusCode::GONE {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, expired).await.unwrap();
    let more = patch(&site.client, &url, at, video(1, 1))
        .send()
        .await
        .unwrap();
    assert_error(more, StatusCode::GONE, "gone").await;
    let swept = site.store.sweep().await.unwrap();
    assert_eq!(
        (swept.upload_infos, swept.uploads, swept.upload_tails),
        (1, 0, 0)
    );
    site.assert_empty().await;
}
