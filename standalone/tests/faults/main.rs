//! The API's process dies at each step of an upload and of a deletion, or has a wrong clock; workers run beside it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "the store's tests use the rest")]
#[path = "../../../store/tests/against_s3/buckets.rs"]
mod buckets;
mod clocks;
mod deletions;
#[allow(dead_code, reason = "the storm uses the rest")]
#[path = "../chaos/process.rs"]
mod process;
#[allow(dead_code, reason = "the store's tests use the rest")]
#[path = "../../../store/tests/against_s3/proxy.rs"]
mod proxy;
mod site;
mod uploads;
#[path = "../../../worker/tests/process/wrong_clock.rs"]
mod wrong_clock;
