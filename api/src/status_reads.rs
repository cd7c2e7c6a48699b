//! Reads of statuses, shared by all who wait for the same one.
//!
//! An answer never shows what was true before it was asked for: who comes while a read is under way does not
//! join that one, which may have seen S3 already, but the next, together with all others who came meanwhile.
//! So viewers of one video, however many, have one read under way at a time, and who alone asks for a video
//! waits for nobody.
//!
//! One exception: a video that is done stays so until it is deleted, and is looked at once a second for all
//! its viewers. Whoever deletes it here makes that second end.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use store::{State, Status, Store, Versioned, VideoId};
use tokio::sync::Mutex as AsyncMutex;

use crate::error::ApiError;

const KEPT_FOR: Duration = Duration::from_secs(1);
/// Of more videos at once, the rarely watched ones are read more often. A status has some kilobytes.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// A failure that several are told.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
struct SharedError(Arc<store::Error>);

type Read = Arc<Versioned<Status>>;
type Outcome = Result<Option<Read>, SharedError>;

/// The reads of one video.
#[derive(Default)]
struct Turn {
    /// How many have begun.
    begun: AtomicU64,
    /// The last to end: which one it was, and what it saw. Held while one is under way.
    last: AsyncMutex<Option<(u64, Outcome)>>,
}

/// The videos that are being read.
pub(crate) struct StatusReads {
    store: Store,
    turns: Mutex<HashMap<VideoId, Arc<Turn>>>,
    /// Videos that are done, and when they were asked for.
    done: Mutex<LruCache<VideoId, (Instant, Read)>>,
    kept_for: Duration,
}

impl StatusReads {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            turns: Mutex::default(),
            done: Mutex::new(LruCache::new(MOST_KEPT)),
            kept_for: KEPT_FOR,
        }
    }

    /// The video was deleted.
    pub(crate) fn forget(&self, id: VideoId) {
        self.done().pop(&id);
    }

    fn done(&self) -> MutexGuard<'_, LruCache<VideoId, (Instant, Read)>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, id: VideoId) -> Option<Read> {
        let mut done = self.done();
        let (asked_at, status) = done.get(&id)?;
        (asked_at.elapsed() < self.kept_for).then(|| Arc::clone(status))
    }

    /// The status as it is now, or was at some moment since this was called.
    pub(crate) async fn read(&self, id: VideoId) -> Result<Option<Read>, ApiError> {
        if let Some(kept) = self.kept(id) {
            return Ok(Some(kept));
        }
        let turn = Taken::of(self, id);
        let begun_before = turn.begun.load(Ordering::SeqCst);
        let mut last = turn.last.lock().await;
        let outcome = match &*last {
            Some((number, outcome)) if *number > begun_before => outcome.clone(),
            _ => {
                let number = turn.begun.fetch_add(1, Ordering::SeqCst) + 1;
                let asked_at = Instant::now();
                let outcome = match self.store.status(id).await {
                    Ok(status) => Ok(status.map(Arc::new)),
                    Err(error) => Err(SharedError(error.into())),
                };
                if let Ok(Some(read)) = &outcome
                    && read.value.status == State::Done
                {
                    self.done().put(id, (asked_at, Arc::clone(read)));
                }
                *last = Some((number, outcome.clone()));
                outcome
            }
        };
        outcome.map_err(|error| {
            if error.0.is_transient() {
                ApiError::StorageUnavailable(error.into())
            } else {
                ApiError::Internal(error.into())
            }
        })
    }
}

/// A place among those who read a video; the last to leave clears up.
struct Taken<'a> {
    reads: &'a StatusReads,
    id: VideoId,
    turn: Arc<Turn>,
}

impl<'a> Taken<'a> {
    fn of(reads: &'a StatusReads, id: VideoId) -> Self {
        let mut turns = reads.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = Arc::clone(turns.entry(id).or_default());
        Self { reads, id, turn }
    }
}

impl std::ops::Deref for Taken<'_> {
    type Target = Turn;

    fn deref(&self) -> &Turn {
        &self.turn
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let turns = self.reads.turns.lock();
        let mut turns = turns.unwrap_or_else(PoisonError::into_inner);
        // The map's and this one: nobody can come between, since who comes needs the map.
        if Arc::strong_count(&self.turn) == 2 {
            turns.remove(&self.id);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use embedded_s3::test_server::TestServer;
    use futures::future::join_all;
    use store::queue::Queue;
    use store::{AccessKey, Extras, Outcome, Settings, SourceSummary};

    use super::*;

    async fn store() -> (TestServer, Store) {
        let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
        let keys = s3.credentials();
        let settings = Settings {
            endpoint: Some(s3.endpoint()),
            access_key: Some(AccessKey {
                id: keys.access_key_id().to_owned(),
                secret: keys.secret_access_key().to_owned(),
            }),
            ..Settings::new("raw", "video")
        };
        let store = Store::connect(settings).await.unwrap();
        (s3, store)
    }

    #[tokio::test]
    async fn who_comes_while_one_reads_shares_the_next_read_and_sees_what_is_new() {
        let (_s3, store) = store().await;
        let id = VideoId::new();
        store.enqueue(id, "a.mp4").await.unwrap();
        let reads = StatusReads::new(store.clone());

        let before = store.requests();
        // All come at once: the first reads, and all others together once more.
        let seen = join_all((0..50).map(|_| reads.read(id))).await;
        assert!(seen.iter().all(|seen| seen.as_ref().unwrap().is_some()));
        assert_eq!(store.requests() - before, 2);
        reads.read(id).await.unwrap();
        assert_eq!(store.requests() - before, 3, "nothing is kept");
        assert!(reads.turns.lock().unwrap().is_empty());

        let mut early = Box::pin(reads.read(id));
        assert!(futures::poll!(&mut early).is_pending(), "it reads");
        store.delete_video(id).await.unwrap();
        let late = reads.read(id);
        let (_, late) = futures::join!(early, late);
        assert!(late.unwrap().is_none(), "it was deleted before");
    }

    #[tokio::test]
    async fn a_video_that_is_done_is_looked_at_now_and_then_until_it_is_deleted_here() {
        let (_s3, store) = store().await;
        let id = VideoId::new();
        store.enqueue(id, "a.mp4").await.unwrap();
        let claimed = Queue::new(store.clone(), "test").claim(1).await.unwrap();
        let (claim, mut status) = claimed.unwrap();
        status
            .done(Outcome {
                duration_ms: 1000,
                warnings: Vec::new(),
                source: SourceSummary::default(),
                renditions: Vec::new(),
                extras: Extras::default(),
            })
            .await
            .unwrap();
        claim.finish().await.unwrap();
        let lasting = |kept_for| StatusReads {
            kept_for,
            ..StatusReads::new(store.clone())
        };

        let reads = lasting(Duration::from_secs(3600));
        let before = store.requests();
        for _ in 0..3 {
            assert!(reads.read(id).await.unwrap().is_some());
        }
        assert_eq!(store.requests() - before, 1);
        let over = lasting(Duration::ZERO);
        let before = store.requests();
        for _ in 0..3 {
            assert!(over.read(id).await.unwrap().is_some());
        }
        assert_eq!(store.requests() - before, 3);

        store.delete_video(id).await.unwrap();
        assert!(reads.read(id).await.unwrap().is_some());
        reads.forget(id);
        assert!(reads.read(id).await.unwrap().is_none());
    }
}
