//! The requests of this process that append, so that one that is overtaken stops at once.
//!
//! Who may write, the swap of the upload's info decides. That alone would let a request whose connection
//! hangs half-open go on until its next part, or keep its slot until `UPLOAD_IDLE_TIMEOUT`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use store::{Append, ResumeError, VideoId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;

/// Who appends to what, in this process.
#[derive(Default)]
pub(crate) struct Writers(Mutex<HashMap<VideoId, Seat>>);

/// Locked while a request takes an upload over, so that the order of their swaps is the order here.
type Seat = Arc<tokio::sync::Mutex<Option<Seated>>>;

struct Seated {
    overtaken: CancellationToken,
    slot: Weak<OwnedSemaphorePermit>,
}

/// A request that appends, for as long as it does.
pub(super) struct Writer {
    /// Cancelled when a newer request has taken the upload over, or its client has ended it.
    pub(super) overtaken: CancellationToken,
    _slot: Arc<OwnedSemaphorePermit>,
    _hold: Hold,
}

impl Writers {
    /// Takes an upload over: `open` does it in S3. Where no slot is free, it gets that of whom it overtakes.
    pub(super) async fn take_over(
        self: &Arc<Self>,
        id: VideoId,
        slots: &Arc<Semaphore>,
        open: impl Future<Output = Result<Append, ResumeError>>,
    ) -> Result<(Append, Writer), ApiError> {
        let hold = self.hold(id);
        let mut seated = hold.lock().await;
        let slot = match Arc::clone(slots).try_acquire_owned() {
            Ok(slot) => Arc::new(slot),
            Err(_) => seated
                .as_ref()
                .and_then(|former| former.slot.upgrade())
                .ok_or(ApiError::Busy)?,
        };
        let append = open.await?;
        let overtaken = CancellationToken::new();
        let former = seated.replace(Seated {
            overtaken: overtaken.clone(),
            slot: Arc::downgrade(&slot),
        });
        if let Some(former) = former {
            former.overtaken.cancel();
        }
        drop(seated);
        let writer = Writer {
            overtaken,
            _slot: slot,
            _hold: hold,
        };
        Ok((append, writer))
    }

    /// Stops who appends to an upload that is no more.
    pub(super) async fn stop(self: &Arc<Self>, id: VideoId) {
        let hold = self.hold(id);
        if let Some(former) = hold.lock().await.take() {
            former.overtaken.cancel();
        }
    }

    fn hold(self: &Arc<Self>, id: VideoId) -> Hold {
        Hold {
            seat: Some(Arc::clone(self.lock().entry(id).or_default())),
            id,
            writers: Arc::clone(self),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a seat in the map for as long as anybody has to do with it.
struct Hold {
    /// None as it is dropped.
    seat: Option<Seat>,
    id: VideoId,
    writers: Arc<Writers>,
}

impl Hold {
    async fn lock(&self) -> tokio::sync::MutexGuard<'_, Option<Seated>> {
        let seat = self.seat.as_ref().expect("it is there until the drop");
        seat.lock().await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut seats = self.writers.lock();
        // The map's and this one: they come and go under the map's lock only.
        if let Some(seat) = self.seat.take()
            && Arc::strong_count(&seat) == 2
        {
            seats.remove(&self.id);
        }
    }
}
