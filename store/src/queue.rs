//! The queue: markers in the raw bucket, claimed by compare-and-swap.
//!
//! Claim → work → exactly one of [`Claim::finish`], [`Claim::fail`], [`Claim::release`]. A claim that ends
//! otherwise (its process died) lapses with its lease and is taken over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::Instant;

pub use crate::claim::Claim;
use crate::conditional::{Condition, ETag, Swap};
use crate::keys::{self, Object};
use crate::lease::Lease;
use crate::marker::{Hold, Marker};
use crate::metrics::TAKEOVERS;
use crate::status_writer::{Found, StatusWriter};
use crate::{Error, FailPoint, Store, Take, VideoId};

/// The queue as one owner sees it.
#[derive(Debug)]
pub struct Queue {
    store: Store,
    owner: String,
    /// Markers read before, by version: what LIST shows unchanged need not be read again.
    known: Mutex<HashMap<VideoId, (ETag, Marker)>>,
}

/// A marker that may be claimed.
struct Candidate {
    id: VideoId,
    etag: ETag,
    marker: Marker,
}

impl Queue {
    /// The queue for `owner`: a name that tells this worker from all others.
    #[must_use]
    pub fn new(store: Store, owner: impl Into<String>) -> Self {
        Self {
            store,
            owner: owner.into(),
            known: Mutex::default(),
        }
    }

