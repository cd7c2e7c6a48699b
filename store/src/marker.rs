//! The job marker `queue/<id>`: its existence means work to do, its ETag is the claim.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::conditional::{Condition, Swap};
use crate::id::random_hex;
use crate::keys::Object;
use crate::{Error, Store, Take, VideoId};

/// Whoever settles a marker deletes it next; only where that takes so long another does.
const SETTLED_WAIT_MS: u64 = 5_000;
/// Storage that is away for so long is looked for so often.
const OUTAGE_WAIT_MAX: Duration = Duration::from_secs(5 * 60);
/// A job is given up after a day of that.
pub(crate) const OUTAGES_MAX: u32 = 288;

/// Who may work on the job, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Hold {
    /// Anyone, at once. Goes to `Claimed`.
    Free,
    /// The owner, until the marker is older than its lease; each renewal makes it young again. Goes to
    /// `Free` (released), `Waiting` (failed), `Settled`, or `Claimed` by another (taken over).
    Claimed {
        owner: String,
        take: Take,
        lease_ms: u64,
    },
    /// Anyone, once the marker is so old: the last attempt failed. Goes to `Claimed`.
    Waiting { retry_after_ms: u64 },
    /// Nobody: the status is final, and only the marker's deletion is missing, which others see to after a while.
    Settled,
}

/// The content of a marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    #[serde(flatten)]
    pub(crate) hold: Hold,
    /// Attempts that ended in a failure.
    pub(crate) failures: u32,
    /// Times that an owner went silent.
    pub(crate) takeovers: u32,
    /// Times that storage did not answer for too long.
    #[serde(default)]
    pub(crate) outages: u32,
    /// It is to run alone: what else its worker did may be why it failed.
    #[serde(default)]
    pub(crate) alone: bool,
    /// Why the last attempt failed, for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    /// New in every write: tells our own write from another's when an answer is lost.
    nonce: String,
}

impl Marker {
    pub(crate) fn new() -> Self {
        Self {
            hold: Hold::Free,
            failures: 0,
            takeovers: 0,
            outages: 0,
            alone: false,
            last_error: None,
            nonce: random_hex(),
        }
    }

    /// Whether it may be claimed (a settled one: cleared away), given its age by S3's clock.
    pub(crate) fn is_claimable(&self, age: Duration) -> bool {
        let held = match self.hold {
            Hold::Free => 0,
            Hold::Settled => SETTLED_WAIT_MS,
            Hold::Claimed { lease_ms, .. } => lease_ms,
            Hold::Waiting { retry_after_ms } => retry_after_ms,
        };
        age >= Duration::from_millis(held)
    }

    pub(crate) fn claimed(&self, owner: &str, take: &Take, lease: Duration) -> Self {
        let taken_over = matches!(self.hold, Hold::Claimed { .. });
        let lease_ms = lease.as_millis() as u64;
        let hold = Hold::Claimed {
            owner: owner.to_owned(),
            take: take.clone(),
            lease_ms,
        };
        Self {
            takeovers: self.takeovers + u32::from(taken_over),
            ..self.with(hold)
        }
    }

    /// Given back by its owner, unharmed.
    pub(crate) fn released(&self) -> Self {
        self.with(Hold::Free)
    }

    /// Given back by its owner, to be tried alone.
    pub(crate) fn set_apart(&self, reason: &str) -> Self {
        Self {
            hold: Hold::Free,
            alone: true,
            ..self.noted(reason)
        }
    }

    /// Freed on behalf of an owner that is known to be dead: a takeover that need not wait for the lease.
    pub(crate) fn freed(&self) -> Self {
        Self {
            takeovers: self.takeovers + 1,
            ..self.with(Hold::Free)
        }
    }

    /// Waits `backoff` after the first failure and twice as long after each further one.
    pub(crate) fn failed(&self, reason: &str, backoff: Duration) -> Self {
        let wait = backoff * 2u32.saturating_pow(self.failures.min(6));
        Self {
            failures: self.failures + 1,
            ..self.waiting(reason, wait)
        }
    }

    /// Waits as after a failure, but up to [`OUTAGE_WAIT_MAX`], and counts none.
    pub(crate) fn postponed(&self, reason: &str, backoff: Duration) -> Self {
        let wait = backoff * 2u32.saturating_pow(self.outages.min(16));
        Self {
            outages: self.outages + 1,
            ..self.waiting(reason, wait.min(OUTAGE_WAIT_MAX))
        }
    }

    fn waiting(&self, reason: &str, wait: Duration) -> Self {
        let retry_after_ms = wait.as_millis() as u64;
        Self {
            hold: Hold::Waiting { retry_after_ms },
            ..self.noted(reason)
        }
    }

