//! How playlists and media are served (RFC 8216bis §4, §6.2.1; authoring specification 8.18).

use std::collections::BTreeMap;

use crate::package::{Package, PlaylistAnswers, RangeAnswer};
use crate::violations::Violations;

const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

pub(super) fn check(package: &Package, violations: &mut Violations) {
    for answers in &package.playlists {
        playlist(answers, violations);
    }
    let mut files = BTreeMap::new();
    for range in &package.ranges {
        media(range, violations);
        // Every part of a file must be of one version of it.
        let version = (range.answer.total_len_bytes(), range.answer.header("etag"));
        let first = *files.entry(range.url.path()).or_insert(version);
        violations.require(version == first, &range.place, || {
            format!("its length and ETag are {version:?}, other ranges of the file say {first:?}")
        });
    }
}

fn playlist(answers: &PlaylistAnswers, violations: &mut Violations) {
    let PlaylistAnswers {
        name,
        plain,
        zipped,
        head,
    } = answers;
    for (how, answer) in [("GET", plain), ("GET with gzip", zipped), ("HEAD", head)] {
        let place = format!("{name}, {how}");
        violations.require(answer.status == 200, &place, || {
            format!("the answer is {}, not 200", answer.status)
        });
        let content_type = answer.header("content-type");
        violations.require(content_type == PLAYLIST_TYPE, &place, || {
            format!("the content type is {content_type:?}, not {PLAYLIST_TYPE}")
        });
    }
    let text = std::str::from_utf8(&plain.body);
    violations.require(text.is_ok(), name, || "it is not UTF-8".into());
    let text = text.unwrap_or_default();
    let encoding = plain.header("content-encoding");
    violations.require(encoding.is_empty(), name, || {
        format!("it is encoded as {encoding:?} for a client that did not accept that")
    });
    let encoding = zipped.header("content-encoding");
    violations.require(encoding == "gzip", name, || {
        format!("it is encoded as {encoding:?} for a client that accepts gzip")
    });
    let unzipped = zipped.unzipped().unwrap_or_default();
    violations.require(unsigned(&unzipped) == unsigned(text), name, || {
        format!("zipped it says {unzipped:?}, else {text:?}")
    });
    let vary = zipped.header("vary").to_ascii_lowercase();
    violations.require(vary.contains("accept-encoding"), name, || {
        "a cache cannot know that it is there in two encodings: no Vary".into()
    });
    let caching = plain.header("cache-control");
    let is_signed = text.contains("X-Amz-Signature=");
    violations.require(!is_signed || caching == "no-store", name, || {
        format!("it names signed URLs, but Cache-Control is {caching:?}")
    });
}

/// A playlist without its URIs' queries: each answer is signed afresh.
fn unsigned(text: &str) -> Vec<&str> {
    let parts = text.split(['\n', '"']);
    parts
        .map(|part| part.split('?').next().unwrap_or_default())
        .collect()
}

fn media(asked: &RangeAnswer, violations: &mut Violations) {
    let RangeAnswer {
        place,
        range,
        answer,
        ..
    } = asked;
    if answer.status != 206 {
        let location = answer.header("location");
        violations.add(
            place,
            format!(
                "the answer to a range is {} {location}, not 206",
                answer.status
            ),
        );
        return;
    }
    let expected = format!(
        "bytes {}-{}/",
        range.offset_bytes,
        range.end().saturating_sub(1)
    );
    let content_range = answer.header("content-range");
    let exact = content_range.starts_with(&expected) && answer.total_len_bytes().is_some();
    violations.require(exact, place, || {
        format!("Content-Range is {content_range:?}, not {expected}…")
    });
    let len = answer.body.len();
    violations.require(len as u64 == range.len_bytes, place, || {
        format!("{len} bytes came, {} were asked for", range.len_bytes)
    });
    let content_type = answer.header("content-type");
    violations.require(content_type == "video/mp4", place, || {
        format!("the content type is {content_type:?}, not video/mp4")
    });
    let encoding = answer.header("content-encoding");
    violations.require(encoding.is_empty(), place, || {
        format!("it is encoded as {encoding:?}")
    });
}
