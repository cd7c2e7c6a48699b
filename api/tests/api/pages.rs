use std::net::Ipv4Addr;

use reqwest::StatusCode;

use crate::site::{INDEX, Site, assert_error};

#[tokio::test]
async fn page_routes_begin_with_the_index() {
    let site = Site::start().await;
    for path in ["/", "/index.html"] {
        let response = site.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
        assert_eq!(response.headers()["cache-control"], "no-cache");
        let etag = response.headers()["etag"].clone();
        assert_eq!(response.text().await.unwrap(), INDEX);
        let held = site.get(path).header("if-none-match", etag);
        let response = held.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
}

#[tokio::test]
async fn the_library_names_its_own_files_in_its_head() {
    let site = Site::start().await;
    for path in ["/videos", "/videos/"] {
        let response = site.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        let html = response.text().await.unwrap();
        assert!(html.starts_with("<!doctype html><title>AssetLab</title>"));
        let preload = r#"<link rel="modulepreload" crossorigin href="/assets/LibraryPage-6.js" />"#;
        assert!(html.contains(preload), "{html}");
    }
}

#[tokio::test]
async fn hashed_assets_are_kept_for_good_and_others_are_not() {
    let site = Site::start().await;
    let script = site.get("/assets/index-4f3a.js").send().await.unwrap();
    assert_eq!(
        script.headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
    assert_eq!(
        script.headers()["cache-control"],
        "public, max-age=31536000, immutable"
    );
    let icon = site.get("/favicon.svg").send().await.unwrap();
    assert_eq!(icon.headers()["content-type"], "image/svg+xml");
    assert_eq!(icon.headers()["cache-control"], "no-cache");
}

#[tokio::test]
async fn what_the_build_has_compressed_is_sent_so_to_who_takes_it() {
    let site = Site::start().await;
    for (accepted, encoding, body) in [
        ("gzip, deflate, br", Some("br"), "in brotli"),
        ("gzip;q=1.0, br;q=0", Some("gzip"), "in gzip"),
        ("identity", None, "console.log(1)"),
    ] {
        let script = site.get("/assets/index-4f3a.js");
        let script = script.header("accept-encoding", accepted);
        let script = script.send().await.unwrap();
        let header = |name| {
            script
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(header("content-encoding"), encoding, "{accepted}");
        assert_eq!(header("vary"), Some("accept-encoding"), "{accepted}");
        assert_eq!(
            header("content-type"),
            Some("text/javascript; charset=utf-8"),
            "{accepted}"
        );
        assert_eq!(script.text().await.unwrap(), body);
    }
    // They are forms of a file, and no files.
    for path in ["/assets/index-4f3a.js.br", "/.vite/manifest.json"] {
        let answer = site.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_in_the_language_of_who_asks() {
    let site = Site::start().await;
    for path in [
        "/nothing",
        "/watch/",
        "/watch/../x",
        "/watch/no-id",
        "/embed",
        "/embed/no-id",
        "/videos/more",
        "/assets/old.js",
        "/..%2f..%2fetc/passwd",
    ] {
        let response = site.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8",
            "{path}"
        );
        // The frontend's router says so in the site's own words.
        assert_eq!(response.text().await.unwrap(), INDEX, "{path}");
    }
    for path in ["/api", "/api/", "/api/nothing", "/api/video", "/api/video/"] {
        assert_error(
            site.get(path).send().await.unwrap(),
            StatusCode::NOT_FOUND,
            "not_found",
        )
        .await;
    }
}

#[tokio::test]
async fn other_methods_are_refused_in_json() {
    let site = Site::start().await;
    for path in ["/", "/nothing", "/healthz", "/api/video/x/status"] {
        let response = site
            .client
            .put(format!("{}{path}", site.base))
            .send()
            .await
            .unwrap();
        assert_error(
            response,
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
        )
        .await;
    }
    assert_error(
        site.get("/api/upload").send().await.unwrap(),
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
    )
    .await;
}

#[tokio::test]
async fn a_frontend_is_read_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let error = api::Pages::from_folder(folder.path()).err().unwrap();
    assert!(error.to_string().contains("FRONTEND_DIR"), "{error}");
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    std::fs::write(folder.path().join("index.html"), INDEX).unwrap();
    std::fs::write(folder.path().join("assets/a.css"), "a{}").unwrap();
    assert!(api::Pages::from_folder(folder.path()).is_ok());
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_variable_that_changes_it() {
    let taken = api::bind(Ipv4Addr::LOCALHOST.into(), 0).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = api::bind(Ipv4Addr::LOCALHOST.into(), port)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&port.to_string()) && error.contains("PORT"),
        "{error}"
    );
}
