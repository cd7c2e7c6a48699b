//! The buckets of AssetLab: the only place where anything durable lives.
//!
//! Two invariants hold at every moment, whichever process dies:
//! - nothing is named before it exists, and nothing is deleted before what replaces it is named;
//! - whatever two processes could do at once is decided by one conditional write
//!   (`If-None-Match: *` or `If-Match`), by S3's clock and never by a process's own.
//!
//! A video's path: [`Store::begin_original`] → [`Store::enqueue`] → [`queue::Queue::claim`] →
//! [`StatusWriter`] and [`MediaUpload`] → [`StatusWriter::done`], the commit point →
//! [`queue::Claim::finish`].

mod absence;
mod bandwidth;
mod claim;
mod client;
mod conditional;
mod dead_jobs;
mod delete;
mod deliveries;
mod delivery;
mod direct_upload;
mod error;
mod event;
mod extra;
mod fail_point;
mod id;
mod kept_files;
mod keys;
mod lease;
mod listing;
mod marker;
mod media_upload;
pub mod metrics;
mod multipart;
mod name_search;
mod original;
mod outcome;
pub mod package;
mod panics;
mod part_layout;
mod playlist;
mod presign;
pub mod queue;
mod queue_backlog;
mod repair;
mod request_count;
mod resumable;
mod self_test;
mod server_clock;
mod settings;
mod setup;
mod status;
mod status_since;
mod status_writer;
mod subtitles;
mod sweep;
mod sweep_uploads;
mod undelivered;
mod upload_info;
mod video_list;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub use absence::Absence;
pub use dead_jobs::{DeadJob, Requeued};
pub use deliveries::{Deliveries, Look};
pub use delivery::{Delivery, DeliveryRules, DueDelivery};
pub use direct_upload::{Abort, ArrivedPart, Completion, DirectUpload};
pub use error::Error;
pub use extra::{ExtraName, Extras, Poster, Storyboard};
pub use fail_point::FailPoint;
pub use id::{InvalidName, RungName, Take, VideoId};
pub use media_upload::MediaUpload;
pub use name_search::NamePart;
pub use original::{OriginalUpload, original_key};
pub use outcome::{Outcome, RenditionSummary, SourceSummary};
pub use panics::{log_panics, panic_words};
pub use presign::{PartUrl, PresignedUrl};
pub use queue_backlog::{Backlog, BacklogWatch};
pub use resumable::{Announced, Append, Progress, ResumeError};
pub use settings::{AccessKey, Settings, StoreArgs, parse_duration, parse_duration_from_1s};
pub use status::{State, Status, Versioned};
pub use status_since::Since;
pub use status_writer::StatusWriter;
pub use subtitles::{SubtitleTrack, index_of_playlist as index_of_subtitle_playlist};
pub use sweep::Swept;
pub use undelivered::UndeliveredEvent;
pub use upload_info::{
    HeldUploadInfo, UploadInfo, UploadKind, UploadState, UploadTail, part_len_bytes,
};
pub use video_list::{VideoFilter, VideoList, VideoPage, VideoSummary};

/// A handle to the two buckets; cheap to clone. Clones count their requests together.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    requests: Arc<AtomicU64>,
}

struct Inner {
    settings: Settings,
    s3: aws_sdk_s3::Client,
    /// Signs URLs for browsers, with the address they use.
    public_s3: aws_sdk_s3::Client,
    credentials: client::CachedCredentials,
    clock: server_clock::ServerClock,
    known_done: Mutex<HashSet<VideoId>>,
    kept_files: kept_files::KeptFiles,
}

impl Store {
    /// The settings the store was connected with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Requests made through this handle and its clones. What the SDK repeats by itself counts once.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The same buckets, with a count of requests of its own.
    pub(crate) fn counting_anew(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            requests: Arc::default(),
        }
    }

    /// The client, for one request, which is counted.
    pub(crate) fn s3(&self) -> &aws_sdk_s3::Client {
        self.requests.fetch_add(1, Ordering::Relaxed);
        &self.inner.s3
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("settings", self.settings())
            .finish_non_exhaustive()
    }
}
