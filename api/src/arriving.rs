//! An original on its way into the raw bucket: what a request receives, a task of its own stores.
//!
//! The task alone owns the multipart upload, from its begin on, and aborts it when the channel closes before
//! the last part was sent. So whatever ends the request early (a broken form, the limit, hyper dropping it
//! because the client is gone) leaves nothing behind, and once the last part is sent, nothing the client does
//! keeps the job from the queue.
//!
//! Where a link is spent by it, the task does that before the first part, by one conditional write, and gives
//! the link back where the upload fails. A newer request with the link takes it from this one, which then
//! finds its multipart upload gone: so it may not matter whether this one still lives.
//!
//! Memory: three parts an upload, one filling, one waiting, one on its way to S3; and `MAX_UPLOADS` of them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use store::metrics::UploadEnd;
use store::{OriginalUpload, Store, UploadInfo, UploadState, VideoId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument, Span, info, warn};
use utoipa::ToSchema;

use crate::App;
use crate::error::ApiError;
use crate::metrics::UploadInFlight;

/// S3 takes no part smaller than 5 MiB but the last, and some stores want all others equal.
pub(crate) const PART_LEN_BYTES: usize = 8 << 20;
/// One filling, one waiting, one on its way.
const PARTS_IN_MEMORY: usize = 3;

/// The answer to an upload.
#[derive(Serialize, ToSchema)]
pub(crate) struct Uploaded {
    pub(crate) id: VideoId,
    /// Where the original lies in the raw bucket.
    pub(crate) key: String,
}

/// What the receiving side says to the task that stores.
enum Step {
    Part(Bytes),
    /// The rest of the file: store it, complete the upload, queue the job.
    Last(Bytes),
}

/// The storing side's ends.
struct Received {
    steps: mpsc::Receiver<Step>,
    /// Where the buffer of a stored part goes.
    spare: mpsc::Sender<BytesMut>,
}

/// An original on its way into the raw bucket.
pub(crate) struct Original {
    filling: BytesMut,
    /// Buffers of parts that are stored: freed and allocated anew by other threads, they would pile up in
    /// the allocator.
    spares: mpsc::Receiver<BytesMut>,
    steps: mpsc::Sender<Step>,
    /// `None` once it was seen to end.
    storing: Option<JoinHandle<Result<Uploaded, ApiError>>>,
}

impl Original {
    pub(crate) fn begin(
        app: &App,
        id: VideoId,
        name: String,
        spending: Option<UploadInfo>,
        in_flight: &Arc<UploadInFlight>,
    ) -> Result<Self, ApiError> {
        let slots = Arc::clone(&app.upload_slots);
        let slot = slots.try_acquire_owned().map_err(|_| ApiError::Busy)?;
        let (steps, received) = mpsc::channel(1);
        let (spare, spares) = mpsc::channel(PARTS_IN_MEMORY);
        let received = Received {
            steps: received,
            spare,
        };
        let task = store_file(app.store.clone(), id, name, spending, received);
        let (queued, in_flight) = (app.queued(), Arc::clone(in_flight));
        let task = async move {
            let _slot = slot;
            let uploaded = task.await.inspect_err(|error| {
                // The client may be gone, and nobody else there to say so.
                if error.is_servers_fault() {
                    in_flight.ended(error);
                }
            })?;
            in_flight.ended(UploadEnd::Stored);
            queued.notify_one();
            Ok(uploaded)
        };
        Ok(Self {
            filling: BytesMut::new(),
            spares,
            steps,
            storing: Some(tokio::spawn(task.instrument(Span::current()))),
        })
    }

    /// Takes the file's next bytes; waits where S3 is slower than the client.
    pub(crate) async fn append(&mut self, mut bytes: &[u8]) -> Result<(), ApiError> {
        while !bytes.is_empty() {
            if self.filling.capacity() == 0 {
                let spare = self.spares.try_recv().ok();
                self.filling = spare.unwrap_or_else(|| BytesMut::with_capacity(PART_LEN_BYTES));
            }
            let room = PART_LEN_BYTES - self.filling.len();
            let (fits, rest) = bytes.split_at(room.min(bytes.len()));
            self.filling.extend_from_slice(fits);
            bytes = rest;
            // A full part waits for one more byte, so that the last part is never empty
            // unless the file is.
            if !bytes.is_empty() {
                let part = std::mem::take(&mut self.filling).freeze();
                self.send(Step::Part(part)).await?;
            }
        }
        Ok(())
    }

