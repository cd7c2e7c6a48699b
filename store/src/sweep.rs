//! Deleting what nothing names any more, by S3's clock:
//!
//! - originals of videos that are done, once the URLs handed out for them have lapsed;
//! - takes that the status does not name (left by workers that lost their claim);
//! - multipart uploads of such takes;
//! - uploads that got nothing for `UPLOAD_EXPIRY`, and what older ones left that no info names;
//! - whatever there still is of deleted videos, and tombstones once they are eight days old;
//! - records of jobs that were given up and are done after all;
//! - events that nobody tries to deliver any more;
//! - what a process left that died in its self-test.
//!
//! Whatever is listed is judged by a status read *after* the listing. A worker's take stands in the status
//! before its first byte is uploaded, so a listed take that the later status does not name never will be.

use crate::delete::Tombstones;
use crate::keys::{self, Object};
use crate::listing::Listed;
use crate::metrics::{SWEPT_OBJECTS, SweptKind};
use crate::{Error, State, Status, Store, Take, VideoId};

/// What a sweep deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Originals of videos that are done.
    pub originals: usize,
    /// Objects of takes that no status names.
    pub take_objects: usize,
    /// Multipart uploads given up.
    pub uploads: usize,
    /// Uploads of several requests that expired, with all that was left of them.
    pub upload_infos: usize,
    /// Tails that no info names.
    pub upload_tails: usize,
    /// Objects of deleted videos.
    pub deleted_videos_objects: usize,
    /// Records of jobs that were given up and are done after all.
    pub dead_records: usize,
    /// Events that nobody tried to deliver any more.
    pub events: usize,
    /// Objects of self-tests that were not finished.
    pub self_test_objects: usize,
}

impl Swept {
    fn count(&self) {
        let Self {
            originals,
            take_objects,
            uploads,
            upload_infos,
            upload_tails,
            deleted_videos_objects,
            dead_records,
            events,
            self_test_objects,
        } = *self;
        for (kind, objects) in [
            (SweptKind::Original, originals),
            (SweptKind::TakeObject, take_objects),
            (SweptKind::Upload, uploads),
            (SweptKind::UploadInfo, upload_infos),
            (SweptKind::UploadTail, upload_tails),
            (SweptKind::DeletedVideo, deleted_videos_objects),
            (SweptKind::DeadRecord, dead_records),
            (SweptKind::Event, events),
            (SweptKind::SelfTest, self_test_objects),
        ] {
            SWEPT_OBJECTS.add([kind.as_str()], objects as u64);
        }
    }
}

