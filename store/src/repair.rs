//! Finding what fell out of the queue, and what was given up.
//!
//! An upload that was completed by a process which died before the marker was written leaves an original
//! with no marker and no final status. Repair queues it. Everything here is conditional, so any number of
//! processes may do it at any time.

use std::collections::HashSet;

use tokio::time::Instant;

use crate::keys::{self, Object};
use crate::marker::Marker;
use crate::metrics::REPAIRED_VIDEOS;
use crate::{Error, Store, VideoId};

/// A job in `dead/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// The video.
    pub id: VideoId,
    /// The name the uploader gave; empty where the original is gone.
    pub filename: String,
    /// Attempts that failed.
    pub failures: u32,
    /// Times that a worker went silent over it.
    pub takeovers: u32,
    /// Why the last attempt ended.
    pub last_error: String,
}

impl Store {
    /// Queues every original whose status is absent or not final and whose marker is missing; never one of
    /// a deleted video. Returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn repair(&self) -> Result<usize, Error> {
        let raw = &self.settings().raw_bucket;
        // The queue before the originals: whatever is queued in between is found to have its marker below.
        let queue = self.list_all(raw, keys::prefix::QUEUE).await?;
        let queued: HashSet<VideoId> = queue
            .iter()
            .filter_map(|listed| keys::id_under(keys::prefix::QUEUE, &listed.key))
            .collect();
        let mut repaired = 0;
        let mut originals = self.pages(raw, keys::prefix::ORIGINALS);
        while let Some(page) = originals.next().await? {
            for id in page
                .iter()
                .filter_map(|listed| keys::original_id(&listed.key))
            {
                if queued.contains(&id) || !self.is_forgotten(id).await? {
                    continue;
                }
                let filename = self.original_filename(id).await?;
                let started_at = Instant::now();
                match self.put_in_queue(id, &filename).await {
                    Ok(()) => {
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

    /// Whether a video has neither a marker nor a final status. The status is read last: a worker writes it
    /// before its marker goes.
    async fn is_forgotten(&self, id: VideoId) -> Result<bool, Error> {
        if self.exists(&Object::Marker(id)).await? {
            return Ok(false);
        }
        match self.status(id).await {
            Ok(status) => Ok(status.is_none_or(|there| !there.value.status.is_terminal())),
            // No worker could begin it: queued again and again it would only be given up again and again.
            Err(error @ Error::Corrupt { .. }) => {
                tracing::error!(video_id = %id, %error, "video passed over");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The jobs that used up their attempts, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn dead_jobs(&self) -> Result<Vec<DeadJob>, Error> {
        let mut jobs = Vec::new();
        for listed in self
            .list_all(&self.settings().raw_bucket, keys::prefix::DEAD)
            .await?
        {
            let Some(id) = keys::id_under(keys::prefix::DEAD, &listed.key) else {
                continue;
            };
            let Some(fetched) = self.read(&Object::Dead(id)).await? else {
                continue;
            };
            let marker = Marker::from_json(id, &fetched.body).ok();
            let (failures, takeovers, last_error) = match marker {
                Some(marker) => (marker.failures, marker.takeovers, marker.last_error),
                None => (0, 0, Some("its record cannot be read".to_owned())),
            };
            jobs.push(DeadJob {
                id,
                filename: self.original_filename(id).await?,
                failures,
                takeovers,
                last_error: last_error.unwrap_or_default(),
            });
        }
        Ok(jobs)
    }

    /// Queues a video anew that failed, with all its attempts before it.
    ///
    /// # Errors
    /// [`Error::Input`] for a video that is done; [`Error::Deleted`]; [`Error::Missing`] when its original is not there any more.
    pub async fn requeue(&self, id: VideoId) -> Result<(), Error> {
        let original = Object::Original(id);
        if self.is_deleted(id).await? {
            return Err(Error::Deleted(id));
        }
        if !self.exists(&original).await? {
            return Err(Error::Missing(original.key()));
        }
        let filename = self.original_filename(id).await?;
        self.reset_failed_status(id, &filename).await?;
        let started_at = Instant::now();
        self.put_in_queue(id, &filename).await?;
        let duration_ms = started_at.elapsed().as_millis() as u64;
        tracing::info!(video_id = %id, duration_ms, "requeued");
        self.delete(&Object::Dead(id)).await
    }
}
