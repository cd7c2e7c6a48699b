//! Whether what comes out of `assetlab` is what players of HLS demand: packages read over HTTP, as
//! a player reads them, and held against the rules.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clips;
mod damage;
mod hls;
mod http;
mod mp4;
mod package;
#[path = "../site/page.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod page;
#[path = "../site/process.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod process;
mod rules;
mod uploads;
mod violations;
