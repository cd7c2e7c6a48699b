//! Finding what fell out of the queue.
//!
//! An upload that was completed by a process which died before the marker was written leaves an original
//! with no marker and no final status. Repair queues it. Everything here is conditional, so any number of
//! processes may do it at any time.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::keys::{self, Object};
use crate::metrics::REPAIRED_VIDEOS;
use crate::{Error, State, Store, VideoId};

impl Store {
    /// Queues every original whose status is absent or not final and whose marker is missing; never one of
    /// a deleted video. Returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn repair(&self) -> Result<usize, Error> {
        let mut done = HashSet::new();
        let repaired = self.repair_all(&mut done).await;
        match repaired {
            // Those whose originals are gone are forgotten.
            Ok(_) => *self.known_done() = done,
            Err(_) => self.known_done().extend(done),
        }
        repaired
    }

    /// Notes the originals whose videos are done.
    async fn repair_all(&self, done: &mut HashSet<VideoId>) -> Result<usize, Error> {
        let raw = &self.settings().raw_bucket;
        // The queue before the originals: whatever is queued in between is found to have its marker below.
        let queue = self.list_all(raw, keys::prefix::QUEUE).await?;
        let queued: HashSet<VideoId> = queue
            .iter()
            .filter_map(|listed| keys::video_of(&listed.key))
            .collect();
        let mut repaired = 0;
        let mut originals = self.pages(raw, keys::prefix::ORIGINALS);
        while let Some(page) = originals.next().await? {
            for id in page
                .iter()
                .filter_map(|listed| keys::original_id(&listed.key))
            {
                if self.known_done().contains(&id) {
                    done.insert(id);
                    continue;
                }
                if queued.contains(&id) || !self.is_forgotten(id, done).await? {
                    continue;
                }
                let filename = self.original_filename(id).await?;
                let started_at = Instant::now();
                match self.put_in_queue(id, &filename).await {
                    // Its own process was only slow.
                    Ok(false) => {}
                    Ok(true) => {
                        let duration_ms = started_at.elapsed().as_millis() as u64;
                        let waited_ms = self.age_of(id).as_millis() as u64;
                        tracing::warn!(video_id = %id, duration_ms, waited_ms, "repaired");
                        REPAIRED_VIDEOS.inc([]);
                        repaired += 1;
                    }
                    Err(Error::Deleted(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(repaired)
    }

    /// Whether a video has neither a marker nor a final status.
    async fn is_forgotten(&self, id: VideoId, done: &mut HashSet<VideoId>) -> Result<bool, Error> {
        // What is final, as most are, costs one request. Else the status is read again after the marker: a
        // worker writes it before its marker goes.
        if self.is_final(id, done).await? || self.exists(&Object::Marker(id)).await? {
            return Ok(false);
        }
        Ok(!self.is_final(id, done).await?)
    }

    async fn is_final(&self, id: VideoId, done: &mut HashSet<VideoId>) -> Result<bool, Error> {
        match self.status(id).await {
            Ok(there) => {
                let state = there.map(|there| there.value.status);
                if state == Some(State::Done) {
                    done.insert(id);
                }
                Ok(state.is_some_and(State::is_terminal))
            }
            // No worker could begin it: queued again and again it would only be given up again and again.
            Err(error @ Error::Corrupt { .. }) => {
                tracing::error!(video_id = %id, %error, "video passed over");
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Videos that a repair saw done, which they stay. Not those that failed: they can be queued again.
    fn known_done(&self) -> MutexGuard<'_, HashSet<VideoId>> {
        let known = self.inner.known_done.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }
}
