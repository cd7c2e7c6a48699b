//! How uploads straight to S3 end.
//!
//! A completion names the ETags that were listed with the right lengths, so that a part which is replaced in
//! between makes it fail. Its steps can each be the last of a process, and be repeated by the next: the
//! multipart upload is completed, the video is queued, the info says so.

use tokio::time::Instant;

use super::{ArrivedPart, DirectUpload};
use crate::keys::Object;
use crate::{Error, FailPoint, UploadState};

/// How often a completion lists anew the parts that changed while it was made.
const ROUNDS: u32 = 3;

/// What came of a completion.
#[derive(Debug, PartialEq, Eq)]
pub enum Completion {
    /// The video is queued now.
    Now,
    /// It was completed before.
    Before,
    /// Parts of these numbers are not there, are of another length, or were sent anew all the while.
    PartsMissing(Vec<u16>),
}

/// What came of giving an upload up.
#[derive(Debug, PartialEq, Eq)]
pub enum Abort {
    /// Nothing is left of it.
    Done,
    /// There was nothing any more.
    Nothing,
    /// It is complete: there is a video to delete in its place.
    Complete,
}

impl DirectUpload {
    /// Makes the original visible and queues the video, if every part is there. Repeating it does what is
    /// left to do.
    ///
    /// # Errors
    /// [`Error::Missing`] where the upload was given up or has expired, [`Error::Deleted`] where the video was deleted;
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn complete(&mut self) -> Result<Completion, Error> {
        if self.is_complete() {
            return Ok(Completion::Before);
        }
        if let Some(missing) = self.complete_multipart().await? {
            return Ok(Completion::PartsMissing(missing));
        }
        FailPoint::OriginalStored.reached(self.id);
        // The original of a video that is done may be gone already.
        if self.store.exists(&Object::Original(self.id)).await? {
            let filename = &self.held.info.filename;
            self.store.enqueue(self.id, filename).await?;
        }
        let completion = match self.mark_complete().await? {
            true => Completion::Now,
            false => Completion::Before,
        };
        FailPoint::UploadCompleted.reached(self.id);
        Ok(completion)
    }

    /// None once the original was made of all parts, now or before; else the numbers of those that are missing.
    async fn complete_multipart(&self) -> Result<Option<Vec<u16>>, Error> {
        let started_at = Instant::now();
        match self.try_complete_multipart().await {
            Ok(None) => {
                let duration_ms = started_at.elapsed().as_millis() as u64;
                let (id, len_bytes) = (self.id, self.len_bytes());
                tracing::info!(video_id = %id, len_bytes, duration_ms, "original stored");
                Ok(None)
            }
            Err(error @ Error::Missing(_)) => {
                self.unless_it_has_arrived(error).await?;
                Ok(None)
            }
            missing => missing,
        }
    }

    async fn try_complete_multipart(&self) -> Result<Option<Vec<u16>>, Error> {
        if !self.is_open() {
            return Err(Error::Missing(format!(
                "an open upload of video {}",
                self.id
            )));
        }
        let mut round = 1;
        loop {
            let (arrived, missing) = self.held_parts().await?;
            if !missing.is_empty() {
                return Ok(Some(missing));
            }
            let etags: Vec<_> = arrived.iter().map(|part| part.etag.clone()).collect();
            match self.multipart.complete(&etags).await {
                Ok(()) => return Ok(None),
                // A part was sent again since it was listed.
                Err(Error::PartsDiffer(_)) if round < ROUNDS => round += 1,
                Err(error @ Error::PartsDiffer(_)) => return self.replaced(&arrived, error).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// The numbers of the parts that are not what was listed, of an upload that S3 does not complete: whoever
    /// sends them goes on to do so.
    async fn replaced(
        &self,
        listed: &[ArrivedPart],
        error: Error,
    ) -> Result<Option<Vec<u16>>, Error> {
        let (arrived, mut replaced) = self.held_parts().await?;
        let differ = arrived.iter().filter(|part| !listed.contains(part));
        replaced.extend(differ.map(|part| part.number));
        replaced.sort_unstable();
        match replaced.is_empty() {
            true => Err(error),
            false => Ok(Some(replaced)),
        }
    }

    /// An upload that S3 does not know any more may be complete, and nobody have heard of it.
    pub(super) async fn unless_it_has_arrived(&self, error: Error) -> Result<(), Error> {
        match self.has_arrived().await? {
            true => Ok(()),
            false => Err(error),
        }
    }

    /// Whether the original is there, or was.
    async fn has_arrived(&self) -> Result<bool, Error> {
        Ok(self.store.exists(&Object::Original(self.id)).await?
            || self.store.exists(&Object::Status(self.id)).await?)
    }

    /// Gives the upload up: nothing of it is left. Repeating it does what is left to do.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the sweep does the rest then.
    pub async fn abort(mut self) -> Result<Abort, Error> {
        // Nobody completes or renews it any more.
        loop {
            if self.is_complete() {
                return Ok(Abort::Complete);
            }
            if self.held.info.state == UploadState::GivenUp {
                break;
            }
            let next = self.held.info.in_state(UploadState::GivenUp);
            let (store, id) = (&self.store, self.id);
            match store.swap_upload_info(id, &self.held, next).await? {
                Some(held) => self.held = held,
                None => match store.upload_info(id).await? {
                    Some(held) => self.held = held,
                    None => return Ok(Abort::Nothing),
                },
            }
        }
        FailPoint::UploadGivenUp.reached(self.id);
        self.multipart.abort().await?;
        // A completion that had begun before may have won.
        if self.has_arrived().await? {
            return Ok(Abort::Complete);
        }
        self.store.delete_upload_info(self.id).await?;
        tracing::info!(video_id = %self.id, "upload given up");
        Ok(Abort::Done)
    }

    /// Says in the info that there is nothing left to do. False where somebody has said so before.
    async fn mark_complete(&mut self) -> Result<bool, Error> {
        loop {
            let next = self.held.info.in_state(UploadState::Complete);
            let (store, id) = (&self.store, self.id);
            match store.swap_upload_info(id, &self.held, next).await? {
                Some(held) => {
                    self.held = held;
                    return Ok(true);
                }
                None => match store.upload_info(id).await? {
                    Some(held) => self.held = held,
                    None => return Ok(false),
                },
            }
            if self.is_complete() {
                return Ok(false);
            }
        }
    }
}
