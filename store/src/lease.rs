//! Holding a claim: the marker is renewed by a task of its own, and whoever works on the job learns at once
//! when it is lost.
//!
//! The holder's clock is used for one thing only: to stop early. With no successful renewal for two
//! thirds of the lease it counts as lost, so that a worker stops before another one may begin.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::conditional::{Condition, ETag, Swap};
use crate::keys::Object;
use crate::marker::{Hold, Marker};
use crate::metrics::LEASE_LOSSES;
use crate::{Error, Store, Take, VideoId};

/// A claim held by renewal. Dropped, it is no longer renewed and lapses.
#[derive(Debug)]
pub(crate) struct Lease {
    store: Store,
    id: VideoId,
    take: Take,
    held: Arc<Mutex<Held>>,
    loss: Arc<Loss>,
    renewal: AbortHandle,
}

/// The marker as last written by us.
#[derive(Debug, Clone)]
struct Held {
    marker: Marker,
    etag: ETag,
    /// From then on another may have it.
    until: Instant,
}

impl Lease {
    /// Renews from now on. `claimed_at` is when the winning request was sent.
    pub(crate) fn hold(
        store: &Store,
        id: VideoId,
        take: Take,
        marker: Marker,
        etag: ETag,
        claimed_at: Instant,
    ) -> Self {
        let held = Arc::new(Mutex::new(Held {
            marker,
            etag,
            until: claimed_at + store.settings().lease * 2 / 3,
        }));
        let loss = Arc::new(Loss {
            id,
            take: take.clone(),
            claimed_at,
            is_noted: AtomicBool::new(false),
            token: CancellationToken::new(),
        });
        let renewal = Renewal {
            store: store.clone(),
            id,
            take: take.clone(),
            held: Arc::clone(&held),
            loss: Arc::clone(&loss),
        };
        let renewal = tokio::spawn(renewal.run()).abort_handle();
        Self {
            store: store.clone(),
            id,
            take,
            held,
            loss,
            renewal,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn id(&self) -> VideoId {
        self.id
    }

    pub(crate) fn take(&self) -> &Take {
        &self.take
    }

    /// Cancelled when the claim is lost.
    pub(crate) fn lost(&self) -> &CancellationToken {
        &self.loss.token
    }

    /// Another's write says that it is lost.
    pub(crate) fn lose(&self, reason: &str) {
        self.loss.note(reason);
    }

    /// Whether the claim still stands, as S3 has it.
    pub(crate) async fn is_ours(&self) -> Result<bool, Error> {
        let Some(there) = self.store.read(&Object::Marker(self.id)).await? else {
            return Ok(false);
        };
        Ok(Marker::from_json(self.id, &there.body)?.is_claimed_with(&self.take))
    }

    pub(crate) fn marker(&self) -> Marker {
        lock(&self.held).marker.clone()
    }

    /// Ends the renewal and swaps the marker for `next`. [`Swap::Lost`] when the claim is not ours any
    /// more.
    pub(crate) async fn replace(&self, next: &Marker) -> Result<Swap, Error> {
        self.renewal.abort();
        let mut etag = lock(&self.held).etag.clone();
        let body = next.to_json();
        loop {
            let object = Object::Marker(self.id);
            if let Swap::Won(etag) = self
                .store
                .swap(&object, body.clone(), Condition::Is(&etag))
                .await?
            {
                return Ok(Swap::Won(etag));
            }
            // A renewal that was under way when it was ended may have been the last write.
            match self.store.read(&object).await? {
                Some(there)
                    if Marker::from_json(self.id, &there.body)?.is_claimed_with(&self.take) =>
                {
                    etag = there.etag;
                }
                // Our swap did take effect, and whoever saw it has cleared the marker away.
                None if next.hold == Hold::Settled => return Ok(Swap::Lost),
                there => {
                    self.lose(there.map_or("the marker is gone", |_| "taken over"));
                    return Ok(Swap::Lost);
                }
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// How a claim is lost: said once, by whoever notices first.
#[derive(Debug)]
struct Loss {
    id: VideoId,
    take: Take,
    claimed_at: Instant,
    is_noted: AtomicBool,
    token: CancellationToken,
}

impl Loss {
    fn note(&self, reason: &str) {
        if !self.is_noted.swap(true, Ordering::Relaxed) {
            LEASE_LOSSES.inc([]);
            let (video_id, take) = (self.id, &self.take);
            let duration_ms = self.claimed_at.elapsed().as_millis() as u64;
            tracing::warn!(%video_id, %take, duration_ms, reason, "claim lost");
        }
        self.token.cancel();
    }
}

struct Renewal {
    store: Store,
    id: VideoId,
    take: Take,
    held: Arc<Mutex<Held>>,
    loss: Arc<Loss>,
}

impl Renewal {
    /// Renews every third of the lease until it cannot, then says so.
    async fn run(self) {
        let lease = self.store.settings().lease;
        loop {
            sleep(lease / 3).await;
            // After a process was frozen the first thing it learns is that it is too late.
            let until = lock(&self.held).until;
            let Err(reason) = self.renew_until(until, lease).await else {
                continue;
            };
            self.loss.note(reason);
            return;
        }
    }

    /// One renewal, tried until the deadline.
    async fn renew_until(&self, deadline: Instant, lease: Duration) -> Result<(), &'static str> {
        while Instant::now() < deadline {
            let sent_at = Instant::now();
            let Held { marker, etag, .. } = lock(&self.held).clone();
            let next = marker.renewed();
            let object = Object::Marker(self.id);
            let swap = self
                .store
                .swap(&object, next.to_json(), Condition::Is(&etag));
            match timeout_at(deadline, swap).await {
                Ok(Ok(Swap::Won(etag))) => {
                    *lock(&self.held) = Held {
                        marker: next,
                        etag,
                        until: sent_at + lease * 2 / 3,
                    };
                    return Ok(());
                }
                // An earlier renewal of ours whose answer was lost, or another owner.
                Ok(Ok(Swap::Lost)) => match self.store.read(&object).await {
                    Ok(Some(there)) => match Marker::from_json(self.id, &there.body) {
                        Ok(marker) if marker.is_claimed_with(&self.take) => {
                            let mut held = lock(&self.held);
                            (held.marker, held.etag) = (marker, there.etag);
                        }
                        _ => return Err("taken over"),
                    },
                    Ok(None) => return Err("the marker is gone"),
                    Err(error) => self.note(&error),
                },
                Ok(Err(error)) => self.note(&error),
                Err(_) => break,
            }
            sleep(lease / 30).await;
        }
        Err("not renewed in time")
    }

    fn note(&self, error: &Error) {
        tracing::warn!(video_id = %self.id, take = %self.take, %error, "renewal failed, trying again");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
