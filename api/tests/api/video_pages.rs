//! `/watch/<id>` and `/embed/<id>`: what their HTML says of the video.

use reqwest::{Response, StatusCode};
use serde_json::Value;
use store::VideoId;

use crate::site::{INDEX, Site, TOKEN, json};
use crate::worker;

async fn page(site: &Site, path: &str) -> (Response, String) {
    let answer = site.get(path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let html = site.get(path).send().await.unwrap().text().await.unwrap();
    (answer, html)
}

/// What a tag says whose first attribute is this.
fn content<'h>(html: &'h str, attribute: &str) -> &'h str {
    let tag = html.split_once(&format!("<meta {attribute} content=\""));
    let (content, _) = tag
        .unwrap_or_else(|| panic!("{attribute}: {html}"))
        .1
        .split_once("\" />")
        .unwrap();
    content
}

fn served_status(html: &str) -> Value {
    let begin = r#"<script type="application/json" id="video-status">"#;
    let (_, rest) = html.split_once(begin).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[tokio::test]
async fn a_video_s_page_says_what_it_shows() {
    let site = Site::start().await;
    let id = worker::done(&site, "Butterfly in the garden.mp4").await;
    for path in [
        format!("/watch/{id}"),
        format!("/watch/{id}/"),
        format!("/embed/{id}"),
    ] {
        let (answer, html) = page(&site, &path).await;
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        let base = &site.base;
        for (attribute, expected) in [
            (r#"property="og:type""#, "video.other"),
            (r#"property="og:title""#, "Butterfly in the garden"),
            (r#"name="twitter:title""#, "Butterfly in the garden"),
            (r#"name="description""#, "Video · 0:04 · 720p"),
            (r#"property="og:url""#, &*format!("{base}/watch/{id}")),
            (r#"property="og:video""#, &*format!("{base}/embed/{id}")),
            (r#"property="og:video:width""#, "640"),
            (r#"property="og:video:height""#, "360"),
            (
                r#"property="og:image""#,
                &*format!("{base}/api/video/{id}/poster.jpg"),
            ),
            (r#"property="og:image:width""#, "1280"),
            (r#"property="og:image:height""#, "720"),
            (r#"name="twitter:card""#, "summary_large_image"),
            (r#"name="robots""#, "noindex"),
        ] {
            assert_eq!(content(&html, attribute), expected, "{path}");
        }
        assert!(html.contains("<title>Butterfly in the garden</title>"));
        assert_eq!(html.matches("<title>").count(), 1);
        let oembed = format!("href=\"{base}/api/oembed?format=json&amp;url={base}/watch/{id}\"");
        assert!(html.contains(&oembed), "{html}");
    }
}

#[tokio::test]
async fn the_player_finds_in_the_page_what_it_needs_first() {
    let site = Site::start().await;
    let waiting = site.uploaded("waiting.mp4", b"\0an original").await;
    let (_, html) = page(&site, &format!("/watch/{waiting}")).await;
    assert_eq!(served_status(&html)["status"], "pending");
    assert!(!html.contains("master.m3u8"), "there is none yet");
    assert!(!html.contains("poster.jpg"), "there is none yet");
    let (claim, status) = worker::begin(&site).await;
    worker::finish(&site, claim, status).await;

    let (_, html) = page(&site, &format!("/watch/{waiting}")).await;
    let status = site.get(&format!("/api/video/{waiting}/status"));
    assert_eq!(
        served_status(&html),
        json(status.send().await.unwrap()).await
    );
    let master = format!(r#"as="fetch" crossorigin href="/api/video/{waiting}/hls/master.m3u8""#);
    assert!(html.contains(&master), "{html}");
    let poster = format!(r#"as="image" href="/api/video/{waiting}/poster.jpg""#);
    assert!(html.contains(&poster), "{html}");
    for file in ["WatchPage-3.js", "shared-2.js"] {
        let tag = format!(r#"<link rel="modulepreload" crossorigin href="/assets/{file}" />"#);
        assert_eq!(html.matches(&tag).count(), 1, "{file}: {html}");
    }
    assert!(
        html.contains(r#"<link rel="stylesheet" crossorigin href="/assets/WatchPage-4.css" />"#)
    );
    assert!(!html.contains("later-5.js") && !html.contains("index-4f3a.js"));
}

#[tokio::test]
async fn a_hostile_name_stays_text() {
    let site = Site::start().await;
    let hostile = r#""><script>alert('1 & 2')<!--.mp4"#;
    let id = site.uploaded(hostile, b"\0an original").await;
    let (_, html) = page(&site, &format!("/watch/{id}")).await;
    let title = "&quot;&gt;&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;!--";
    assert_eq!(content(&html, r#"property="og:title""#), title);
    assert!(html.contains(&format!("<title>{title}</title>")));
    assert!(html.contains(&format!("title=\"{title}\"")), "{html}");
    // The page's own is data.
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    assert!(!html.contains("<!--"));
    assert_eq!(served_status(&html)["filename"], hostile);
}

#[tokio::test]
async fn urls_are_absolute_by_public_url_or_else_by_host() {
    let site = Site::start_with(|http, _| {
        http.public_url = Some("https://video.example.org".parse().unwrap());
    })
    .await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let (_, html) = page(&site, &format!("/watch/{id}")).await;
    let embed = format!("https://video.example.org/embed/{id}");
    for attribute in [
        r#"property="og:video""#,
        r#"property="og:video:secure_url""#,
    ] {
        assert_eq!(content(&html, attribute), embed);
    }
    assert!(!html.contains(&site.base));

    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let named = site
        .get(&format!("/watch/{id}"))
        .header("host", "nas.local:81");
    let html = named.send().await.unwrap().text().await.unwrap();
    let url = content(&html, r#"property="og:url""#);
    assert_eq!(url, format!("http://nas.local:81/watch/{id}"));
    assert!(!html.contains("secure_url"));
    // What is no host is no part of the page, which does without.
    let odd = site.get(&format!("/watch/{id}"));
    let odd = odd.header("host", "\"><script>").send().await.unwrap();
    assert_eq!(odd.status(), StatusCode::OK);
    let html = odd.text().await.unwrap();
    assert!(
        html.contains("<title>a</title>") && !html.contains("og:"),
        "{html}"
    );
}

#[tokio::test]
async fn a_page_is_sent_again_only_when_its_video_has_changed() {
    let site = Site::start().await;
    let id = site.uploaded("a.mp4", b"\0an original").await;
    let path = format!("/watch/{id}");
    let (answer, _) = page(&site, &path).await;
    let etag = answer.headers()["etag"].clone();
    let held = || site.get(&path).header("if-none-match", etag.clone());
    let again = held().send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["cache-control"], "no-cache");
    let (claim, status) = worker::begin(&site).await;
    assert_eq!(held().send().await.unwrap().status(), StatusCode::OK);
    worker::finish(&site, claim, status).await;

    let head = site.client.head(format!("{}{path}", site.base));
    let head = head.send().await.unwrap();
    let (get, _) = page(&site, &path).await;
    for name in ["content-type", "cache-control", "etag", "content-length"] {
        assert_eq!(head.headers().get(name), get.headers().get(name), "{name}");
    }
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_video_that_is_not_there_is_a_page_that_says_so() {
    let site = Site::start().await;
    let deleted = worker::done(&site, "a.mp4").await;
    let delete = format!("{}/api/video/{deleted}", site.base);
    let delete = site.client.delete(delete).bearer_auth(TOKEN);
    assert_eq!(
        delete.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    for id in [VideoId::new(), deleted] {
        for page in ["watch", "embed"] {
            let answer = site.get(&format!("/{page}/{id}")).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
            assert_eq!(answer.headers()["cache-control"], "no-cache");
            assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
            assert_eq!(answer.text().await.unwrap(), INDEX);
        }
    }
}

#[tokio::test]
async fn many_viewers_of_a_page_cost_storage_what_one_does() {
    let site = Site::start().await;
    let id = worker::done(&site, "a.mp4").await;
    let path = format!("/watch/{id}");
    let began = std::time::Instant::now();
    let before = site.store.requests();
    for _ in 0..100 {
        assert_eq!(
            site.get(&path).send().await.unwrap().status(),
            StatusCode::OK
        );
    }
    // It is looked at once a second.
    assert!(site.store.requests() - before <= 2 + began.elapsed().as_secs());
}
