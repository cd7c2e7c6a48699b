//! How often clients may do what costs, and who counts as a client. Time is the test's.

use std::time::Duration;

use embedded_s3::test_server::TestServer;
use governor::clock::FakeRelativeClock;
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::exposition::Exposition;
use crate::process::start;
use crate::site::{Site, TOKEN, assert_error, json};

const LOOPBACK: &str = "127.0.0.0/8";

fn small() -> Form {
    Form::new().part(
        "file",
        Part::bytes(&b"\0\0\0\x08ftyp"[..]).file_name("a.mp4"),
    )
}

/// The same request by a client behind the proxy that the test is.
fn of(client: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("x-forwarded-for", client)
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

/// How long a client that is refused is told to wait.
async fn wait_of(answer: Response) -> Duration {
    let wait = answer.headers()["retry-after"].to_str().unwrap();
    let wait: u64 = wait.parse().unwrap();
    assert!(wait >= 1);
    assert_error(answer, StatusCode::TOO_MANY_REQUESTS, "rate_limited").await;
    Duration::from_secs(wait)
}

#[tokio::test]
async fn who_begins_too_many_uploads_waits_as_long_as_told() {
    let time = FakeRelativeClock::default();
    let site = Site::start_at(&time, |http, _| {
        http.rates.upload_rate = "3/10s".parse().unwrap();
        http.rates.trusted_proxies = LOOPBACK.parse().unwrap();
    });
    let site = site.await;
    let upload = |client: &str| of(client, site.upload(small()));
    let mint = |client: &str| {
        let post = site.client.post(format!("{}/api/upload-links", site.base));
        of(client, post.bearer_auth(TOKEN))
    };
    // Uploads and links count together.
    for request in [
        upload("198.51.100.1"),
        mint("198.51.100.1"),
        upload("198.51.100.1"),
    ] {
        assert_eq!(status(request).await, StatusCode::CREATED);
    }
    let refused = upload("198.51.100.1").send().await.unwrap();
    let wait = wait_of(refused).await;
    assert_eq!(wait, Duration::from_secs(4), "a third of 10 s, rounded up");
    assert_eq!(
        status(mint("198.51.100.1")).await,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(status(upload("198.51.100.2")).await, StatusCode::CREATED);
    time.advance(wait - Duration::from_secs(1));
    assert_eq!(
        status(upload("198.51.100.1")).await,
        StatusCode::TOO_MANY_REQUESTS
    );
    time.advance(Duration::from_secs(1));
    assert_eq!(status(upload("198.51.100.1")).await, StatusCode::CREATED);
    let stored = site.raw_keys().await;
    let stored = stored.iter().filter(|key| key.ends_with(".orig"));
    assert_eq!(stored.count(), 4);
}

#[tokio::test]
async fn a_token_is_limited_from_all_addresses_together() {
    let time = FakeRelativeClock::default();
    let site = Site::start_at(&time, |http, _| {
        http.rates.upload_rate_per_token = "2/1m".parse().unwrap();
        http.rates.trusted_proxies = LOOPBACK.parse().unwrap();
    });
    let site = site.await;
    let link = site.client.post(format!("{}/api/upload-links", site.base));
    let link = of("198.51.100.1", link.bearer_auth(TOKEN));
    let link = json(link.send().await.unwrap()).await;
    let upload = |client: &str| of(client, site.upload(small()));
    assert_eq!(status(upload("198.51.100.2")).await, StatusCode::CREATED);
    let refused = upload("198.51.100.3").send().await.unwrap();
    wait_of(refused).await;
    // A link's token is another one.
    let by_link = site.client.post(format!("{}/api/upload", site.base));
    let by_link = by_link.bearer_auth(link["token"].as_str().unwrap());
    let by_link = of("198.51.100.3", by_link.multipart(small()));
    assert_eq!(status(by_link).await, StatusCode::CREATED);
}

#[tokio::test]
async fn links_and_playlists_are_limited_and_what_signs_nothing_is_not() {
    let time = FakeRelativeClock::default();
    let site = Site::start_at(&time, |http, _| {
        http.rates.signing_rate = "4/1m".parse().unwrap();
    });
    let site = site.await;
    let id = site.uploaded("a.mp4", b"\0\0\0\x08ftyp").await;
    for (path, expected) in [
        ("", StatusCode::OK),
        ("/720p", StatusCode::NOT_FOUND),
        ("/hls/master.m3u8", StatusCode::NOT_FOUND),
        ("/hls/720p.m3u8", StatusCode::NOT_FOUND),
        ("", StatusCode::TOO_MANY_REQUESTS),
        ("/720p", StatusCode::TOO_MANY_REQUESTS),
        ("/hls/master.m3u8", StatusCode::TOO_MANY_REQUESTS),
        ("/status", StatusCode::OK),
    ] {
        let answer = status(site.get(&format!("/api/video/{id}{path}"))).await;
        assert_eq!(answer, expected, "{path}");
    }
    let refused = site.get(&format!("/api/video/{id}")).send().await.unwrap();
    let wait = wait_of(refused).await;
    time.advance(wait);
    let again = status(site.get(&format!("/api/video/{id}"))).await;
    assert_eq!(again, StatusCode::OK);
    let delete = site.client.delete(format!("{}/api/video/{id}", site.base));
    assert_eq!(
        status(delete.bearer_auth(TOKEN)).await,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn who_guesses_short_tokens_is_refused_even_the_right_one_for_a_while() {
    let time = FakeRelativeClock::default();
    let site = Site::start_at(&time, |http, _| {
        http.rates.upload_rate = "5/1h".parse().unwrap();
        http.rates.failed_token_rate = "3/1m".parse().unwrap();
        http.rates.trusted_proxies = LOOPBACK.parse().unwrap();
    });
    let site = site.await;
    let upload = |token: &str| {
        let post = site.client.post(format!("{}/api/upload", site.base));
        of("198.51.100.1", post.bearer_auth(token).multipart(small()))
    };
    let without_token = site.client.post(format!("{}/api/upload", site.base));
    let without_token = of("198.51.100.1", without_token.multipart(small()));
    assert_eq!(status(without_token).await, StatusCode::UNAUTHORIZED);
    let delete = format!("{}/api/video/{}", site.base, store::VideoId::new());
    let delete = site.client.delete(delete).bearer_auth("guessed");
    let delete = of("198.51.100.1", delete);
    for guess in [upload("a"), delete, upload("b")] {
        assert_eq!(status(guess).await, StatusCode::UNAUTHORIZED);
    }
    for token in ["c", TOKEN] {
        let refused = upload(token).send().await.unwrap();
        assert_eq!(wait_of(refused).await, Duration::from_secs(20), "{token}");
    }
    let elsewhere = of("198.51.100.2", site.upload(small()));
    assert_eq!(status(elsewhere).await, StatusCode::CREATED);
    time.advance(Duration::from_secs(20));
    // None of those without the token used up what others at this address may upload.
    for _ in 0..5 {
        assert_eq!(status(upload(TOKEN)).await, StatusCode::CREATED);
    }
    assert_eq!(status(upload(TOKEN)).await, StatusCode::TOO_MANY_REQUESTS);
}

/// The API as a process: its token is its own, and all clients are one address.
#[tokio::test]
async fn a_token_that_cannot_be_guessed_is_locked_out_by_nobody() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let admin = "0123456789abcdefghijkl";
    let env = [
        ("ADMIN_TOKEN", admin.to_owned()),
        ("FAILED_TOKEN_RATE", "3/1h".to_owned()),
    ];
    let (_running, base) = start(&s3, &env).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mint = |token: &str| {
        client
            .post(format!("{base}/api/upload-links"))
            .bearer_auth(token)
    };
    let link = json(mint(admin).send().await.unwrap()).await;
    for guess in ["a", "b", "c"] {
        assert_eq!(status(mint(guess)).await, StatusCode::UNAUTHORIZED);
    }
    wait_of(mint("d").send().await.unwrap()).await;
    assert_eq!(status(mint(admin)).await, StatusCode::CREATED);
    let by_link = client.post(format!("{base}/api/upload"));
    let by_link = by_link.bearer_auth(link["token"].as_str().unwrap());
    assert_eq!(
        status(by_link.multipart(small())).await,
        StatusCode::CREATED
    );
    wait_of(mint("e").send().await.unwrap()).await;
}

#[tokio::test]
async fn a_subscribers_ipv6_addresses_are_one_client() {
    let site = Site::start_with(|http, _| {
        http.rates.upload_rate = "1/1h".parse().unwrap();
        http.rates.trusted_proxies = LOOPBACK.parse().unwrap();
    });
    let site = site.await;
    for (client, expected) in [
        ("2001:db8:1:2::1", StatusCode::CREATED),
        ("[2001:db8:1:2:aaaa::5]:4711", StatusCode::TOO_MANY_REQUESTS),
        ("2001:db8:1:3::1", StatusCode::CREATED),
        ("198.51.100.1", StatusCode::CREATED),
        ("::ffff:198.51.100.1", StatusCode::TOO_MANY_REQUESTS),
        ("203.0.113.5, 198.51.100.1", StatusCode::TOO_MANY_REQUESTS),
    ] {
        let answer = status(of(client, site.upload(small()))).await;
        assert_eq!(answer, expected, "{client}");
    }
}

#[tokio::test]
async fn a_client_that_no_proxy_stands_before_cannot_name_itself() {
    let site = Site::start_with(|http, _| {
        http.rates.upload_rate = "1/1h".parse().unwrap();
        http.rates.trusted_proxies = "10.0.0.0/8".parse().unwrap();
    });
    let site = site.await;
    assert_eq!(
        status(of("198.51.100.1", site.upload(small()))).await,
        StatusCode::CREATED
    );
    for name in ["x-forwarded-for", "forwarded"] {
        for value in ["198.51.100.2", "10.0.0.1", "for=198.51.100.3"] {
            let answer = status(site.upload(small()).header(name, value)).await;
            assert_eq!(answer, StatusCode::TOO_MANY_REQUESTS, "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn refusals_are_counted_by_the_limit() {
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let env = [
        ("UPLOAD_RATE", "1/1h".to_owned()),
        ("FAILED_TOKEN_RATE", "off".to_owned()),
    ];
    let (_running, base) = start(&s3, &env).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |token: &str| {
        client
            .post(format!("{base}/api/upload-links"))
            .bearer_auth(token)
    };
    for (token, expected) in [
        ("wrong", StatusCode::UNAUTHORIZED),
        (TOKEN, StatusCode::CREATED),
        (TOKEN, StatusCode::TOO_MANY_REQUESTS),
        (TOKEN, StatusCode::TOO_MANY_REQUESTS),
    ] {
        assert_eq!(status(post(token)).await, expected);
    }
    let metrics = Exposition::scrape(&format!("{base}/metrics")).await;
    for (kind, count) in [
        ("upload", 2.0),
        ("upload_token", 0.0),
        ("signing", 0.0),
        ("signing_token", 0.0),
        ("failed_token", 0.0),
    ] {
        let refused = metrics.value("assetlab_rate_limited_total", &[("kind", kind)]);
        assert_eq!(refused, Some(count), "{kind}");
    }
}

#[tokio::test]
async fn wherever_a_token_is_shown_the_description_says_that_it_may_be_refused_for_a_while() {
    let site = Site::start().await;
    let document = site.get("/api/openapi.json").send().await.unwrap();
    let document = json(document).await;
    let paths = document["paths"].as_object().unwrap();
    let operations = paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values());
    let with_token = operations.filter(|operation| operation["security"].is_array());
    let mut looked_at = 0;
    for operation in with_token {
        for status in ["401", "429"] {
            let answer = &operation["responses"][status];
            assert!(answer.is_object(), "{status} of {}", operation["summary"]);
        }
        looked_at += 1;
    }
    assert!(looked_at >= 5, "{looked_at}");
}
