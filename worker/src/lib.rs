//! The worker: claim a job, transcode it into S3, settle it.
//!
//! ```text
//! claim ─ status names the take ─ transcode ──────────────▶ playlists ─ status: done ─ marker gone
//!                                  │  ▲ original, in ranges     (the commit point)
//!                                  ▼  └ from a presigned URL
//!                                 one upload a rendition
//! ```
//!
//! Async and blocking meet in two places: `job` runs the transcode on a thread of its own, and
//! `sink` hands its output to uploads through bounded channels, so that slow storage slows the
//! encoder. Nothing is ever written to disk.

mod config;
mod daemon;
mod error;
mod housekeeping;
mod idle;
mod job;
mod memory;
mod metrics_server;
pub mod package;
mod patience;
mod sink;
mod stages;
mod webhooks;

pub use config::{Config, LimitArgs, TranscodeArgs, WorkerArgs, parse_poll_interval};
pub use daemon::run;
pub use error::{Error, end_where_stuck};
pub use housekeeping::HousekeepingArgs;
pub use memory::limit_memory;
pub use webhooks::{Hidden, WebhookArgs};
