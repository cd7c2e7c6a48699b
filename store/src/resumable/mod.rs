//! Uploads that arrive in several requests, whichever process hears them.
//!
//! The info is the only truth (see [`upload_info`](crate::upload_info)). A request that brings bytes swaps in
//! a nonce of its own first: from then on every swap of an older request fails, which lets go and deletes
//! what it stored. So nothing interleaves, and a connection that hangs half-open holds nobody up.
//!
//! A part counts once a swap has recorded its ETag, a tail once a swap has named it. A writer that was
//! overtaken may still overwrite a part in S3 that its heir has recorded; completing lists the recorded
//! ETags, S3 refuses, and the info is cut back to the parts that are still what was recorded.

mod append;
mod recorder;
mod tail;

use std::time::{Duration, SystemTime};

use crate::keys::{self, Object};
use crate::multipart::Multipart;
use crate::upload_info::{HeldUploadInfo, UploadInfo, UploadKind, UploadState};
use crate::{Error, FailPoint, Store, VideoId};

pub use append::Append;
use recorder::Recorder;

/// Swaps that others may win before a client's wish to end its upload is given up.
const TERMINATION_ROUNDS: u32 = 20;

/// Who gives an upload up deletes its info last, whatever is there by then. No other takes its place before
/// that must have happened.
const GIVING_UP_PATIENCE: Duration = Duration::from_secs(600);

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// There is none of this id, or it is complete.
    #[error("there is no such upload")]
    NoSuchUpload,
    /// It expired, was ended, or its video was deleted.
    #[error("the upload is gone")]
    Gone,
    /// The bytes do not follow those that are stored.
    #[error("the upload stands at {offset_bytes} bytes")]
    OffsetDiffers {
        /// Where they would have to begin.
        offset_bytes: u64,
    },
    /// Another request goes on with it.
    #[error("another request has taken the upload over")]
    TakenOver,
    /// More bytes than declared or allowed.
    #[error("the upload may have {limit_bytes} bytes at most")]
    TooLarge {
        /// How many there may be.
        limit_bytes: u64,
    },
    /// The length was declared before, or is less than what has come.
    #[error("the declared length is another")]
    LengthDiffers,
    /// The buckets.
    #[error(transparent)]
    Store(#[from] Error),
}

/// How far an upload is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Bytes that are stored and recorded.
    pub offset_bytes: u64,
    /// The declared length, once it is known.
    pub len_bytes: Option<u64>,
    /// `Upload-Metadata`, as the client sent it.
    pub metadata: String,
    /// Whether the original is whole and its video queued.
    pub is_complete: bool,
    /// Whether that happened just now.
    pub was_queued: bool,
    /// When it expires unless something is recorded before, by S3's clock.
    pub expires_at: SystemTime,
}

/// What a request says that it brings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Announced {
    /// The file's length, where it was not known so far.
    pub file_bytes: Option<u64>,
    /// How many bytes come now, where that is known.
    pub body_bytes: Option<u64>,
}

impl Announced {
    fn check(&self, info: &UploadInfo) -> Result<(), ResumeError> {
        let offset_bytes = info.offset_bytes();
        let declared = self.file_bytes;
        let differs = |declared| info.len_bytes.is_some_and(|known| known != declared);
        if declared.is_some_and(|declared| differs(declared) || declared < offset_bytes) {
            return Err(ResumeError::LengthDiffers);
        }
        let allowed = info.max_len_bytes.unwrap_or(u64::MAX);
        if declared.is_some_and(|declared| declared > allowed) {
            return Err(ResumeError::TooLarge {
                limit_bytes: allowed,
            });
        }
        let limit_bytes = info.len_bytes.or(declared).unwrap_or(allowed);
        match self.body_bytes {
            Some(body_bytes) if body_bytes > limit_bytes.saturating_sub(offset_bytes) => {
                Err(ResumeError::TooLarge { limit_bytes })
            }
            _ => Ok(()),
        }
    }
}

impl Progress {
    /// Whether an upload that is begun with these is this one.
    #[must_use]
    pub fn is_same_file(&self, len_bytes: Option<u64>, metadata: &str) -> bool {
        self.len_bytes == len_bytes && self.metadata == metadata
    }
}