    /// Claims one job, if there is one to be had: at random among the oldest `2 × free_slots`, so that
    /// workers seldom run for the same one. The status already names the claim's take: former owners are
    /// fenced.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn claim(&self, free_slots: usize) -> Result<Option<(Claim, StatusWriter)>, Error> {
        let mut candidates = self.candidates(2 * free_slots.max(1)).await?;
        while !candidates.is_empty() {
            let at = usize::from_ne_bytes(crate::id::random_bytes()) % candidates.len();
            let candidate = candidates.swap_remove(at);
            if let Some(claimed) = self.claim_candidate(candidate).await? {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    /// Frees what this owner had claimed before it was started anew, without waiting for leases; each
    /// counts as a takeover. Only for an owner that is known to run once, such as the holder of a lock.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn free_former_claims(&self) -> Result<usize, Error> {
        let mut freed = 0;
        for (id, _, _) in self.list().await? {
            let object = Object::Marker(id);
            let Some(there) = self.store.read(&object).await? else {
                continue;
            };
            let marker = match Marker::from_json(id, &there.body) {
                Ok(marker) => marker,
                Err(error) => {
                    tracing::error!(video_id = %id, %error, "marker passed over");
                    continue;
                }
            };
            if matches!(&marker.hold, Hold::Claimed { owner, .. } if *owner == self.owner) {
                let next = marker.freed().to_json();
                let swap = self
                    .store
                    .swap(&object, next, Condition::Is(&there.etag))
                    .await?;
                if let Swap::Won(_) = swap {
                    TAKEOVERS.inc([]);
                    tracing::warn!(video_id = %id, "freed from a former claim");
                    freed += 1;
                }
            }
        }
        Ok(freed)
    }

    /// The first page of markers, oldest first (ids sort by time), with version and age.
    async fn list(&self) -> Result<Vec<(VideoId, ETag, Duration)>, Error> {
        let mut pages = self
            .store
            .pages(&self.store.settings().raw_bucket, keys::prefix::QUEUE);
        let page = pages.next().await?.unwrap_or_default();
        let markers = page.into_iter().filter_map(|listed| {
            let id = keys::video_of(&listed.key)?;
            Some((id, listed.etag, listed.age))
        });
        Ok(markers.collect())
    }

    /// The oldest markers that may be claimed, `wanted` at most. One that another worker is seen to hold
    /// is passed over, so those in work never hide the ones behind them.
    async fn candidates(&self, wanted: usize) -> Result<Vec<Candidate>, Error> {
        let mut listed = self.list().await?.into_iter();
        let before = std::mem::take(&mut *self.known());
        let (mut candidates, mut after) = (Vec::new(), HashMap::new());
        while candidates.len() < wanted {
            let next = listed.by_ref().take(wanted - candidates.len());
            let read = next.map(|listed| self.read_listed(listed, &before));
            let read: Vec<_> = try_join_all(read).await?;
            if read.is_empty() {
                break;
            }
            for (candidate, age) in read.into_iter().flatten() {
                let Candidate { id, etag, marker } = &candidate;
                after.insert(*id, (etag.clone(), marker.clone()));
                if marker.is_claimable(age) {
                    candidates.push(candidate);
                }
            }
        }
        *self.known() = after;
        Ok(candidates)
    }

    /// A listed marker with its age; none where it is gone or spoilt.
    async fn read_listed(
        &self,
        (id, etag, age): (VideoId, ETag, Duration),
        before: &HashMap<VideoId, (ETag, Marker)>,
    ) -> Result<Option<(Candidate, Duration)>, Error> {
        if let Some((known_etag, marker)) = before.get(&id)
            && *known_etag == etag
        {
            let marker = marker.clone();
            return Ok(Some((Candidate { id, etag, marker }, age)));
        }
        let Some(there) = self.store.read(&Object::Marker(id)).await? else {
            return Ok(None);
        };
        match Marker::from_json(id, &there.body) {
            Ok(marker) => {
                let etag = there.etag;
                Ok(Some((Candidate { id, etag, marker }, there.age)))
            }
            // It stands for work to do all the same.
            Err(error) => {
                tracing::error!(video_id = %id, %error, "marker written anew");
                let marker = Marker::new();
                let condition = Condition::Is(&there.etag);
                let body = marker.to_json();
                match self
                    .store
                    .swap(&Object::Marker(id), body, condition)
                    .await?
                {
                    Swap::Won(etag) => Ok(Some((Candidate { id, etag, marker }, Duration::ZERO))),
                    Swap::Lost => Ok(None),
                }
            }
        }
    }

    /// Tries for one marker; none if another won it, or if there was nothing left to do but to clear it
    /// away.
    async fn claim_candidate(
        &self,
        Candidate { id, etag, marker }: Candidate,
    ) -> Result<Option<(Claim, StatusWriter)>, Error> {
        let object = Object::Marker(id);
        if marker.hold == Hold::Settled {
            // Deletes have no condition, and since it was read the key may have come to hold a new job.
            let body = marker.renewed().to_json();
            let swap = self.store.swap(&object, body, Condition::Is(&etag));
            if let Swap::Won(_) = swap.await? {
                self.store.delete(&object).await?;
                tracing::info!(video_id = %id, "marker cleared");
            }
            return Ok(None);
        }
        let take = Take::new();
        let store = self.store.counting_anew();
        let claimed = marker.claimed(&self.owner, &take, store.settings().lease);
        let (takeovers, failures) = (claimed.takeovers, claimed.failures);
        let claimed_at = Instant::now();
        let hold = async {
            let body = claimed.to_json();
            match store.swap(&object, body, Condition::Is(&etag)).await {
                Ok(Swap::Won(etag)) => {
                    FailPoint::MarkerWon.reached(id);
                    TAKEOVERS.add([], u64::from(takeovers - marker.takeovers));
                    Ok(Lease::hold(&store, id, take, claimed, etag, claimed_at))
                }
                Ok(Swap::Lost) => Err(None),
                Err(error) => Err(Some(error)),
            }
        };
        // The lease is held, and renewed, from the swap's answer on, however long the look takes; where the
        // swap is not won, nobody waits for the look.
        let look = async { Ok(Found::look(&store, id).await) };
        let (lease, found) = match tokio::try_join!(hold, look) {
            Ok(won) => won,
            Err(not_won) => return not_won.map_or(Ok(None), Err),
        };
        let claim = Claim {
            store,
            lease,
            claimed_at,
        };
        let status = match found {
            Ok(found) => claim.open_status(found).await,
            Err(error) => Err(error),
        };
        match status {
            Ok(Some(mut status)) if takeovers > self.store.settings().max_takeovers => {
                let dead = claim
                    .lease
                    .marker()
                    .noted("its workers went silent too often");
                claim.give_up(Some(&mut status), dead).await?;
                Ok(None)
            }
            Ok(Some(status)) => {
                FailPoint::TakeNamed.reached(id);
                tracing::info!(
                    video_id = %id,
                    take = %claim.take(),
                    duration_ms = claimed_at.elapsed().as_millis() as u64,
                    waited_ms = self.store.age_of(id).as_millis() as u64,
                    takeovers,
                    failures,
                    "claimed"
                );
                Ok(Some((claim, status)))
            }
            Ok(None) => {
                claim.clear().await?;
                Ok(None)
            }
            Err(error) if error.is_transient() || matches!(error, Error::Fenced(_)) => {
                claim.release().await?;
                Err(error)
            }
            // It must not be drawn again for ever, nor keep this worker from the other jobs.
            Err(error) => {
                claim.count_failure(None, &error.to_string()).await?;
                Ok(None)
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<VideoId, (ETag, Marker)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
