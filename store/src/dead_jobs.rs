//! What was given up, for the operator to look at and to queue again.

use tokio::time::Instant;

use crate::keys::{self, Object};
use crate::marker::Marker;
use crate::{Error, State, Store, VideoId};

/// A job in `dead/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// The video.
    pub id: VideoId,
    /// The name the uploader gave; empty where the original is gone.
    pub filename: String,
    /// Attempts that failed.
    pub failures: u32,
    /// Times that a worker went silent over it.
    pub takeovers: u32,
    /// Why the last attempt ended.
    pub last_error: String,
}

/// What [`Store::requeue`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    /// The job is queued, with all its attempts before it.
    Anew,
    /// It is queued or worked on already, and was left to that.
    UnderWay,
}

impl Store {
    /// The videos of the jobs that used up their attempts, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn dead_job_ids(&self) -> Result<Vec<VideoId>, Error> {
        let raw = &self.settings().raw_bucket;
        let listed = self.list_all(raw, keys::prefix::DEAD).await?;
        let ids = listed.iter().map(|listed| keys::video_of(&listed.key));
        Ok(ids.flatten().collect())
    }

    /// The jobs that used up their attempts, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn dead_jobs(&self) -> Result<Vec<DeadJob>, Error> {
        let mut jobs = Vec::new();
        for id in self.dead_job_ids().await? {
            let Some(fetched) = self.read(&Object::Dead(id)).await? else {
                continue;
            };
            let marker = Marker::from_json(id, &fetched.body).ok();
            let (failures, takeovers, last_error) = match marker {
                Some(marker) => (marker.failures, marker.takeovers, marker.last_error),
                None => (0, 0, Some("its record cannot be read".to_owned())),
            };
            jobs.push(DeadJob {
                id,
                filename: self.original_filename(id).await?,
                failures,
                takeovers,
                last_error: last_error.unwrap_or_default(),
            });
        }
        Ok(jobs)
    }

    /// Queues a video anew that failed, with all its attempts before it.
    ///
    /// # Errors
    /// [`Error::Input`] for a video that is done; [`Error::Deleted`]; [`Error::Missing`] when its original is not there any more.
    pub async fn requeue(&self, id: VideoId) -> Result<Requeued, Error> {
        let started_at = Instant::now();
        let (original, record) = (Object::Original(id), Object::Dead(id));
        if self.is_deleted(id).await? {
            return Err(Error::Deleted(id));
        }
        if self.is_done(id).await? {
            // A re-queue that was broken off left it, or the job was given up and found its way back.
            self.delete(&record).await?;
            return Err(Error::Input(format!(
                "video {id} is done: only one that failed can be queued again"
            )));
        }
        if !self.exists(&original).await? {
            return Err(Error::Missing(original.key()));
        }
        let filename = self.original_filename(id).await?;
        let is_anew = match self.reset_failed_status(id, &filename).await? {
            State::Error => true,
            // With a record: a re-queue that was broken off, of which this is the rest.
            State::Pending => self.exists(&record).await?,
            State::Processing | State::Done => false,
        };
        if is_anew {
            self.renew_marker(id).await?;
        }
        self.put_in_queue(id, &filename).await?;
        if !is_anew {
            return Ok(Requeued::UnderWay);
        }
        let duration_ms = started_at.elapsed().as_millis() as u64;
        tracing::info!(video_id = %id, duration_ms, "requeued");
        self.delete(&record).await?;
        Ok(Requeued::Anew)
    }

    /// Deletes the records of jobs that are done after all, and says how many they were: whoever queued them
    /// again died before the record could go.
    pub(crate) async fn sweep_dead_jobs(&self) -> Result<usize, Error> {
        let mut swept = 0;
        for id in self.dead_job_ids().await? {
            if self.is_done(id).await? {
                self.delete(&Object::Dead(id)).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    async fn is_done(&self, id: VideoId) -> Result<bool, Error> {
        let there = self.readable_status(id).await?;
        Ok(there.is_some_and(|(status, _)| status.status == State::Done))
    }
}
