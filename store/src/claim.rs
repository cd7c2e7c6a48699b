//! A job won: how it ends.

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::conditional::{Condition, Swap};
use crate::keys::Object;
use crate::lease::Lease;
use crate::marker::{Marker, OUTAGES_MAX};
use crate::metrics::{JOBS, JobEnd};
use crate::status_writer::{Found, StatusWriter};
use crate::{Error, FailPoint, Store, Take, VideoId};

/// What the uploader reads of a job that failed for reasons that are not the file's.
const GIVEN_UP: &str = "The video could not be processed because of a fault on the server. \
    The original is kept, and the operator can try again.";

/// The right to work on one job. It is renewed in the background until it is consumed, or lost.
#[derive(Debug)]
#[must_use = "a claim that is dropped lapses only with its lease"]
pub struct Claim {
    pub(crate) store: Store,
    pub(crate) lease: Lease,
    pub(crate) claimed_at: Instant,
}

impl Claim {
    /// The video to work on.
    #[must_use]
    pub fn id(&self) -> VideoId {
        self.lease.id()
    }

    /// Where this claim's output goes.
    #[must_use]
    pub fn take(&self) -> &Take {
        self.lease.take()
    }

    /// When the request that won it was sent.
    #[must_use]
    pub fn claimed_at(&self) -> Instant {
        self.claimed_at
    }

    /// The buckets, with a count of the requests that this job makes.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Cancelled when another may have taken over: the work must stop at once.
    #[must_use]
    pub fn lost(&self) -> &CancellationToken {
        self.lease.lost()
    }

    /// Whether the job must run alone in its worker, because a worker died over it before, or because it may
    /// have failed only for what ran beside it.
    #[must_use]
    pub fn must_run_alone(&self) -> bool {
        let marker = self.lease.marker();
        marker.takeovers > 0 || marker.alone
    }

    /// The status is final: where that is an event, it is stored to be delivered, then the marker goes. A claim
    /// lost in the meantime is no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; whoever claims the marker next then
    /// finds the final status and clears it away.
    pub async fn finish(self) -> Result<(), Error> {
        if self.store.settings().webhooks {
            self.store.store_event_of(self.id()).await?;
        }
        self.settle().await
    }

    /// The marker goes.
    async fn settle(self) -> Result<(), Error> {
        let settled = self.lease.marker().settled();
        let settled_at = Instant::now();
        if let Swap::Won(_) = self.lease.replace(&settled).await? {
            FailPoint::MarkerSettled.reached(self.id());
            // Deletes have no condition: the swap proves that the marker was ours, and nobody claims a settled
            // one. After a freeze it may have been cleared away, and the key may hold a new job.
            if settled_at.elapsed() >= self.store.settings().lease {
                return Ok(());
            }
            self.store.delete(&Object::Marker(self.id())).await?;
            FailPoint::MarkerDeleted.reached(self.id());
            let (video_id, take) = (self.id(), self.take());
            tracing::info!(%video_id, %take, duration_ms = self.duration_ms(), "marker cleared");
        }
        Ok(())
    }

    /// The status was final before this claim, whose owner died over the rest: the marker goes, and before it
    /// come the event, whatever webhooks this worker has, and, where the job was given up, the record in `dead/`.
    pub(crate) async fn clear(self) -> Result<(), Error> {
        let there = self.store.fetch_status(self.id()).await?;
        // It may be final by an heir's hand, or about to be left by a re-queue.
        if !self.lease.is_ours().await? {
            self.lease.lose("the marker is gone, or another's");
            return Ok(());
        }
        let Some((stored, _)) = there else {
            return self.settle().await;
        };
        self.store.store_event(&stored).await?;
        if stored.status.error.as_deref() == Some(GIVEN_UP) {
            let marker = self.lease.marker();
            let dead = match marker.last_error {
                Some(_) => marker,
                None => marker.noted("the worker that gave it up died before it could say why"),
            };
            let record = Object::Dead(self.id());
            // One that is there says more.
            let swap = self.store.swap(&record, dead.to_json(), Condition::Absent);
            swap.await?;
        }
        self.settle().await
    }

    /// The attempt failed, but another may succeed: the job goes back to wait, or is given up after too
    /// many failures. `reason` is for the operator.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the claim lapses then.
    pub async fn fail(self, status: &mut StatusWriter, reason: &str) -> Result<(), Error> {
        self.count_failure(Some(status), reason).await
    }

