//! Serves a package from memory as a careful server would, then lets its manners be spoilt.

use std::io::Write;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE, VARY,
};
use axum::http::{HeaderName, Method, Response, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpListener;

use super::files::{Asked, Files};

/// The origin at which the files are, until the test ends.
pub(super) async fn serve(files: Files) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(async move |request: Request| {
        let name = request.uri().path().trim_start_matches('/');
        answer(&files, name, &request).map(Body::from)
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

fn answer(files: &Files, name: &str, request: &Request) -> Response<Vec<u8>> {
    let asked_for = |name: HeaderName| {
        let value = request.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    };
    let Some(file) = files.by_name.get(name) else {
        return Response::builder().status(404).body(Vec::new()).unwrap();
    };
    let is_playlist = name.ends_with(".m3u8");
    let content_type = match name.rsplit_once('.') {
        Some((_, "m3u8")) => "application/vnd.apple.mpegurl",
        Some((_, "vtt")) => "text/vtt",
        _ => "video/mp4",
    };
    let answer = Response::builder()
        .header(CONTENT_TYPE, content_type)
        .header(ETAG, "\"one\"")
        .header(VARY, "accept-encoding");
    let (asked, answer) = if let Some((from, to)) = range(asked_for(RANGE)) {
        let to = to.min(file.len().saturating_sub(1));
        let content_range = format!("bytes {from}-{to}/{}", file.len());
        let answer = answer
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_RANGE, content_range);
        let part = file.get(from..=to).unwrap_or_default();
        (Asked::Range, answer.body(part.to_vec()))
    } else if is_playlist && asked_for(ACCEPT_ENCODING).contains("gzip") {
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(file).unwrap();
        let answer = answer.header(CONTENT_ENCODING, "gzip");
        (Asked::Zipped, answer.body(zipped.finish().unwrap()))
    } else {
        let asked = match *request.method() == Method::HEAD {
            true => Asked::Head,
            false => Asked::Plain,
        };
        (asked, answer.body(file.clone()))
    };
    let mut answer = answer.unwrap();
    (files.manners)(name, asked, &mut answer);
    answer
}

/// `bytes=<from>-[<to>]`
fn range(header: &str) -> Option<(usize, usize)> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, to.parse().unwrap_or(usize::MAX - 1)))
}
