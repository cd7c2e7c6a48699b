//! The bytes of one request, on their way to the end of an upload.

use bytes::{Bytes, BytesMut};
use tokio_util::task::AbortOnDropHandle;

use crate::VideoId;
use crate::resumable::recorder::Recorder;
use crate::resumable::{Progress, ResumeError};

/// Takes the bytes of one request. One part is stored while the next one fills: two parts of memory.
///
/// Dropped without [`finish`](Self::finish), what does not fill a part is lost; what is recorded stays.
#[derive(Debug)]
pub struct Append {
    id: VideoId,
    part_len_bytes: usize,
    /// What the upload may come to.
    limit_bytes: u64,
    offset_bytes: u64,
    filling: BytesMut,
    /// The buffer of a part that is stored: freed and allocated anew by other threads, they would pile up
    /// in the allocator.
    spare: BytesMut,
    /// Whether there is more in it than the tail that was read.
    has_new: bool,
    recording: Recording,
}

#[derive(Debug)]
enum Recording {
    Idle(Box<Recorder>),
    /// A part is being stored.
    Storing(AbortOnDropHandle<Result<Stored, ResumeError>>),
    /// It failed, and has said so.
    Failed,
}

/// What comes back when a part is stored.
type Stored = (Box<Recorder>, BytesMut);

impl Append {
    pub(super) async fn begin(mut recorder: Recorder) -> Result<Self, ResumeError> {
        let info = recorder.info();
        let part_len_bytes = usize::try_from(info.part_len_bytes).unwrap_or(usize::MAX);
        let limit_bytes = info.len_bytes.or(info.max_len_bytes).unwrap_or(u64::MAX);
        let offset_bytes = info.offset_bytes();
        let tail = recorder.read_tail().await?;
        Ok(Self {
            id: recorder.id(),
            part_len_bytes,
            limit_bytes,
            offset_bytes,
            filling: BytesMut::from(tail),
            spare: BytesMut::new(),
            has_new: false,
            recording: Recording::Idle(Box::new(recorder)),
        })
    }

    /// Records nothing before [`finish`](Self::finish): for bytes that are yet to be checked.
    #[must_use]
    pub fn held_back(mut self) -> Self {
        if let Recording::Idle(recorder) = &mut self.recording {
            recorder.hold_back();
        }
        self
    }

    /// The id of the upload.
    #[must_use]
    pub fn id(&self) -> VideoId {
        self.id
    }

    /// Where the next byte goes.
    #[must_use]
    pub fn offset_bytes(&self) -> u64 {
        self.offset_bytes
    }

    /// What the upload may come to: as declared, or as allowed.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// The file's first bytes, for as long as they are not stored as a part.
    #[must_use]
    pub fn head(&self) -> Option<&[u8]> {
        (self.offset_bytes == self.filling.len() as u64).then_some(&self.filling)
    }

    /// Takes the next bytes; waits where S3 is slower than the client.
    ///
    /// # Errors
    /// [`ResumeError`]; nothing more may be appended then.
    pub async fn push(&mut self, mut bytes: Bytes) -> Result<(), ResumeError> {
        if self.offset_bytes + bytes.len() as u64 > self.limit_bytes {
            return Err(ResumeError::TooLarge {
                limit_bytes: self.limit_bytes,
            });
        }
        self.offset_bytes += bytes.len() as u64;
        self.has_new |= !bytes.is_empty();
        while !bytes.is_empty() {
            let room = self.part_len_bytes - self.filling.len();
            self.filling
                .extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.filling.len() == self.part_len_bytes {
                self.store_part().await?;
            }
        }
        Ok(())
    }

    async fn store_part(&mut self) -> Result<(), ResumeError> {
        let mut recorder = self.recorder().await?;
        let next = std::mem::take(&mut self.spare);
        let part = std::mem::replace(&mut self.filling, next).freeze();
        self.filling.reserve(self.part_len_bytes);
        let storing = tokio::spawn(async move {
            recorder.store_part(part.clone()).await?;
            let mut spare = part.try_into_mut().unwrap_or_default();
            spare.clear();
            Ok((recorder, spare))
        });
        self.recording = Recording::Storing(AbortOnDropHandle::new(storing));
        Ok(())
    }

    /// The recorder, once it has nothing to do.
    async fn recorder(&mut self) -> Result<Box<Recorder>, ResumeError> {
        match std::mem::replace(&mut self.recording, Recording::Failed) {
            Recording::Idle(recorder) => Ok(recorder),
            Recording::Storing(storing) => match storing.await {
                Ok(stored) => {
                    let (recorder, spare) = stored?;
                    self.spare = spare;
                    Ok(recorder)
                }
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(ResumeError::TakenOver),
                },
            },
            Recording::Failed => Err(ResumeError::TakenOver),
        }
    }

    /// Records all that came. If the upload is whole with it, it is completed.
    ///
    /// # Errors
    /// [`ResumeError`]; what was recorded before stays so.
    pub async fn finish(mut self) -> Result<Progress, ResumeError> {
        let mut recorder = self.recorder().await?;
        recorder.settle(self.filling.freeze(), self.has_new).await?;
        Ok(recorder.progress())
    }

    /// Ends the upload, unless another goes on with it by now, and deletes what there is of it.
    ///
    /// # Errors
    /// [`ResumeError::TakenOver`]; [`Error::Unavailable`](crate::Error::Unavailable) and its kin when S3 does not answer.
    pub async fn give_up(mut self) -> Result<(), ResumeError> {
        self.recorder().await?.give_up().await
    }
}
