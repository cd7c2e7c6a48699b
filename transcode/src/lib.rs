//! Any video in, adaptive renditions out: libav in-process, one decode for all.
//!
//! [`transcode`] reads a [`Source`] (a file, any `Read + Seek`, a URL) and writes one
//! fragmented MP4 for each rung of a [`Ladder`] to a [`Sink`]. Each is at once a file to
//! download or play, and HLS media addressed by byte ranges, which the [`Report`] lists.
//!
//! # What it holds to
//!
//! - **Plays everywhere.** H.264 High (where it is copied, also Main or Constrained Baseline), 8-bit
//!   4:2:0, limited-range BT.709, with AAC-LC in mono or stereo. HDR10, HLG and Dolby Vision with such
//!   a base are tone-mapped, wide gamuts converted, fields deinterlaced, what is transparent is black.
//! - **Encodes no more than it must.** One decode and one encode of the sound serve all rungs; the
//!   top one keeps the original's packets where these are proven to be as good ([`CopyMode`]).
//! - **Looks as it was meant to.** Upright, square pixels, never scaled up; a rung is named after
//!   its short side.
//! - **Shows what is in it.** A poster that is not black if there is a better picture, and a storyboard for
//!   seeking, out of the same decode ([`Options::pictures`]); they come to the sink as [`Extra`]s.
//! - **In sync.** Picture and sound begin at exactly zero, end together, and keep the distance
//!   they had in the file, over gaps, drift and clocks that start anew. Fragments and segments start
//!   at the same times in all renditions, each with an IDR frame: at most 2 s and a frame apart, or
//!   4 s where the top one is copied.
//! - **With its subtitles.** Those that are text become WebVTT on the same time line, with bold, italics
//!   and underline.
//! - **Whole, or said not to be.** What is damaged or cut short is an error, or a [`Warning`].
//! - **A file is data.** The container is told by its content, from a list of demuxers; nothing is
//!   ever opened on behalf of a file. Queues bound the memory that sound files take, and
//!   [`Limits`] what a file may ask for; who takes files from strangers bounds the process's memory
//!   as well (by a control group, or `RLIMIT_DATA`), since a crafted index of a few bytes can stand
//!   for gigabytes.
//! - **The same each time.** With one thread, the same input and options give the same bytes.
//!
//! # What it does to the process
//!
//! libav keeps some state for the whole process. The first use of this crate sends libav's log to
//! [`tracing`] (target `libav`, DEBUG and TRACE, no more than 100 lines a second, without URLs),
//! and bounds each of libav's allocations to 144 MiB.
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
mod h264;
mod input;
mod ladder;
mod log;
mod media_error;
mod mux;
mod options;
mod orientation;
mod pictures;
mod pipeline;
mod probe;
mod report;
mod sink;
mod subtitles;
mod time;

pub use control::{CancelToken, Control, OnProgress, Progress};
pub use error::{Error, InputError, Result};
pub use input::{Fetched, Source, Traffic};
#[cfg(feature = "http")]
pub use input::{HttpSource, RetryPolicy};
pub use ladder::{Ladder, LadderError, Rung, Target};
pub use media_error::MediaError;
pub use options::{CopyMode, Limits, Options};
pub use orientation::Orientation;
#[cfg(feature = "stages")]
#[doc(hidden)]
pub use pipeline::stages;
pub use pipeline::transcode;
pub use probe::{AudioStream, Probe, SubtitleStream, VideoStream, probe};
pub use report::{Keyframe, Poster, Rendition, Report, Segment, Storyboard, Warning};
pub use sink::{Extra, FolderSink, MemorySink, RenditionPlan, RenditionSink, Sink};
pub use subtitles::SubtitleTrack;
pub use time::{Cadence, FrameRate};
