//! The sweep's part that looks after uploads: what is not whole yet, and what nobody goes on with.

use crate::delete::Tombstones;
use crate::keys;
use crate::listing::{Listed, Unfinished};
use crate::resumable::ResumeError;
use crate::sweep::{Swept, is_garbage};
use crate::upload_info::{HeldUploadInfo, UploadState};
use crate::{Error, Store, VideoId};

impl Store {
    pub(crate) async fn sweep_uploads(
        &self,
        deleted: &Tombstones,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let settings = self.settings();
        for upload in self
            .list_uploads(&settings.video_bucket, keys::prefix::VIDEOS)
            .await?
        {
            let Some((id, take)) = keys::take_of(&upload.key) else {
                continue;
            };
            let lost = match deleted.name(id) {
                true => true,
                false => match self.readable_status(id).await? {
                    // A final status names a take whose uploads are all complete.
                    Some((status, _)) => is_garbage(&status, &take) || status.status.is_terminal(),
                    None => false,
                },
            };
            if lost {
                self.abort_multipart(&settings.video_bucket, &upload.key, &upload.upload_id)
                    .await?;
                swept.uploads += 1;
            }
        }
        for upload in self
            .list_uploads(&settings.raw_bucket, keys::prefix::ORIGINALS)
            .await?
        {
            let of_deleted = keys::video_of(&upload.key).is_some_and(|id| deleted.name(id));
            let is_old = upload.age >= settings.upload_expiry;
            if of_deleted || (is_old && !self.is_at_work(&upload).await?) {
                self.abort_multipart(&settings.raw_bucket, &upload.key, &upload.upload_id)
                    .await?;
                swept.uploads += 1;
            }
        }
        Ok(())
    }

    /// Whether the upload of an original is named by an info to which bytes may still come: one that is fed
    /// for days may be older than what expires.
    async fn is_at_work(&self, upload: &Unfinished) -> Result<bool, Error> {
        let Some(id) = keys::original_id(&upload.key) else {
            return Ok(false);
        };
        let is_named = |held: Box<HeldUploadInfo>| {
            held.info.state == UploadState::Open
                && held.info.s3_upload_id.as_deref() == Some(&upload.upload_id)
        };
        Ok(match self.readable_upload_info(id).await? {
            Readable::Info(held) => held.is_some_and(is_named),
            Readable::No => true,
        })
    }

    /// Gives up an upload that expired, unless it went on since it was listed. One that lacks no byte is
    /// completed: its client was told that all is there.
    pub(crate) async fn sweep_upload_info(
        &self,
        id: VideoId,
        listed: &Listed,
    ) -> Result<bool, Error> {
        let expiry = self.settings().upload_expiry;
        if listed.age < expiry {
            return Ok(false);
        }
        let Readable::Info(Some(held)) = self.readable_upload_info(id).await? else {
            return Ok(false);
        };
        match held.info.state {
            _ if held.age < expiry => Ok(false),
            // Nobody writes it any more.
            UploadState::Complete => {
                self.forget_upload(id).await?;
                Ok(true)
            }
            UploadState::Open if held.info.is_resumable_and_whole() => {
                match self.complete_cut_short(id, *held).await {
                    Err(ResumeError::Store(error)) if error.is_transient() => return Err(error),
                    Err(error) => tracing::warn!(video_id = %id, %error, "upload not completed"),
                    Ok(_) => {}
                }
                Ok(false)
            }
            UploadState::Open | UploadState::GivenUp => self.give_up_upload(id, &held).await,
        }
    }

    /// Deletes a tail that no info names. Who has just stored one names it long before it is that old.
    pub(crate) async fn sweep_tail(
        &self,
        id: VideoId,
        nonce: &str,
        listed: &Listed,
    ) -> Result<bool, Error> {
        if listed.age < self.settings().upload_expiry {
            return Ok(false);
        }
        // Read after the listing: a tail that is not named then never will be.
        let Readable::Info(held) = self.readable_upload_info(id).await? else {
            return Ok(false);
        };
        let named = held.and_then(|held| held.info.tail);
        if named.is_some_and(|tail| tail.nonce == nonce) {
            return Ok(false);
        }
        self.delete_key(&self.settings().raw_bucket, &listed.key)
            .await?;
        Ok(true)
    }

    /// One spoilt info does not end a walk over all uploads.
    async fn readable_upload_info(&self, id: VideoId) -> Result<Readable, Error> {
        match self.upload_info(id).await {
            Ok(held) => Ok(Readable::Info(held.map(Box::new))),
            Err(error @ Error::Corrupt { .. }) => {
                tracing::error!(video_id = %id, %error, "upload passed over");
                Ok(Readable::No)
            }
            Err(error) => Err(error),
        }
    }
}

/// What can be read of an upload's info.
enum Readable {
    /// Itself, if it is there.
    Info(Option<Box<HeldUploadInfo>>),
    /// Nothing: a newer version may have written it, and whatever it names is left alone.
    No,
}