impl Store {
    /// Deletes what nothing names. Any number of processes may do it at any time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; what is left is swept the next time.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let ended = self.sweep_all(&mut swept).await;
        swept.count();
        ended.map(|()| swept)
    }

    async fn sweep_all(&self, swept: &mut Swept) -> Result<(), Error> {
        // Before anything else is listed: of a video that is deleted later, the next sweep takes the rest.
        let deleted = self.tombstones().await?;
        self.sweep_raw(&deleted, swept).await?;
        self.sweep_takes(&deleted, swept).await?;
        self.sweep_uploads(&deleted, swept).await?;
        for id in deleted.expired() {
            self.delete(&Object::Tombstone(id)).await?;
        }
        Ok(())
    }

    async fn sweep_raw(&self, deleted: &Tombstones, swept: &mut Swept) -> Result<(), Error> {
        let settings = self.settings();
        let raw = &settings.raw_bucket;
        let mut pages = self.pages(raw, keys::prefix::ORIGINALS);
        while let Some(page) = pages.next().await? {
            swept.deleted_videos_objects += self.delete_deleted(raw, &page, deleted).await?;
            // Its tails went with it.
            let mut given_up = None;
            for listed in &page {
                if let Some(id) = keys::video_of(&listed.key)
                    && !deleted.name(id)
                    && !(given_up == Some(id) && keys::upload_tail_of(&listed.key).is_some())
                    && self.sweep_uploaded(id, listed, swept).await?
                {
                    given_up = Some(id);
                }
            }
        }
        if !deleted.is_empty() {
            for prefix in [keys::prefix::QUEUE, keys::prefix::DEAD, keys::prefix::INDEX] {
                let mut pages = self.pages(raw, prefix);
                while let Some(page) = pages.next().await? {
                    swept.deleted_videos_objects +=
                        self.delete_deleted(raw, &page, deleted).await?;
                }
            }
        }
        let (of_deleted, expired) = self.sweep_events(deleted).await?;
        swept.deleted_videos_objects += of_deleted;
        swept.events += expired;
        swept.dead_records += self.sweep_dead_jobs().await?;
        let tests = self.list_all(raw, keys::prefix::SELF_TESTS).await?;
        let old = tests
            .iter()
            .filter(|test| test.age >= settings.upload_expiry);
        swept.self_test_objects += self.delete_listed(raw, old).await?;
        Ok(())
    }

    /// Sweeps one object of what was uploaded for a video. Says whether nothing of the upload is left.
    async fn sweep_uploaded(
        &self,
        id: VideoId,
        listed: &Listed,
        swept: &mut Swept,
    ) -> Result<bool, Error> {
        if keys::original_id(&listed.key).is_some() {
            swept.originals += usize::from(self.sweep_original(id, listed).await?);
        } else if keys::upload_info_id(&listed.key).is_some() {
            let is_given_up = self.sweep_upload_info(id, listed).await?;
            swept.upload_infos += usize::from(is_given_up);
            return Ok(is_given_up);
        } else if let Some((_, nonce)) = keys::upload_tail_of(&listed.key) {
            swept.upload_tails += usize::from(self.sweep_tail(id, nonce, listed).await?);
        }
        Ok(false)
    }

    async fn sweep_original(&self, id: VideoId, listed: &Listed) -> Result<bool, Error> {
        let grace = self.settings().original_grace();
        // One that is younger than the grace cannot have been done for so long.
        if self.settings().keep_originals || listed.age < grace {
            return Ok(false);
        }
        let Some((status, age)) = self.readable_status(id).await? else {
            return Ok(false);
        };
        if status.status != State::Done || age < grace {
            return Ok(false);
        }
        self.delete(&Object::Original(id)).await?;
        let duration_ms = age.as_millis() as u64;
        tracing::info!(video_id = %id, duration_ms, "original deleted");
        Ok(true)
    }

    async fn sweep_takes(&self, deleted: &Tombstones, swept: &mut Swept) -> Result<(), Error> {
        let bucket = &self.settings().video_bucket;
        let mut pages = self.pages(bucket, keys::prefix::VIDEOS);
        // Keys come in order, so that a video's are next to each other; the last one's may go on.
        let mut rest: Vec<Listed> = Vec::new();
        loop {
            let page = pages.next().await?;
            let ended = page.is_none();
            rest.extend(page.into_iter().flatten());
            let whole = match rest.last().and_then(|last| keys::video_of(&last.key)) {
                Some(last) if !ended => {
                    rest.partition_point(|listed| keys::video_of(&listed.key) != Some(last))
                }
                _ => rest.len(),
            };
            let judged: Vec<_> = rest.drain(..whole).collect();
            for video in judged.chunk_by(|a, b| keys::video_of(&a.key) == keys::video_of(&b.key)) {
                self.sweep_video(video, deleted, swept).await?;
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Sweeps what was listed of one video.
    async fn sweep_video(
        &self,
        listed: &[Listed],
        deleted: &Tombstones,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let bucket = &self.settings().video_bucket;
        let Some(id) = listed.first().and_then(|first| keys::video_of(&first.key)) else {
            return Ok(());
        };
        if deleted.name(id) {
            swept.deleted_videos_objects += self.delete_listed(bucket, listed.iter()).await?;
            return Ok(());
        }
        let take_of = |each: &Listed| keys::take_of(&each.key).map(|(_, take)| take);
        if !listed.iter().any(|each| take_of(each).is_some()) {
            return Ok(());
        }
        let Some((status, _)) = self.readable_status(id).await? else {
            return Ok(());
        };
        let garbage = listed
            .iter()
            .filter(|each| take_of(each).is_some_and(|take| is_garbage(&status, &take)));
        swept.take_objects += self.delete_listed(bucket, garbage).await?;
        Ok(())
    }

    async fn delete_deleted(
        &self,
        bucket: &str,
        listed: &[Listed],
        deleted: &Tombstones,
    ) -> Result<usize, Error> {
        let of_deleted = listed
            .iter()
            .filter(|listed| keys::video_of(&listed.key).is_some_and(|id| deleted.name(id)));
        self.delete_listed(bucket, of_deleted).await
    }
}

/// Whether a take can never be played: another one is named, or the video was given up.
pub(crate) fn is_garbage(status: &Status, take: &Take) -> bool {
    status.take.as_ref() != Some(take) || status.status == State::Error
}
