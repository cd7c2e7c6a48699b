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

/// What tus clients of another origin send, and read (tus 1.0, "Headers").
#[tokio::test]
async fn a_page_of_another_origin_may_speak_tus() {
    let site = Site::start_with(|http, _| http.cors_origins = OTHER.parse().unwrap()).await;
    let tus = |method| {
        site.client
            .request(method, format!("{}/api/tus", site.base))
            .header("origin", OTHER)
    };
    let sent = "authorization,content-type,tus-resumable,upload-length,upload-defer-length,\
                upload-metadata,upload-offset,upload-checksum,x-http-method-override";
    let preflight = tus(Method::OPTIONS)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", sent);
    let allowed = preflight.send().await.unwrap().headers().clone();
    let list = |headers: &HeaderMap, name: &str| -> Vec<String> {
        let list = headers[name].to_str().unwrap().to_ascii_lowercase();
        list.split(',').map(|item| item.trim().to_owned()).collect()
    };
    let methods = list(&allowed, "access-control-allow-methods");
    for method in ["post", "head", "patch", "delete"] {
        assert!(methods.iter().any(|allowed| allowed == method), "{method}");
    }
    let headers = list(&allowed, "access-control-allow-headers");
    for header in sent.split(',') {
        assert!(headers.iter().any(|allowed| allowed == header), "{header}");
    }
    // A page asks what the server can do by the very method of preflights.
    assert!(methods.iter().any(|allowed| allowed == "options"));
    let told = tus(Method::OPTIONS).send().await.unwrap().headers().clone();
    assert_eq!(told["access-control-allow-origin"], OTHER);
    let exposed = list(&told, "access-control-expose-headers");
    assert!(exposed.iter().any(|exposed| exposed == "tus-max-size"));
    assert!(told.contains_key("tus-max-size"));
    // Refused, for there is no token: also that can be read.
    let answer = tus(Method::POST).send().await.unwrap().headers().clone();
    let exposed = list(&answer, "access-control-expose-headers");
    for header in [
        "location",
        "tus-resumable",
        "upload-offset",
        "upload-length",
        "upload-expires",
    ] {
        assert!(exposed.iter().any(|exposed| exposed == header), "{header}");
    }
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
    for path in ["/", "/nothing", "/metrics"] {
        let response = site.get(path).send().await.unwrap();
        let headers = response.headers();
        assert_always(headers, path);
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

fn assert_always(headers: &HeaderMap, path: &str) {
    assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
    assert!(headers.contains_key("permissions-policy"), "{path}");
    assert_eq!(headers["x-request-id"].len(), 32, "{path}");
}

#[tokio::test]
async fn json_opened_as_a_page_does_nothing() {
    let site = Site::start().await;
    for path in ["/api/video/none", "/api/openapi.json", "/healthz"] {
        let response = site.get(path).send().await.unwrap();
        assert_always(response.headers(), path);
        let nothing = "default-src 'none'; frame-ancestors 'none'";
        assert_eq!(policy(response.headers()), nothing, "{path}");
    }
}

#[tokio::test]
async fn only_what_is_made_for_it_can_be_framed_by_others() {
    let embed = format!("/embed/{}", store::VideoId::new());
    for (set, ancestors) in [
        ("", "frame-ancestors 'self'"),
        (
            "https://blog.example.org",
            "frame-ancestors 'self' https://blog.example.org",
        ),
        ("*", "frame-ancestors *"),
    ] {
        let site = Site::start_with(|http, _| http.frame_ancestors = set.parse().unwrap()).await;
        let response = site.get(&embed).send().await.unwrap();
        assert!(policy(response.headers()).ends_with(ancestors), "{set}");
        for path in ["/", "/embed", "/watch/embed/"] {
            let response = site.get(path).send().await.unwrap();
            assert!(
                policy(response.headers()).ends_with("frame-ancestors 'self'"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_has_the_id_that_this_server_gave_it() {
    let site = Site::start().await;
    let forged = "0123456789abcdef0123456789abcdef";
    let answer = site
        .get("/healthz")
        .header("x-request-id", forged)
        .send()
        .await
        .unwrap();
    let ids: Vec<_> = answer.headers().get_all("x-request-id").iter().collect();
    assert_eq!(ids.len(), 1);
    assert_ne!(ids[0], forged);
}

#[tokio::test]
async fn head_answers_as_get_without_its_body() {
    let site = Site::start().await;
    let id = crate::worker::done(&site, "a.mp4").await;
    for rest in [
        "",
        "/status",
        "/720p",
        "/720p?unknown=1",
        "/hls/master.m3u8",
        "/events",
    ] {
        let path = format!("/api/video/{id}{rest}");
        let get = site.get(&path).send().await.unwrap();
        let head = site
            .client
            .head(format!("{}{path}", site.base))
            .send()
            .await
            .unwrap();
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        for name in ["content-type", "cache-control", "etag"] {
            assert_eq!(
                head.headers().get(name),
                get.headers().get(name),
                "{path}: {name}"
            );
        }
        assert!(head.bytes().await.unwrap().is_empty());
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
