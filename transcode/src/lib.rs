//! Any video in, adaptive renditions out: libav in-process, one decode for all.
//!
//! [`transcode`] reads a [`Source`] (a file, any `Read + Seek`, a URL) and writes one
//! fragmented MP4 for each rung of a [`Ladder`] to a [`Sink`]. Each is at once a file to
//! download or play, and HLS media addressed by byte ranges, which the [`Report`] lists.
//!
//! What it holds to:
//!
//! - H.264 High, 8-bit 4:2:0, BT.709, with AAC-LC: plays everywhere.
//! - Upright, square pixels, never scaled up; a rung is named after its short side.
//! - IDR frames at the same times in all renditions, at most 2 s and a frame apart; sound and
//!   picture begin at zero and end together.
//! - No protocol is ever opened on behalf of a file; memory is bounded by queues.
//!
//! ```no_run
//! use transcode::{Control, MemorySink, Options, Source};
//!
//! let sink = MemorySink::new();
//! let source = Source::path("holiday.mov")?;
//! transcode::transcode(source, &Options::default(), &sink, &Control::default())?;
//! for (name, bytes) in sink.into_files() {
//!     println!("{name}: {} bytes", bytes.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

mod control;
mod encode;
mod error;
mod ffi;
mod filter;
mod input;
mod ladder;
mod log;
mod media_error;
mod mux;
mod options;
mod orientation;
mod pipeline;
mod probe;
mod report;
mod sink;
mod time;

pub use control::{CancelToken, Control, OnProgress, Progress};
pub use error::{Error, InputError, Result};
pub use input::{Fetched, Source};
#[cfg(feature = "http")]
pub use input::{HttpSource, RetryPolicy};
pub use ladder::{Ladder, LadderError, Rung, Target};
pub use media_error::MediaError;
pub use options::{Limits, Options};
pub use orientation::Orientation;
pub use pipeline::transcode;
pub use probe::{AudioStream, Probe, VideoStream, probe};
pub use report::{Keyframe, Rendition, Report, Segment, Warning};
pub use sink::{FolderSink, MemorySink, RenditionPlan, RenditionSink, Sink};
pub use time::{Cadence, FrameRate};
