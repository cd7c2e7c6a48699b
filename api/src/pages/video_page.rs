//! `/watch/<id>` and `/embed/<id>`: the frontend's page, with what it and others need to know of the video in its
//! HTML: tags by which a shared link shows title and picture, and the status, so that the player need not ask for it.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use store::{State, Status, VideoId};

use super::built_file::weak_etag;
use super::html::Escaped;
use super::{HTML, PageKind, Pages};
use crate::error::ApiError;
use crate::filename::title_of;
use crate::link_preview::{LinkPreview, poster_path};
use crate::revalidation::unless_held;
use crate::{App, Origin};

/// Storage that is slower keeps nobody from a page, which then goes on asking by itself.
const MOST_WAIT: Duration = Duration::from_secs(3);

pub(super) async fn answer(
    app: &App,
    pages: &Pages,
    page: PageKind,
    id: VideoId,
    headers: &HeaderMap,
) -> Response {
    let read = tokio::time::timeout(MOST_WAIT, app.status_reads.read(id)).await;
    let plain = |status| pages.index().answer(headers, status, false);
    let status = match read {
        Ok(Ok(Some(status))) => status,
        Ok(Ok(None)) => return plain(StatusCode::NOT_FOUND),
        Ok(Err(error)) => return without_tags(error, plain(StatusCode::SERVICE_UNAVAILABLE)),
        Err(_) => return plain(StatusCode::SERVICE_UNAVAILABLE),
    };
    let Some(template) = &pages.template else {
        return plain(StatusCode::OK);
    };
    let origin = Origin::of_server(app, headers).ok();
    let mut head = head(&status.value, origin.as_ref());
    head.push_str(pages.modules.tags(page));
    let html = template.with(&head);
    let etag = weak_etag(html.as_bytes());
    unless_held(headers, &etag, || ([(CONTENT_TYPE, HTML)], html))
}

/// An error of the API, whose page says in its own words what is wrong.
fn without_tags(error: ApiError, page: Response) -> Response {
    let mut response = error.into_response();
    response.headers_mut().remove(CONTENT_LENGTH);
    let html = HeaderValue::from_static(HTML);
    response.headers_mut().insert(CONTENT_TYPE, html);
    let (parts, body) = page.into_parts();
    for (name, value) in &parts.headers {
        response.headers_mut().insert(name, value.clone());
    }
    *response.body_mut() = Body::new(body);
    response
}

/// Title, tags and status. Whoever has the link may watch, but no search engine is to hand it out.
fn head(status: &Status, origin: Option<&Origin>) -> String {
    let mut head = format!("<title>{}</title>", Escaped(title_of(&status.filename)));
    if let Some(origin) = origin {
        write_tags(&mut head, &LinkPreview::new(origin, status));
    }
    head.push_str("\n    <meta name=\"robots\" content=\"noindex\" />");
    let id = status.id;
    if status.status == State::Done {
        let _ = write!(
            head,
            "\n    <link rel=\"preload\" as=\"fetch\" crossorigin href=\"/api/video/{id}/hls/master.m3u8\" />"
        );
    }
    if status.poster.is_some() {
        let _ = write!(
            head,
            "\n    <link rel=\"preload\" as=\"image\" href=\"{}\" />",
            poster_path(id)
        );
    }
    // Data, which no policy of scripts forbids; a `<` could end the element.
    let json = serde_json::to_string(status).expect("a status has only string keys");
    let json = json.replace('<', "\\u003c");
    let _ = write!(
        head,
        "\n    <script type=\"application/json\" id=\"video-status\">{json}</script>"
    );
    head
}

/// What those read who show links: The Open Graph protocol (ogp.me), X's cards, oEmbed (oembed.com §4).
fn write_tags(head: &mut String, preview: &LinkPreview<'_>) {
    let watch = preview.watch_url();
    let embed = preview.embed_url();
    let description = preview.description();
    let size = preview.shape().within(None, None);
    let mut meta = |key: &str, name: &str, content: &dyn std::fmt::Display| {
        let _ = write!(
            head,
            "\n    <meta {key}=\"{name}\" content=\"{}\" />",
            Escaped(content)
        );
    };
    meta("name", "description", &description);
    meta("property", "og:site_name", &"AssetLab");
    meta("property", "og:type", &"video.other");
    meta("property", "og:title", &preview.title());
    meta("property", "og:description", &description);
    meta("property", "og:url", &watch);
    meta("property", "og:video", &embed);
    if embed.starts_with("https:") {
        meta("property", "og:video:secure_url", &embed);
    }
    meta("property", "og:video:type", &"text/html");
    meta("property", "og:video:width", &size.width);
    meta("property", "og:video:height", &size.height);
    if let Some((url, size)) = preview.poster() {
        meta("property", "og:image", &url);
        meta("property", "og:image:type", &"image/jpeg");
        meta("property", "og:image:width", &size.width);
        meta("property", "og:image:height", &size.height);
        meta("property", "og:image:alt", &preview.title());
        meta("name", "twitter:card", &"summary_large_image");
        meta("name", "twitter:image", &url);
    } else {
        meta("name", "twitter:card", &"summary");
    }
    meta("name", "twitter:title", &preview.title());
    meta("name", "twitter:description", &description);
    let _ = write!(
        head,
        "\n    <link rel=\"canonical\" href=\"{watch}\" />\
         \n    <link rel=\"alternate\" type=\"application/json+oembed\" title=\"{}\" \
         href=\"{}/api/oembed?format=json&amp;url={watch}\" />",
        Escaped(preview.title()),
        Escaped(preview.origin),
        watch = Escaped(&watch),
    );
}
