//! The store against a real S3 server over a socket, with a proxy between them where faults are
//! injected.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod buckets;
#[allow(dead_code, reason = "the processes' tests use the rest")]
mod careless;
mod dead_jobs;
mod deleting;
mod direct_upload;
mod events;
mod late;
mod listing;
mod many_claims;
#[path = "../contract/moto.rs"]
mod moto;
mod objects;
mod outcome;
#[allow(dead_code, reason = "the worker's tests use the rest")]
mod proxy;
mod queue;
mod renditions;
mod repair_and_sweep;
mod resumable;
mod resumable_faults;
mod self_test;
