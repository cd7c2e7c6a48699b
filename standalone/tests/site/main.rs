//! The `assetlab` binary, driven as its users drive it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod commands;
mod durability;
#[path = "../../../store/tests/against_s3/exposition.rs"]
mod exposition;
mod full_disk;
mod jobs;
mod lifecycle;
mod originals;
mod page;
mod plain_client;
mod process;
#[allow(dead_code, reason = "the worker's tests use the rest")]
#[path = "../../../worker/tests/process/receiver.rs"]
mod receiver;
mod s3;
mod streaming;
mod videos;
mod watching;
mod webhooks;
