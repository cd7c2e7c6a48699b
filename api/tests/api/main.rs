//! The API as its clients see it: over a socket, against a real S3 server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deleting;
#[path = "../../../store/tests/against_s3/exposition.rs"]
mod exposition;
mod headers;
mod metrics;
mod pages;
mod process;
mod proxy;
mod site;
mod upload;
mod video;
