//! Who writes an upload's info, from the swap that made it the writer on.

mod faults;

use bytes::Bytes;

use crate::id::random_hex;
use crate::keys::Object;
use crate::multipart::Multipart;
use crate::resumable::{Progress, ResumeError};
use crate::upload_info::{HeldUploadInfo, UploadInfo, UploadState, UploadTail};
use crate::{Error, FailPoint, Store, VideoId};

/// The bytes of an upload become parts and a tail, one step at a time, and each step is recorded.
#[derive(Debug)]
pub(super) struct Recorder {
    store: Store,
    id: VideoId,
    multipart: Multipart,
    held: HeldUploadInfo,
    /// ETags of parts that are stored, and recorded only when all bytes of the request are checked.
    held_back: Vec<String>,
    holds_back: bool,
    was_queued: bool,
}

impl Recorder {
    pub(super) fn new(
        store: &Store,
        id: VideoId,
        multipart: Multipart,
        held: HeldUploadInfo,
    ) -> Self {
        Self {
            store: store.clone(),
            id,
            multipart,
            held,
            held_back: Vec::new(),
            holds_back: false,
            was_queued: false,
        }
    }

    pub(super) fn resume(
        store: &Store,
        id: VideoId,
        held: HeldUploadInfo,
    ) -> Result<Self, ResumeError> {
        let upload_id = held.info.s3_upload_id.clone();
        let upload_id = upload_id.ok_or(ResumeError::NoSuchUpload)?;
        let multipart = Multipart::of_original(store, id, upload_id);
        Ok(Self::new(store, id, multipart, held))
    }

    pub(super) fn id(&self) -> VideoId {
        self.id
    }

    pub(super) fn info(&self) -> &UploadInfo {
        &self.held.info
    }

    pub(super) fn progress(&self) -> Progress {
        let (info, expiry) = (self.info(), self.store.settings().upload_expiry);
        Progress {
            offset_bytes: info.offset_bytes(),
            len_bytes: info.len_bytes,
            metadata: info.metadata.clone(),
            is_complete: info.state == UploadState::Complete,
            was_queued: self.was_queued,
            expires_at: self.store.now() + expiry.saturating_sub(self.held.age),
        }
    }

    /// From now on parts are stored and not recorded, until [`settle`](Self::settle).
    pub(super) fn hold_back(&mut self) {
        self.holds_back = true;
    }

    /// Becomes the one writer; declares the length, where it was not known.
    pub(super) async fn take_over(&mut self, len_bytes: Option<u64>) -> Result<(), ResumeError> {
        let mut next = self.info().clone();
        next.writer = random_hex();
        next.len_bytes = next.len_bytes.or(len_bytes);
        self.swap(next).await?;
        FailPoint::WriterNamed.reached(self.id);
        Ok(())
    }

    /// What is stored after the parts.
    pub(super) async fn read_tail(&mut self) -> Result<Bytes, ResumeError> {
        let Some(tail) = self.info().tail.clone() else {
            return Ok(Bytes::new());
        };
        let object = Object::UploadTail(self.id, &tail.nonce);
        let stored = self.store.read_tail(&object).await?;
        let stored_bytes = stored.as_ref().map(Bytes::len);
        match stored {
            Some(bytes) if bytes.len() as u64 == tail.len_bytes => Ok(bytes),
            // It goes only after a swap that names another, or none: then the one below is lost, too.
            _ => {
                let parts = self.info().parts.len();
                let error = self.keep_parts(parts).await?;
                tracing::warn!(
                    video_id = %self.id, recorded_bytes = tail.len_bytes, stored_bytes,
                    "a tail is not what was recorded: the client sends it again"
                );
                Err(error)
            }
        }
    }

    /// Stores the part after those there are and, unless bytes are held back, records it.
    pub(super) async fn store_part(&mut self, bytes: Bytes) -> Result<(), ResumeError> {
        let number = self.info().parts.len() + self.held_back.len() + 1;
        let etag = match self.multipart.part(number as i32, bytes).await {
            Ok(etag) => etag,
            Err(Error::Missing(_)) => return Err(self.without_multipart().await?),
            // S3 may break the line where it wants none of a body.
            Err(error) if error.is_transient() && !self.is_held().await? => {
                return Err(self.overtaken().await?);
            }
            Err(error) => return Err(error.into()),
        };
        FailPoint::UploadPartStored.reached(self.id);
        self.held_back.push(etag);
        if self.holds_back {
            return Ok(());
        }
        self.record(None).await?;
        FailPoint::UploadPartRecorded.reached(self.id);
        Ok(())
    }

