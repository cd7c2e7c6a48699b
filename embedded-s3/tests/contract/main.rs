//! What AssetLab counts on in an S3 server, asked over a socket through the official SDK. One
//! program, because linking the SDK takes longer than running the tests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod conditions;
mod cors;
mod durability;
mod front;
mod listing;
mod multipart;
mod objects;
mod reading;
mod signatures;
