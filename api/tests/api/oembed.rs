use reqwest::{Response, StatusCode};
use store::VideoId;

use crate::site::{Site, assert_error, json};
use crate::worker;

async fn oembed(site: &Site, query: &[(&str, &str)]) -> Response {
    site.get("/api/oembed").query(query).send().await.unwrap()
}

#[tokio::test]
async fn another_site_is_given_a_player() {
    let site = Site::start().await;
    let id = worker::done(&site, "Say \"hi\".mp4").await;
    for path in ["watch", "embed"] {
        let url = format!("{}/{path}/{id}?t=5", site.base);
        let answer = json(oembed(&site, &[("url", &url), ("format", "json")]).await).await;
        assert_eq!(answer["version"], "1.0");
        assert_eq!(answer["type"], "video");
        assert_eq!(answer["title"], "Say \"hi\"");
        assert_eq!(answer["provider_url"], site.base);
        assert_eq!(
            (&answer["width"], &answer["height"]),
            (&640.into(), &360.into())
        );
        let poster = format!("{}/api/video/{id}/poster.jpg", site.base);
        assert_eq!(answer["thumbnail_url"], poster);
        assert!(answer["thumbnail_width"].is_u64() && answer["thumbnail_height"].is_u64());
        let html = answer["html"].as_str().unwrap();
        let begin = format!(
            "<iframe src=\"{}/embed/{id}\" width=\"640\" height=\"360\" title=\"Say &quot;hi&quot;\" ",
            site.base
        );
        assert!(html.starts_with(&begin), "{html}");
        assert!(html.ends_with("></iframe>"), "{html}");
    }
    let url = format!("{}/watch/{id}", site.base);
    let small = oembed(
        &site,
        &[("url", &url), ("maxwidth", "320"), ("maxheight", "400")],
    )
    .await;
    let small = json(small).await;
    assert_eq!(
        (&small["width"], &small["height"]),
        (&320.into(), &180.into())
    );
}

#[tokio::test]
async fn what_is_no_video_of_this_server_is_not_found() {
    let site = Site::start_with(|http, _| {
        http.public_url = Some("https://video.example.org".parse().unwrap());
    })
    .await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    for url in [
        format!("https://video.example.org/watch/{id}"),
        format!("http://VIDEO.example.org/embed/{id}/"),
    ] {
        let answer = oembed(&site, &[("url", &url)]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
    }
    for url in [
        format!("https://elsewhere.example.org/watch/{id}"),
        format!("https://video.example.org:8443/watch/{id}"),
        format!("https://video.example.org/videos/{id}"),
        format!("ftp://video.example.org/watch/{id}"),
        format!("/watch/{id}"),
        format!("https://video.example.org/watch/{}", VideoId::new()),
        "https://video.example.org/".to_owned(),
        "no url".to_owned(),
    ] {
        let answer = oembed(&site, &[("url", &url)]).await;
        assert_error(answer, StatusCode::NOT_FOUND, "not_found").await;
    }
}

#[tokio::test]
async fn other_formats_and_queries_are_refused() {
    let site = Site::start().await;
    let answer = oembed(&site, &[("url", "x"), ("format", "xml")]).await;
    assert_error(answer, StatusCode::NOT_IMPLEMENTED, "other_format").await;
    for query in [
        vec![],
        vec![("url", "x"), ("maxwidth", "0")],
        vec![("url", "x"), ("maxheight", "wide")],
    ] {
        let answer = oembed(&site, &query).await;
        assert_error(answer, StatusCode::BAD_REQUEST, "bad_query").await;
    }
}
