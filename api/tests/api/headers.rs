use api::CorsOrigins;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::site::Site;

const OTHER: &str = "http://localhost:5173";

async fn preflight(site: &Site, origin: &str) -> HeaderMap {
    let request = site
        .client
        .request(Method::OPTIONS, format!("{}/api/upload", site.base))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization");
    request.send().await.unwrap().headers().clone()
}

#[tokio::test]
async fn listed_origins_may_call_and_read_errors() {
    let site = Site::start_with(|http, _| http.cors_origins = OTHER.parse().unwrap()).await;
    let allowed = preflight(&site, OTHER).await;
    assert_eq!(allowed["access-control-allow-origin"], OTHER);
    assert!(
        allowed["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("POST")
    );
    assert!(
        allowed["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .contains("authorization")
    );
    assert!(
        !preflight(&site, "http://evil.example")
            .await
            .contains_key("access-control-allow-origin")
    );

    let error = site
        .get("/api/video/none")
        .header("origin", OTHER)
        .send()
        .await
        .unwrap();
    assert_eq!(error.status(), StatusCode::NOT_FOUND);
    assert_eq!(error.headers()["access-control-allow-origin"], OTHER);
    assert!(
        error.headers()["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("etag")
    );
}

#[tokio::test]
async fn unset_means_same_origin_only() {
    let site = Site::start().await;
    assert!(
        !preflight(&site, OTHER)
            .await
            .contains_key("access-control-allow-origin")
    );
    let site = Site::start_with(|http, _| http.cors_origins = CorsOrigins::Any).await;
    assert_eq!(
        preflight(&site, OTHER).await["access-control-allow-origin"],
        "*"
    );
}

fn policy(headers: &HeaderMap) -> &str {
    headers["content-security-policy"].to_str().unwrap()
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do() {
    let site = Site::start_with(|_, settings| {
        settings.public_endpoint = Some("https://s3.example.org".into());
    })
    .await;
    for path in ["/", "/nothing", "/api/video/none", "/healthz"] {
        let response = site.get(path).send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["x-request-id"].len(), 32, "{path}");
        for directive in [
            "media-src 'self' blob: https://s3.example.org;",
            "connect-src 'self' https://s3.example.org;",
        ] {
            assert!(
                policy(headers).contains(directive),
                "{path}: {}",
                policy(headers)
            );
        }
    }
}

#[tokio::test]
async fn each_bucket_may_have_a_host_of_its_own() {
    let site = Site::start_with(|_, settings| {
        settings.public_endpoint = Some("https://s3.example.org".into());
        settings.path_style = Some(false);
    })
    .await;
    let response = site.get("/").send().await.unwrap();
    let expected =
        "media-src 'self' blob: https://raw.s3.example.org https://video.s3.example.org;";
    assert!(
        policy(response.headers()).contains(expected),
        "{}",
        policy(response.headers())
    );
}

#[tokio::test]
async fn media_of_this_origin_needs_no_other() {
    let site = Site::start_with(|_, settings| settings.origin_relative_urls = true).await;
    let response = site.get("/").send().await.unwrap();
    assert!(policy(response.headers()).contains("media-src 'self' blob:;"));
}
