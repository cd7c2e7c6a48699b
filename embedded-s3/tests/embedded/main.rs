//! What only the embedded server can be held to, over a socket through the official SDK: who may ask, what lies on
//! disk, what survives. What any S3 server must do is in `store/tests/contract`. One program, because linking the SDK
//! takes longer than running the tests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod buckets;
mod client;
mod cors;
mod durability;
mod front;
mod on_disk;
mod part_lines;
mod part_urls;
mod signatures;
