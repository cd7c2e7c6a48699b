//! Copying: which originals' own pictures become the top rung, that they do so unchanged, and that
//! anything doubtful is encoded anew.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod compatible;
mod drawing;
#[path = "../lines/mod.rs"]
mod lines;
mod near_misses;
#[path = "../oracle/mod.rs"]
mod oracle;
mod patches;
mod pictures;
mod reasons;
mod restart;
mod sinks;
#[path = "../expectations/fragments.rs"]
mod tracks;
