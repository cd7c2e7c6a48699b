//! All videos, newest first, a page at a time, and those of a state or with a name.
//!
//! The listing (`index/`) says which videos there are and in which order, their statuses all the rest; a
//! status is a GET. So what was read is kept, by the status's version: a video that is done stays as it is
//! until it is deleted, and any other is asked for anew, which costs S3 no body where nothing changed. A
//! LIST of the tombstones among those videos says what is being deleted: its video is not shown from that
//! moment on, although its place in the listing goes last.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{FutureExt, StreamExt, stream};
use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::keys::{self, Object};
use crate::name_search::NamePart;
use crate::{Error, Poster, RungName, Since, State, Status, Store, Versioned, VideoId};

/// Statuses read at once, by all who ask for pages together.
const READS_AT_ONCE: usize = 32;
/// What one page may cost: a search that has read so many statuses ends its page early.
const MOST_READS: usize = 5_000;
/// Summaries that are kept, of half a kilobyte each; of more videos, the newest.
const MOST_KEPT: usize = 20_000;

/// A video as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoSummary {
    /// The video.
    pub id: VideoId,
    /// The name the uploader gave.
    pub filename: String,
    /// Where the video is on its path.
    pub status: State,
    /// How much is transcoded, 0 to 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub progress: f64,
    /// When the id was made.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: OffsetDateTime,
    /// The video's length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The rungs that can be played, lowest first; empty until done.
    pub qualities: Vec<RungName>,
    /// Length of all renditions together.
    pub bytes: u64,
    /// For the uploader: why there is no video, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The picture to show, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poster: Option<Poster>,
}

impl From<Status> for VideoSummary {
    fn from(status: Status) -> Self {
        Self {
            bytes: status.renditions.iter().map(|each| each.bytes).sum(),
            id: status.id,
            filename: status.filename,
            status: status.status,
            progress: status.progress,
            created_at: status.created_at,
            duration_ms: status.duration_ms,
            qualities: status.qualities,
            error: status.error,
            poster: status.poster,
        }
    }
}

/// Which videos are wanted; all unless it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct VideoFilter {
    /// Those in this state.
    pub state: Option<State>,
    /// Those with this in their file name.
    pub name: Option<NamePart>,
}

impl VideoFilter {
    fn is_all(&self) -> bool {
        self.state.is_none() && self.name.is_none()
    }

    fn takes(&self, video: &VideoSummary) -> bool {
        self.state.is_none_or(|state| state == video.status)
            && self
                .name
                .as_ref()
                .is_none_or(|part| part.is_in(&video.filename))
    }
}

/// Some videos, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoPage {
    /// As many as were asked for, or fewer where a search was cut short.
    pub videos: Vec<VideoSummary>,
    /// Where the next page begins: after this video. None at the end.
    pub next: Option<VideoId>,
}

#[derive(Clone)]
struct Kept {
    etag: String,
    video: VideoSummary,
}

/// The videos, with what is known of them already.
pub struct VideoList {
    store: Store,
    kept: Mutex<BTreeMap<VideoId, Kept>>,
    reading: Semaphore,
    most_reads: usize,
    most_kept: usize,
}

impl VideoList {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            kept: Mutex::default(),
            reading: Semaphore::new(READS_AT_ONCE),
            most_reads: MOST_READS,
            most_kept: MOST_KEPT,
        }
    }

    /// Up to `limit` videos older than `after`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn page(
        &self,
        after: Option<VideoId>,
        limit: usize,
        filter: &VideoFilter,
    ) -> Result<VideoPage, Error> {
        let raw = &self.store.settings().raw_bucket;
        let mut index = self.store.pages(raw, keys::prefix::INDEX);
        if let Some(after) = after {
            index = index.after(Object::Index(after).key());
        }
        if filter.is_all() {
            // One more, to know whether there is more.
            index = index.at_most(limit + 1);
        }
        let mut videos = Vec::new();
        let reads = AtomicUsize::new(0);
        while let Some(listed) = index.next().await? {
            let mut ids: Vec<_> = listed
                .iter()
                .filter_map(|listed| keys::video_of(&listed.key))
                .collect();
            let last = ids.last().copied();
            let tombstones = self.store.tombstones_among(&ids).await?;
            ids.retain(|id| !tombstones.name(*id));
            // Nothing is read of the one that is only to know whether there is more.
            let at_once = if filter.is_all() { limit } else { ids.len() };
            for some in ids.chunks(at_once.max(1)) {
                let mut summaries = stream::iter(some.iter().copied())
                    .map(|id| self.summary(id, &reads).map(move |video| (id, video)))
                    .buffered(READS_AT_ONCE);
                while let Some((id, video)) = summaries.next().await {
                    videos.extend(video?.filter(|video| filter.takes(video)));
                    if videos.len() == limit || reads.load(Ordering::Relaxed) >= self.most_reads {
                        let is_end = index.ended() && last == Some(id);
                        let next = (!is_end).then_some(id);
                        return Ok(VideoPage { videos, next });
                    }
                }
            }
        }
        Ok(VideoPage { videos, next: None })
    }

    /// A video as it is now; none for one that is not there any more, or whose status cannot be read.
    async fn summary(
        &self,
        id: VideoId,
        reads: &AtomicUsize,
    ) -> Result<Option<VideoSummary>, Error> {
        let known = self.kept().get(&id).cloned();
        if let Some(known) = &known
            && known.video.status == State::Done
        {
            return Ok(Some(known.video.clone()));
        }
        let reading = self.reading.acquire().await;
        reads.fetch_add(1, Ordering::Relaxed);
        let since = self
            .store
            .status_since(id, known.as_ref().map(|known| &*known.etag))
            .await;
        drop(reading);
        match since {
            Ok(Since::Changed(status)) => {
                let Versioned { value, etag } = *status;
                let video = VideoSummary::from(value);
                self.keep(id, etag, video.clone());
                Ok(Some(video))
            }
            Ok(Since::Unchanged) => Ok(known.map(|known| known.video)),
            Ok(Since::Gone) => {
                self.kept().remove(&id);
                Ok(None)
            }
            Err(error @ Error::Corrupt { .. }) => {
                tracing::error!(video_id = %id, %error, "video passed over");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn keep(&self, id: VideoId, etag: String, video: VideoSummary) {
        let mut kept = self.kept();
        kept.insert(id, Kept { etag, video });
        if kept.len() > self.most_kept {
            // Ids are in order of time.
            kept.pop_first();
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<VideoId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
