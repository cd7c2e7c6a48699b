//! What a writer does that finds the info, or what it names, not to be what it recorded.

use std::collections::HashMap;

use crate::Error;
use crate::id::random_hex;
use crate::keys::Object;
use crate::resumable::ResumeError;
use crate::resumable::recorder::Recorder;
use crate::upload_info::{UploadState, UploadTail};

impl Recorder {
    /// Cuts the info back to the parts that S3 still holds as they were recorded.
    pub(super) async fn cut_back(&mut self) -> Result<ResumeError, ResumeError> {
        let stored = match self.multipart.list_parts().await {
            // Another has completed it meanwhile, perhaps of other parts.
            Err(Error::Missing(_)) => return self.without_multipart().await,
            stored => stored?,
        };
        let stored: HashMap<_, _> = stored
            .iter()
            .map(|part| (part.number, &part.etag))
            .collect();
        let recorded_parts = self.info().parts.len();
        let recorded = self.info().parts.iter().zip(1..);
        let same = recorded
            .take_while(|(etag, number)| stored.get(number).is_some_and(|it| is_same(it, etag)))
            .count();
        if same == recorded_parts {
            // Another has cut it back meanwhile, and the client sent the parts again.
            if !self.is_held().await? {
                return self.overtaken().await;
            }
            return Err(ResumeError::Store(Error::PartsDiffer(format!(
                "S3 refuses the parts of {} that it lists",
                self.multipart.key()
            ))));
        }
        tracing::warn!(
            video_id = %self.id, recorded_parts, same,
            "a late writer has overwritten parts of an upload: the client sends them again"
        );
        self.keep_parts(same).await
    }

    /// Cuts the info back to its first parts; the client hears where it goes on.
    pub(super) async fn keep_parts(&mut self, parts: usize) -> Result<ResumeError, ResumeError> {
        let mut next = self.info().clone();
        next.parts.truncate(parts);
        let former = next.tail.take();
        next.writer = random_hex();
        self.swap(next).await?;
        self.delete_former(former).await;
        Ok(ResumeError::OffsetDiffers {
            offset_bytes: self.info().offset_bytes(),
        })
    }

    /// Whether nobody else has written the info.
    pub(super) async fn is_held(&self) -> Result<bool, Error> {
        let there = self.store.upload_info(self.id).await?;
        Ok(there.is_some_and(|there| there.is_version_of(&self.held)))
    }

    /// Who has written the info in place of this one: somebody who goes on with the upload, or who ended it.
    pub(super) async fn overtaken(&self) -> Result<ResumeError, ResumeError> {
        let there = self.store.upload_info(self.id).await?;
        let is_taken_over = there.is_some_and(|there| {
            there.info.s3_upload_id == self.info().s3_upload_id
                && there.info.state != UploadState::GivenUp
        });
        if is_taken_over {
            return Ok(ResumeError::TakenOver);
        }
        // A part that was on its way may have come after the upload was aborted.
        self.multipart.abort().await?;
        self.unless_deleted().await?;
        Ok(ResumeError::Gone)
    }

    /// S3 has no such multipart upload: whoever ended the upload aborted it, or the bucket's own rules did.
    pub(super) async fn without_multipart(&self) -> Result<ResumeError, ResumeError> {
        if !self.store.give_up_upload(self.id, &self.held).await? {
            return self.overtaken().await;
        }
        tracing::warn!(video_id = %self.id, "an upload is given up: S3 has lost its parts");
        self.unless_deleted().await?;
        Ok(ResumeError::Gone)
    }

    /// Whoever deleted the video may not have seen what was just written.
    pub(in crate::resumable) async fn unless_deleted(&self) -> Result<(), ResumeError> {
        match self.store.unless_deleted(self.id).await {
            Err(Error::Deleted(_)) => {
                self.multipart.abort().await?;
                Err(ResumeError::Gone)
            }
            kept => Ok(kept?),
        }
    }

    /// Deletes a tail that was stored for a swap which was lost. The swap may have been made and only its
    /// answer lost: the heir's info names the tail then.
    pub(super) async fn take_back_tail(&self, nonce: &str) {
        let taken_back = async {
            let there = self.store.upload_info(self.id).await?;
            let named = there.and_then(|there| there.info.tail);
            if named.is_some_and(|tail| tail.nonce == nonce) {
                return Ok(());
            }
            // Nor will it ever be named: the version that the swap wanted is gone.
            let object = Object::UploadTail(self.id, nonce);
            self.store.delete(&object).await
        };
        if let Err(error) = taken_back.await {
            tracing::warn!(video_id = %self.id, %error, "a tail is left to the sweep");
        }
    }

    /// Deletes a tail that a swap has unnamed. What was recorded stays so whether it goes or not.
    pub(super) async fn delete_former(&self, tail: Option<UploadTail>) {
        let Some(tail) = tail else { return };
        let object = Object::UploadTail(self.id, &tail.nonce);
        if let Err(error) = self.store.delete(&object).await {
            tracing::warn!(video_id = %self.id, %error, "a tail is left to the sweep");
        }
    }
}

/// Some stores quote ETags here and not there.
fn is_same(one: &str, other: &str) -> bool {
    one.trim_matches('"') == other.trim_matches('"')
}