    /// Completes the upload and queues the job.
    pub(crate) async fn finish(mut self) -> Result<Uploaded, ApiError> {
        let last = std::mem::take(&mut self.filling).freeze();
        self.send(Step::Last(last)).await?;
        self.outcome().await
    }

    /// Takes back what was stored, and returns when it is gone.
    pub(crate) async fn abandon(self) {
        drop(self.steps);
        if let Some(storing) = self.storing {
            // The task has nothing to say that the client or the log did not hear.
            let _ = storing.await;
        }
    }

    async fn send(&mut self, step: Step) -> Result<(), ApiError> {
        if self.steps.send(step).await.is_ok() {
            return Ok(());
        }
        // The task stops before it is told to only where S3 failed.
        match self.outcome().await {
            Err(error) => Err(error),
            Ok(_) => Err(ended_early()),
        }
    }

    /// How the storing task ended; it has that to say once.
    async fn outcome(&mut self) -> Result<Uploaded, ApiError> {
        match self.storing.take() {
            Some(storing) => storing
                .await
                .unwrap_or_else(|panic| Err(ApiError::Internal(panic.into()))),
            None => Err(ended_early()),
        }
    }
}

fn ended_early() -> ApiError {
    ApiError::Internal("the upload ended early".into())
}

/// Stores the file; spends the link that it comes by, if one does.
async fn store_file(
    store: Store,
    id: VideoId,
    name: String,
    spending: Option<UploadInfo>,
    received: Received,
) -> Result<Uploaded, ApiError> {
    let Some(info) = spending else {
        let upload = store.begin_original(id, &name).await?;
        return store_steps(&store, id, &name, upload, received).await;
    };
    let begun = store.begin_form(id, info).await?;
    let (upload, spent) = begun.ok_or(ApiError::LinkSpent)?;
    let stored = store_steps(&store, id, &name, upload, received).await;
    let settled = match stored {
        Ok(_) => {
            let complete = spent.info.in_state(UploadState::Complete);
            let swapped = store.swap_upload_info(id, &spent, complete).await;
            swapped.map(drop)
        }
        // Whoever has written the info since, as the sweep or a newer request does, decides what becomes of it.
        Err(_) => store.give_up_upload(id, &spent).await.map(drop),
    };
    if let Err(error) = settled {
        warn!(video_id = %id, %error, "the info of an upload was left as it is; the sweep will find it");
    }
    stored
}

/// Stores part after part. A channel that closes before the last one means: take it all back.
async fn store_steps(
    store: &Store,
    id: VideoId,
    name: &str,
    mut upload: OriginalUpload,
    mut received: Received,
) -> Result<Uploaded, ApiError> {
    let started_at = Instant::now();
    let mut len_bytes = 0;
    let stored = loop {
        let (bytes, last) = match received.steps.recv().await {
            Some(Step::Part(bytes)) => (bytes, false),
            Some(Step::Last(bytes)) => (bytes, true),
            None => break Err(ApiError::BrokenForm),
        };
        len_bytes += bytes.len() as u64;
        match upload.part(bytes.clone()).await {
            Ok(()) if last => break upload.complete().await.map_err(ApiError::of_upload),
            Ok(()) => {
                if let Ok(mut buffer) = bytes.try_into_mut() {
                    buffer.clear();
                    // Nobody may be there to fill it again.
                    let _ = received.spare.try_send(buffer);
                }
            }
            Err(error) => break Err(ApiError::of_upload(error)),
        }
    };
    let key = match stored {
        Ok(key) => key,
        Err(error) => {
            if let Err(error) = upload.abort().await {
                warn!(video_id = %id, %error, "an unfinished upload could not be aborted; the sweep will find it");
            }
            return Err(error);
        }
    };
    let duration_ms = started_at.elapsed().as_millis() as u64;
    info!(video_id = %id, len_bytes, duration_ms, "original stored");
    store.enqueue(id, name).await.map_err(ApiError::of_upload)?;
    Ok(Uploaded { id, key })
}