    /// The same with a word for the operator.
    pub(crate) fn noted(&self, reason: &str) -> Self {
        Self {
            last_error: Some(reason.to_owned()),
            ..self.renewed()
        }
    }

    /// How long the job waits after a failure; none in any other state.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        match self.hold {
            Hold::Waiting { retry_after_ms } => Some(retry_after_ms),
            _ => None,
        }
    }

    pub(crate) fn settled(&self) -> Self {
        self.with(Hold::Settled)
    }

    /// The same hold, written again: renews a lease.
    pub(crate) fn renewed(&self) -> Self {
        self.with(self.hold.clone())
    }

    fn with(&self, hold: Hold) -> Self {
        Self {
            hold,
            nonce: random_hex(),
            ..self.clone()
        }
    }

    pub(crate) fn is_claimed_with(&self, own: &Take) -> bool {
        matches!(&self.hold, Hold::Claimed { take, .. } if take == own)
    }

    pub(crate) fn to_json(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("a marker has only string keys")
            .into()
    }

    pub(crate) fn from_json(id: VideoId, json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json).map_err(|error| Error::Corrupt {
            key: Object::Marker(id).key(),
            reason: error.to_string(),
        })
    }
}

impl Store {
    /// Puts a fresh marker; one that is there already stays. Says whether there was none.
    pub(crate) async fn create_marker(&self, id: VideoId) -> Result<bool, Error> {
        let (object, body) = (Object::Marker(id), Marker::new().to_json());
        let swap = self.swap(&object, body, Condition::Absent).await?;
        Ok(matches!(swap, Swap::Won(_)))
    }

    /// Puts a fresh marker in the place of one that is there. For a job whose status was final: whoever still
    /// holds the marker has nothing left to do.
    pub(crate) async fn renew_marker(&self, id: VideoId) -> Result<(), Error> {
        let object = Object::Marker(id);
        while let Some(there) = self.read(&object).await? {
            let body = Marker::new().to_json();
            let swap = self.swap(&object, body, Condition::Is(&there.etag));
            if let Swap::Won(_) = swap.await? {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);
    const BACKOFF: Duration = Duration::from_secs(5);

    #[test]
    fn a_lease_keeps_others_out_until_it_lapses() {
        let claimed = Marker::new().claimed("a", &Take::new(), LEASE);
        assert!(Marker::new().is_claimable(Duration::ZERO));
        assert!(!claimed.is_claimable(LEASE - Duration::from_secs(1)));
        assert!(claimed.is_claimable(LEASE));
        let taken_over = claimed.claimed("b", &Take::new(), LEASE);
        assert_eq!(
            (claimed.takeovers, taken_over.takeovers, taken_over.failures),
            (0, 1, 0)
        );
    }

    #[test]
    fn a_release_counts_as_nothing_and_a_failure_waits_longer_each_time() {
        let claimed = Marker::new().claimed("a", &Take::new(), LEASE);
        let again = claimed.released().claimed("b", &Take::new(), LEASE);
        assert_eq!((again.failures, again.takeovers), (0, 0));
        let once = again.failed("S3 went away", BACKOFF);
        assert_eq!(once.failures, 1);
        assert!(
            !once.is_claimable(Duration::from_secs(4)) && once.is_claimable(Duration::from_secs(5))
        );
        let twice = once
            .claimed("c", &Take::new(), LEASE)
            .failed("again", BACKOFF);
        assert!(
            !twice.is_claimable(Duration::from_secs(9))
                && twice.is_claimable(Duration::from_secs(10))
        );
        assert_eq!((twice.failures, twice.takeovers), (2, 0));
    }

    #[test]
    fn an_outage_is_waited_out_and_is_no_failure() {
        let mut marker = Marker::new().claimed("a", &Take::new(), LEASE);
        let mut waits_ms = Vec::new();
        for _ in 0..9 {
            marker = marker.postponed("the disk is full", BACKOFF);
            waits_ms.extend(marker.retry_after_ms());
        }
        assert_eq!((marker.failures, marker.outages), (0, 9));
        assert_eq!(waits_ms[..3], [5_000, 10_000, 20_000]);
        assert_eq!(waits_ms[6..], [300_000; 3]);
    }

    #[test]
    fn markers_read_back_and_no_two_writes_are_equal() {
        let marker = Marker::new().claimed("a", &Take::new(), LEASE);
        assert_eq!(
            Marker::from_json(VideoId::new(), &marker.to_json()).unwrap(),
            marker
        );
        assert_ne!(marker.renewed(), marker);
        assert!(Marker::from_json(VideoId::new(), b"{}").is_err());
    }
}