impl Store {
    /// Begins an upload. One without a byte is complete at once. None where the id has an info already.
    ///
    /// # Errors
    /// [`ResumeError::Gone`] for a deleted video; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn create_resumable(
        &self,
        id: VideoId,
        mut info: UploadInfo,
    ) -> Result<Option<Progress>, ResumeError> {
        let multipart = Multipart::begin_original(self, id, &info.filename).await?;
        FailPoint::UploadOpened.reached(id);
        info.s3_upload_id = Some(multipart.upload_id().to_owned());
        let Some(held) = self.create_upload_info_anew(id, info).await? else {
            self.abort_unless_named(id, &multipart).await?;
            return Ok(None);
        };
        FailPoint::UploadNamed.reached(id);
        let mut recorder = Recorder::new(self, id, multipart, held);
        recorder.unless_deleted().await?;
        if recorder.info().has_all_bytes() {
            recorder.complete().await?;
        }
        Ok(Some(recorder.progress()))
    }

    /// Creates an info, also in the place of one whose giving up was cut short.
    async fn create_upload_info_anew(
        &self,
        id: VideoId,
        info: UploadInfo,
    ) -> Result<Option<HeldUploadInfo>, Error> {
        if let Some(held) = self.create_upload_info(id, info.clone()).await? {
            return Ok(Some(held));
        }
        let patience = GIVING_UP_PATIENCE.min(self.settings().upload_expiry);
        match self.upload_info(id).await? {
            Some(there) if there.info.state == UploadState::GivenUp && there.age >= patience => {
                match self.give_up_upload(id, &there).await? {
                    true => self.create_upload_info(id, info).await,
                    false => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// How far an upload is. One that has all its bytes, and whose completion was cut short, is completed
    /// before.
    ///
    /// # Errors
    /// [`ResumeError`]; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn resumable(&self, id: VideoId) -> Result<Progress, ResumeError> {
        let held = self.live_upload(id).await?;
        let is_cut_short = held.info.state == UploadState::Open && held.info.has_all_bytes();
        if !is_cut_short {
            return Ok(Recorder::resume(self, id, held)?.progress());
        }
        match self.complete_cut_short(id, held).await {
            // Its writer is still there, or bytes have to come again.
            Err(ResumeError::TakenOver | ResumeError::OffsetDiffers { .. }) => {
                let held = self.live_upload(id).await?;
                Ok(Recorder::resume(self, id, held)?.progress())
            }
            completed => completed,
        }
    }

    /// Completes an upload that has all its bytes, and whose process to complete it may have died.
    pub(crate) async fn complete_cut_short(
        &self,
        id: VideoId,
        held: HeldUploadInfo,
    ) -> Result<Progress, ResumeError> {
        let mut recorder = Recorder::resume(self, id, held)?;
        recorder.complete_for_another().await?;
        Ok(recorder.progress())
    }

    /// Begins to append from `offset_bytes` on, in the place of whoever does so now. Who announces what
    /// cannot be taken takes nobody's place.
    ///
    /// # Errors
    /// [`ResumeError`]; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn append(
        &self,
        id: VideoId,
        offset_bytes: u64,
        announced: Announced,
    ) -> Result<Append, ResumeError> {
        let held = self.live_upload(id).await?;
        let recorded_bytes = held.info.offset_bytes();
        if recorded_bytes != offset_bytes {
            return Err(ResumeError::OffsetDiffers {
                offset_bytes: recorded_bytes,
            });
        }
        announced.check(&held.info)?;
        let mut recorder = Recorder::resume(self, id, held)?;
        // What is complete has no writer any more, and takes no byte.
        if recorder.info().state == UploadState::Open {
            recorder.take_over(announced.file_bytes).await?;
        }
        Append::begin(recorder).await
    }

    /// Ends an unfinished upload and deletes what there is of it.
    ///
    /// # Errors
    /// [`ResumeError::NoSuchUpload`] also where it is complete: its video is deleted by its own route.
    pub async fn terminate_resumable(&self, id: VideoId) -> Result<(), ResumeError> {
        for _ in 0..TERMINATION_ROUNDS {
            let held = self.live_upload(id).await?;
            if held.info.state == UploadState::Complete {
                return Err(ResumeError::NoSuchUpload);
            }
            if self.give_up_upload(id, &held).await? {
                // Its last request may have completed it meanwhile.
                return match self.exists(&Object::Original(id)).await? {
                    true => Err(ResumeError::NoSuchUpload),
                    false => Ok(()),
                };
            }
        }
        Err(ResumeError::TakenOver)
    }

    /// The info of a resumable upload that bytes may still come to, or that is complete.
    async fn live_upload(&self, id: VideoId) -> Result<HeldUploadInfo, ResumeError> {
        let Some(held) = self.upload_info(id).await? else {
            return Err(match self.is_deleted(id).await? {
                true => ResumeError::Gone,
                false => ResumeError::NoSuchUpload,
            });
        };
        if held.info.kind != UploadKind::Tus {
            return Err(ResumeError::NoSuchUpload);
        }
        let is_expired = held.age >= self.settings().upload_expiry;
        match held.info.state {
            UploadState::GivenUp => Err(ResumeError::Gone),
            // What lacks no byte does not expire: it is completed.
            UploadState::Open if is_expired && !held.info.has_all_bytes() => Err(ResumeError::Gone),
            UploadState::Open | UploadState::Complete => Ok(held),
        }
    }

    /// Deletes an upload with all its parts and tails; false where another wrote its info in the meantime.
    /// The info says so first, so that nobody who goes on with it gets any further, and goes last, so that
    /// what a crash leaves is still found by it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the sweep does the rest then.
    pub async fn give_up_upload(&self, id: VideoId, held: &HeldUploadInfo) -> Result<bool, Error> {
        let next = held.info.in_state(UploadState::GivenUp);
        if self.swap_upload_info(id, held, next).await?.is_none() {
            return Ok(false);
        }
        FailPoint::UploadGivenUp.reached(id);
        if let Some(upload_id) = &held.info.s3_upload_id {
            let multipart = Multipart::of_original(self, id, upload_id.clone());
            multipart.abort().await?;
        }
        self.forget_upload(id).await?;
        Ok(true)
    }

    /// Deletes the info of an upload that nobody writes any more, and whatever tails there are, which go first.
    pub(crate) async fn forget_upload(&self, id: VideoId) -> Result<(), Error> {
        let raw = &self.settings().raw_bucket;
        let tails = self.list_all(raw, &keys::upload_tail_prefix(id)).await?;
        self.delete_listed(raw, tails.iter()).await?;
        self.delete(&Object::UploadInfo(id)).await
    }
}
