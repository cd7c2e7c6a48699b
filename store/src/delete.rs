//! Deleting a video for good.
//!
//! The tombstone comes first: whatever still writes for the video (an upload about to complete, a repair, a
//! worker that begins) looks for it *after* its own write and takes that back. What slips through, such as
//! the last file of a worker that has not heard yet, is deleted by the sweep for as long as the tombstone
//! lives.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::time::Instant;

use crate::keys::{self, Object};
use crate::listing::Listed;
use crate::{Error, FailPoint, Store, VideoId};

/// Longer than any process goes on unknowing: URLs and upload links live up to 7 days.
const TOMBSTONE_LIFE: Duration = Duration::from_secs(8 * 24 * 3600);
/// Deletes at once.
const DELETES_AT_ONCE: usize = 16;

/// The videos that are deleted, as one LIST saw them.
pub(crate) struct Tombstones(HashMap<VideoId, Duration>);

impl Tombstones {
    fn of(listed: &[Listed]) -> Self {
        let tombstones = listed.iter().filter_map(|listed| {
            let id = keys::video_of(&listed.key)?;
            Some((id, listed.age))
        });
        Self(tombstones.collect())
    }

    pub(crate) fn name(&self, id: VideoId) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that have done their work.
    pub(crate) fn expired(&self) -> impl Iterator<Item = VideoId> {
        let old = self.0.iter().filter(|(_, age)| **age >= TOMBSTONE_LIFE);
        old.map(|(id, _)| *id)
    }
}

impl Store {
    /// Deletes a video, whatever is being done with it: tombstone, marker, status, events, media, original. Whoever
    /// works on it is fenced. Repeating it after a crash does what is missing.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such video, nor an upload of it; [`Error::Unavailable`] and its
    /// kin when S3 does not answer: once the tombstone is there, the sweep does the rest.
    pub async fn delete_video(&self, id: VideoId) -> Result<(), Error> {
        let started_at = Instant::now();
        let tombstone = Object::Tombstone(id);
        if !self.exists(&tombstone).await? {
            if !self.has_traces(id).await? {
                return Err(Error::Missing(format!("video {id}")));
            }
            self.write(&tombstone, Bytes::from_static(b"{}")).await?;
        }
        FailPoint::TombstoneStored.reached(id);
        self.erase(id).await?;
        let duration_ms = started_at.elapsed().as_millis() as u64;
        tracing::info!(video_id = %id, duration_ms, "video deleted");
        Ok(())
    }

    pub(crate) async fn is_deleted(&self, id: VideoId) -> Result<bool, Error> {
        self.exists(&Object::Tombstone(id)).await
    }

    /// Deletes all of a video but its tombstone.
    pub(crate) async fn erase(&self, id: VideoId) -> Result<(), Error> {
        let settings = self.settings();
        let (raw, video) = (&settings.raw_bucket, &settings.video_bucket);
        // Nobody begins the job any more, nobody goes on with it, and nobody sees the video.
        self.delete(&Object::Marker(id)).await?;
        FailPoint::DeletedMarker.reached(id);
        self.delete(&Object::Status(id)).await?;
        FailPoint::DeletedStatus.reached(id);
        let events = self.list_all(raw, &keys::events_prefix(id)).await?;
        self.delete_listed(raw, events.iter()).await?;
        self.delete_all(video, &keys::video_prefix(id)).await?;
        FailPoint::DeletedMedia.reached(id);
        self.delete_all(raw, &keys::upload_prefix(id)).await?;
        FailPoint::DeletedOriginal.reached(id);
        self.delete(&Object::Dead(id)).await?;
        self.delete(&Object::Index(id)).await
    }

    /// Whether there is anything of the video, if only an upload that has begun.
    async fn has_traces(&self, id: VideoId) -> Result<bool, Error> {
        for object in [Object::Status(id), Object::Original(id), Object::Marker(id)] {
            if self.exists(&object).await? {
                return Ok(true);
            }
        }
        let raw = &self.settings().raw_bucket;
        let prefix = keys::upload_prefix(id);
        Ok(!self.list_uploads(raw, &prefix).await?.is_empty()
            || !self.list_all(raw, &prefix).await?.is_empty())
    }

    /// Deletes what lies under a prefix, and what is on its way there.
    async fn delete_all(&self, bucket: &str, prefix: &str) -> Result<(), Error> {
        for upload in self.list_uploads(bucket, prefix).await? {
            self.abort_multipart(bucket, &upload.key, &upload.upload_id)
                .await?;
        }
        let listed = self.list_all(bucket, prefix).await?;
        self.delete_listed(bucket, listed.iter()).await.map(drop)
    }

    /// Deletes these objects, and says how many they were.
    pub(crate) async fn delete_listed(
        &self,
        bucket: &str,
        listed: impl Iterator<Item = &Listed>,
    ) -> Result<usize, Error> {
        let listed: Vec<_> = listed.collect();
        for some in listed.chunks(DELETES_AT_ONCE) {
            let deletes = some.iter().map(|each| self.delete_key(bucket, &each.key));
            try_join_all(deletes).await?;
        }
        Ok(listed.len())
    }

    pub(crate) async fn tombstones(&self) -> Result<Tombstones, Error> {
        let raw = &self.settings().raw_bucket;
        let listed = self.list_all(raw, keys::prefix::DELETED).await?;
        Ok(Tombstones::of(&listed))
    }

    /// Those of these videos, at least. Only what lies between the oldest and the newest of them is listed.
    pub(crate) async fn tombstones_among(&self, ids: &[VideoId]) -> Result<Tombstones, Error> {
        let (Some(oldest), Some(newest)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(Tombstones(HashMap::new()));
        };
        let mut before_oldest = Object::Tombstone(*oldest).key();
        before_oldest.pop();
        let newest = Object::Tombstone(*newest).key();
        let raw = &self.settings().raw_bucket;
        let mut pages = self.pages(raw, keys::prefix::DELETED).after(before_oldest);
        let mut all = Vec::new();
        while let Some(mut listed) = pages.next().await? {
            all.append(&mut listed);
            if all.last().is_some_and(|last| last.key >= newest) {
                break;
            }
        }
        Ok(Tombstones::of(&all))
    }
}
