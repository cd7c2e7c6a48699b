//! Why there is no status of a video.

use crate::upload_info::UploadState;
use crate::{Error, Store, VideoId};

/// What an id stands for that has no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// Nothing: no upload has begun, or it was given up, or all that was known is swept.
    Unknown,
    /// An upload that takes several requests, or comes by a link, and has not arrived.
    Uploading,
    /// A video that was deleted, as long as its tombstone lives.
    Deleted,
}

impl Store {
    /// Why there is no status of the video: two reads, for whoever has found none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the upload's info cannot be read; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn absence(&self, id: VideoId) -> Result<Absence, Error> {
        let (is_deleted, upload) = tokio::try_join!(self.is_deleted(id), self.upload_info(id))?;
        Ok(match upload {
            _ if is_deleted => Absence::Deleted,
            // Of one that is complete, the status is about to appear.
            Some(held)
                if held.info.state != UploadState::GivenUp
                    && held.age < self.settings().upload_expiry =>
            {
                Absence::Uploading
            }
            _ => Absence::Unknown,
        })
    }
}