    /// As [`fail`](Self::fail); without a status to write where that cannot be read.
    pub(crate) async fn count_failure(
        self,
        status: Option<&mut StatusWriter>,
        reason: &str,
    ) -> Result<(), Error> {
        let settings = self.store.settings();
        let failed = self.lease.marker().failed(reason, settings.retry_backoff);
        if failed.failures >= settings.max_failures {
            return self.give_up(status, failed).await;
        }
        if self.end(&failed, JobEnd::Failed).await? {
            let (video_id, take) = (self.id(), self.take());
            tracing::warn!(
                %video_id,
                %take,
                duration_ms = self.duration_ms(),
                failures = failed.failures,
                retry_after_ms = failed.retry_after_ms(),
                reason,
                "attempt failed"
            );
        }
        Ok(())
    }

    /// Storage did not answer for too long, which says nothing about the video: the job waits, longer each time,
    /// and is given up only after a day of that. `reason` is for the operator.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the claim lapses then.
    pub async fn postpone(self, status: &mut StatusWriter, reason: &str) -> Result<(), Error> {
        let backoff = self.store.settings().retry_backoff;
        let postponed = self.lease.marker().postponed(reason, backoff);
        if postponed.outages >= OUTAGES_MAX {
            return self.give_up(Some(status), postponed).await;
        }
        if self.end(&postponed, JobEnd::Released).await? {
            let (video_id, take) = (self.id(), self.take());
            tracing::warn!(
                %video_id,
                %take,
                duration_ms = self.duration_ms(),
                outages = postponed.outages,
                retry_after_ms = postponed.retry_after_ms(),
                reason,
                "postponed"
            );
        }
        Ok(())
    }

    /// Gives the job back unharmed, for another worker to take at once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the claim lapses then.
    pub async fn release(self) -> Result<(), Error> {
        let released = self.lease.marker().released();
        if self.end(&released, JobEnd::Released).await? {
            let (video_id, take) = (self.id(), self.take());
            tracing::info!(%video_id, %take, duration_ms = self.duration_ms(), "released");
        }
        Ok(())
    }

    /// Gives the job back, for another worker to take at once and to run alone: what ran beside it may be why
    /// it failed, so that this counts as no failure. `reason` is for the operator.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the claim lapses then.
    pub async fn set_apart(self, reason: &str) -> Result<(), Error> {
        let set_apart = self.lease.marker().set_apart(reason);
        if self.end(&set_apart, JobEnd::Released).await? {
            let (video_id, take) = (self.id(), self.take());
            let duration_ms = self.duration_ms();
            tracing::warn!(%video_id, %take, duration_ms, reason, "released to run alone");
        }
        Ok(())
    }

    /// The status said that another has taken over, or that the video was deleted.
    pub fn lose(self) {
        self.lease.lose("fenced");
        JOBS.inc([JobEnd::Lost.as_str()]);
    }

    /// Swaps the marker, and counts how the work ended. False where the claim was lost.
    async fn end(&self, next: &Marker, end: JobEnd) -> Result<bool, Error> {
        let replaced = self.lease.replace(next).await;
        let is_ours = matches!(replaced, Ok(Swap::Won(_)));
        JOBS.inc([if is_ours { end } else { JobEnd::Lost }.as_str()]);
        replaced.map(|_| is_ours)
    }

    fn duration_ms(&self) -> u64 {
        self.claimed_at.elapsed().as_millis() as u64
    }

    /// Status `error` (where it can be written), then `dead/<id>`, then the marker goes.
    pub(crate) async fn give_up(
        self,
        status: Option<&mut StatusWriter>,
        dead: Marker,
    ) -> Result<(), Error> {
        let written = async {
            if let Some(status) = status {
                status.error(GIVEN_UP).await?;
            }
            let record = Object::Dead(self.id());
            self.store.write(&record, dead.to_json()).await
        };
        match written.await {
            Ok(()) => {}
            Err(Error::Fenced(_)) => {
                self.lose();
                return Ok(());
            }
            Err(error) => {
                JOBS.inc([JobEnd::Lost.as_str()]);
                return Err(error);
            }
        }
        FailPoint::DeadStored.reached(self.id());
        JOBS.inc([JobEnd::GivenUp.as_str()]);
        let (video_id, take) = (self.id(), self.take());
        tracing::error!(
            %video_id,
            %take,
            duration_ms = self.duration_ms(),
            failures = dead.failures,
            takeovers = dead.takeovers,
            reason = dead.last_error.as_deref(),
            "given up"
        );
        self.finish().await
    }

    /// The status to write; none where the video is final or deleted. `found` was read while the claim was
    /// being won: enough to begin, since the swap of the status proves it, but not to end.
    pub(crate) async fn open_status(
        &self,
        mut found: Found,
    ) -> Result<Option<StatusWriter>, Error> {
        if found.is_over() {
            found = Found::look(&self.store, self.id()).await?;
        }
        StatusWriter::open(&self.lease, found).await
    }
}
