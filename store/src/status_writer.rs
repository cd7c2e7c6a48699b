//! A worker's writes of `status.json`.
//!
//! Each is conditional on the writer's last ETag and comes from one serial task, so a worker that lost its
//! claim cannot change the status any more (it is *fenced*). `done` and `error` are left only by a re-queue
//! or a delete. The swap to `done` is the commit point: only then is a take named.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use crate::conditional::{Condition, ETag, Swap};
use crate::keys::Object;
use crate::lease::Lease;
use crate::outcome::Outcome;
use crate::status::{State, Status, StoredStatus, Versioned};
use crate::{Error, FailPoint, Store, VideoId};

/// Progress is written no more often than this: each write is a request that costs money.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// The right to write one video's status, held by one claim.
#[derive(Debug)]
pub struct StatusWriter {
    store: Store,
    status: Status,
    etag: ETag,
    progress_written: Instant,
}

/// What there is of a video that is to be claimed.
pub(crate) struct Found {
    status: Option<Versioned<Status>>,
    is_deleted: bool,
}

impl Found {
    pub(crate) async fn look(store: &Store, id: VideoId) -> Result<Self, Error> {
        let (status, is_deleted) = tokio::try_join!(store.status(id), store.is_deleted(id))?;
        Ok(Self { status, is_deleted })
    }

    /// Whether nothing is left to do: a former owner got as far as the final status, or the video is
    /// deleted.
    pub(crate) fn is_over(&self) -> bool {
        let is_final = |there: &Versioned<Status>| there.value.status.is_terminal();
        self.is_deleted || self.status.as_ref().is_some_and(is_final)
    }

    /// Whether a claim has named its take: a former one, or a later one.
    fn names_take(&self) -> bool {
        let takes = self.status.as_ref().map(|there| &there.value.take);
        takes.is_some_and(Option::is_some)
    }
}

impl StatusWriter {
    /// The first act after a claim: the status names the claim's take, which fences whoever wrote it before.
    /// None where nothing is left to do. `found` may be older than the claim: the swap finds that out.
    ///
    /// # Errors
    /// [`Error::Fenced`] where the claim was lost in the meantime: its heir must not be fenced.
    pub(crate) async fn open(lease: &Lease, mut found: Found) -> Result<Option<Self>, Error> {
        let (store, id, take) = (lease.store(), lease.id(), lease.take());
        while !found.is_over() {
            // After the look: what comes later, the swap finds out. S3 is asked, and no clock, since those of a
            // machine that was suspended stood still.
            if found.names_take() && !lease.is_ours().await? {
                return Err(Error::Fenced(id));
            }
            // A marker without a status: its writer died between the two, or repair was faster.
            let (current, condition) = match &found.status {
                Some(there) => (there.value.clone(), Some(ETag(there.etag.clone()))),
                None => (
                    Status::pending(id, &store.original_filename(id).await?),
                    None,
                ),
            };
            let status = Status {
                status: State::Processing,
                take: Some(take.clone()),
                progress: 0.0,
                updated_at: OffsetDateTime::now_utc(),
                ..current
            };
            let is_new = condition.is_none();
            let condition = condition.as_ref().map_or(Condition::Absent, Condition::Is);
            if let Swap::Won(etag) = store
                .swap(&Object::Status(id), status.to_json(), condition)
                .await?
            {
                // A tombstone that came in between did not see this status.
                if is_new && store.is_deleted(id).await? {
                    store.erase(id).await?;
                    return Ok(None);
                }
                let progress_written = Instant::now();
                return Ok(Some(Self {
                    store: store.clone(),
                    status,
                    etag,
                    progress_written,
                }));
            }
            // A former owner's last write came in between, or an heir's first: look at what it says.
            found = Found::look(store, id).await?;
        }
        Ok(None)
    }

    /// The status as last written.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Notes progress (0 to 1), at most every two seconds: what comes sooner is dropped.
    ///
    /// # Errors
    /// [`Error::Fenced`] when another claim owns the video; other errors can be passed over, as the next
    /// one will do.
    pub async fn progress(&mut self, fraction: f64) -> Result<(), Error> {
        if self.progress_written.elapsed() < PROGRESS_INTERVAL {
            return Ok(());
        }
        self.progress_written = Instant::now();
        let progress = fraction.clamp(0.0, 1.0);
        self.write(Status {
            progress,
            ..self.status.clone()
        })
        .await
    }

    /// The commit point: the video is done, and its renditions are those of this claim's take.
    ///
    /// # Errors
    /// [`Error::Fenced`] when another claim owns the video: then this take is garbage.
    pub async fn done(&mut self, outcome: Outcome) -> Result<(), Error> {
        let status = Status {
            status: State::Done,
            qualities: outcome
                .renditions
                .iter()
                .map(|rendition| rendition.name.clone())
                .collect(),
            progress: 1.0,
            duration_ms: Some(outcome.duration_ms),
            warnings: outcome.warnings,
            source: Some(outcome.source),
            renditions: outcome.renditions,
            poster: outcome.extras.poster,
            storyboard: outcome.extras.storyboard,
            subtitles: outcome.extras.subtitles,
            ..self.status.clone()
        };
        self.write(status).await?;
        FailPoint::Committed.reached(self.status.id);
        Ok(())
    }

    /// The video is given up; `sentence` tells the uploader why, with no URL, path or secret in it.
    ///
    /// # Errors
    /// [`Error::Fenced`] when another claim owns the video.
    pub async fn error(&mut self, sentence: &str) -> Result<(), Error> {
        let status = Status {
            status: State::Error,
            error: Some(sentence.to_owned()),
            ..self.status.clone()
        };
        self.write(status).await?;
        FailPoint::ErrorWritten.reached(self.status.id);
        Ok(())
    }

    async fn write(&mut self, status: Status) -> Result<(), Error> {
        if self.status.status.is_terminal() {
            return Err(Error::Fenced(self.status.id));
        }
        let status = Status {
            updated_at: OffsetDateTime::now_utc(),
            ..status
        };
        let has_event = status.status.is_terminal() && self.store.settings().webhooks;
        let body = StoredStatus::json(&status, has_event);
        let object = Object::Status(status.id);
        loop {
            let condition = Condition::Is(&self.etag);
            if let Swap::Won(etag) = self.store.swap(&object, body.clone(), condition).await? {
                (self.etag, self.status) = (etag, status);
                return Ok(());
            }
            // An earlier write of ours that was given up for lost may have arrived after all.
            let there = self
                .store
                .status(status.id)
                .await?
                .filter(|there| there.value.take == status.take);
            match there {
                Some(there) if !there.value.status.is_terminal() => self.etag = ETag(there.etag),
                Some(there) if there.value.status == status.status => {
                    (self.etag, self.status) = (ETag(there.etag), there.value);
                    return Ok(());
                }
                _ => return Err(Error::Fenced(status.id)),
            }
        }
    }
}
