//! Good files, badly served.

use axum::http::{HeaderValue, StatusCode};

use super::files::{Asked, Manners};
use super::{every_one_is_told, good};

/// What a spoilt answer is told as, and how it is spoilt.
const SPOILT: &[(&str, Manners)] = &[
    (
        "180p.m3u8, segment 1: the answer to a range is 302 /elsewhere.mp4, not 206",
        |name, asked, answer| {
            if name == "180p.mp4" && asked == Asked::Range {
                *answer.status_mut() = StatusCode::FOUND;
                let location = HeaderValue::from_static("/elsewhere.mp4");
                answer.headers_mut().insert("location", location);
            }
        },
    ),
    (
        "180p.m3u8, GET: the answer is 302, not 200",
        |name, _, answer| {
            if name == "180p.m3u8" {
                *answer.status_mut() = StatusCode::FOUND;
            }
        },
    ),
    (
        "master.m3u8, HEAD: the answer is 405",
        |_, asked, answer| {
            if asked == Asked::Head {
                *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            }
        },
    ),
    (
        "master.m3u8, GET with gzip: the content type is \"text/plain\"",
        |_, asked, answer| {
            if asked == Asked::Zipped {
                set(answer, "content-type", "text/plain");
            }
        },
    ),
    (
        "encoded as \"gzip\" for a client that did not accept that",
        |_, asked, answer| {
            if asked == Asked::Plain {
                set(answer, "content-encoding", "gzip");
            }
        },
    ),
    (
        "encoded as \"\" for a client that accepts gzip",
        |_, _, answer| {
            answer.headers_mut().remove("content-encoding");
        },
    ),
    ("zipped it says \"\"", |_, asked, answer| {
        if asked == Asked::Zipped {
            answer.body_mut().truncate(9);
        }
    }),
    ("no Vary", |_, _, answer| {
        answer.headers_mut().remove("vary");
    }),
    (
        "90p.m3u8, segment 0: the answer to a range is 200 , not 206",
        |_, asked, answer| {
            if asked == Asked::Range {
                *answer.status_mut() = StatusCode::OK;
            }
        },
    ),
    ("Content-Range is \"bytes 0-1/2\"", |_, asked, answer| {
        if asked == Asked::Range {
            set(answer, "content-range", "bytes 0-1/2");
        }
    }),
    ("bytes came", |_, asked, answer| {
        if asked == Asked::Range {
            answer.body_mut().pop();
        }
    }),
    (
        "the content type is \"application/octet-stream\", not video/mp4",
        |_, asked, answer| {
            if asked == Asked::Range {
                set(answer, "content-type", "application/octet-stream");
            }
        },
    ),
    ("it is encoded as \"br\"", |_, asked, answer| {
        if asked == Asked::Range {
            set(answer, "content-encoding", "br");
        }
    }),
    ("other ranges of the file say", |_, asked, answer| {
        if asked == Asked::Range && answer.body().len() % 2 == 0 {
            set(answer, "etag", "\"two\"");
        }
    }),
];

fn set(answer: &mut axum::http::Response<Vec<u8>>, name: &'static str, value: &'static str) {
    let value = HeaderValue::from_static(value);
    answer.headers_mut().insert(name, value);
}

#[tokio::test]
async fn bad_manners_are_told() {
    let spoilt = SPOILT.iter().map(|(tells, manners)| {
        let mut files = good();
        files.manners = *manners;
        (*tells, files)
    });
    every_one_is_told(spoilt).await;
}