    /// Records what is stored: `rest` is what follows the parts. With it the upload may be whole, and is
    /// completed then.
    pub(super) async fn settle(&mut self, rest: Bytes, is_new: bool) -> Result<(), ResumeError> {
        self.holds_back = false;
        let parts = self.info().parts.len() + self.held_back.len();
        let parts_bytes = parts as u64 * self.info().part_len_bytes;
        let is_whole = self
            .info()
            .len_bytes
            .is_some_and(|len_bytes| parts_bytes + rest.len() as u64 >= len_bytes);
        if is_whole {
            if !rest.is_empty() {
                self.store_part(rest).await?;
            } else if !self.held_back.is_empty() {
                self.record(None).await?;
            }
            return self.complete().await;
        }
        if is_new && !(rest.is_empty() && self.held_back.is_empty()) {
            self.store_tail(rest).await?;
        }
        self.unless_deleted().await
    }

    async fn store_tail(&mut self, bytes: Bytes) -> Result<(), ResumeError> {
        if bytes.is_empty() {
            return self.record(None).await;
        }
        let tail = UploadTail {
            nonce: random_hex(),
            len_bytes: bytes.len() as u64,
        };
        let nonce = tail.nonce.clone();
        let object = Object::UploadTail(self.id, &nonce);
        self.store.write_tail(&object, bytes).await?;
        FailPoint::TailStored.reached(self.id);
        let recorded = self.record(Some(tail)).await;
        FailPoint::TailNamed.reached(self.id);
        // Whether an error of S3's kept the swap from being made is not known: the sweep finds out.
        if recorded.is_err() && !matches!(recorded, Err(ResumeError::Store(_))) {
            self.take_back_tail(&nonce).await;
        }
        recorded
    }

    /// Records the parts that are stored, with what follows them, and deletes what followed before.
    async fn record(&mut self, tail: Option<UploadTail>) -> Result<(), ResumeError> {
        let mut next = self.info().clone();
        next.parts.append(&mut self.held_back);
        let former = std::mem::replace(&mut next.tail, tail);
        self.swap(next).await?;
        self.delete_former(former).await;
        Ok(())
    }

    pub(super) async fn give_up(self) -> Result<(), ResumeError> {
        match self.store.give_up_upload(self.id, &self.held).await? {
            true => Ok(()),
            false => Err(self.overtaken().await?),
        }
    }

    /// Completes in the place of a writer that may still be there.
    pub(super) async fn complete_for_another(&mut self) -> Result<(), ResumeError> {
        // Where nothing is to be stored, any number of processes may complete at once.
        if self.info().tail.is_some() || self.info().parts.is_empty() {
            self.take_over(None).await?;
        }
        self.complete().await
    }

    /// Makes an upload that has all its bytes an original, and queues it. Repeating it does what is missing.
    pub(super) async fn complete(&mut self) -> Result<(), ResumeError> {
        if self.info().state == UploadState::Complete {
            return Ok(());
        }
        // S3 wants one part at least, and takes an empty one.
        if self.info().tail.is_some() || self.info().parts.is_empty() {
            let rest = self.read_tail().await?;
            self.store_part(rest).await?;
        }
        match self.multipart.complete(&self.info().parts).await {
            Ok(()) => {
                let (id, len_bytes) = (self.id, self.info().offset_bytes());
                let duration_ms = self.store.age_of(id).as_millis() as u64;
                tracing::info!(video_id = %id, len_bytes, duration_ms, "original stored");
                FailPoint::OriginalStored.reached(self.id);
            }
            Err(Error::PartsDiffer(_)) => return Err(self.cut_back().await?),
            // It was completed, and the original is swept already.
            Err(Error::Missing(_)) if self.store.has_arrived(self.id).await? => {}
            Err(Error::Missing(_)) => return Err(self.without_multipart().await?),
            Err(error) => return Err(error.into()),
        }
        let status = self.store.status(self.id).await?;
        if !status.is_some_and(|status| status.value.status.is_terminal()) {
            let queued = self.store.enqueue(self.id, &self.info().filename).await;
            queued.map_err(|error| match error {
                Error::Deleted(_) => ResumeError::Gone,
                error => error.into(),
            })?;
            self.was_queued = true;
        }
        let next = self.info().in_state(UploadState::Complete);
        match self.swap(next.clone()).await {
            // Another completed it just as well, or came too late to end it.
            Err(ResumeError::TakenOver | ResumeError::Gone) => self.held.info = next,
            swapped => swapped?,
        }
        FailPoint::UploadCompleted.reached(self.id);
        Ok(())
    }

    async fn swap(&mut self, next: UploadInfo) -> Result<(), ResumeError> {
        match self
            .store
            .swap_upload_info(self.id, &self.held, next)
            .await?
        {
            Some(held) => {
                self.held = held;
                Ok(())
            }
            None => Err(self.overtaken().await?),
        }
    }
}
