//! How much there is to do, for whoever watches: asked of S3 seldom, however often it is shown.

use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::keys::{self, prefix};
use crate::metrics::QUEUE_LIST_FAILURES;
use crate::{Error, Store, VideoId};

/// LISTs cost money.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Prometheus waits for 10 s by default: an answer without the backlog is better than none.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// Of 1,000 jobs each: more than that is the same news.
const PAGES_MAX: usize = 10;

/// The jobs that are not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that wait or are worked on.
    pub jobs: usize,
    /// How long ago the oldest marker was written, by S3's clock; zero where there is none. A job that is worked
    /// on has a young one, since its lease is renewed: this is how long a job has waited.
    pub oldest_age: Duration,
    /// Jobs that were given up.
    pub dead_jobs: usize,
}

/// Looks at the queue, at most once in ten seconds.
#[derive(Debug)]
pub struct BacklogWatch {
    store: Store,
    last: Mutex<Option<(Instant, Option<Backlog>)>>,
}

impl BacklogWatch {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            last: Mutex::default(),
        }
    }

    /// The backlog, not older than ten seconds; none where S3 does not tell within three.
    pub async fn look(&self) -> Option<Backlog> {
        // Who comes while another looks waits for what that one finds.
        let mut last = self.last.lock().await;
        if let Some((at, backlog)) = &*last
            && at.elapsed() < LOOK_INTERVAL
        {
            return *backlog;
        }
        let backlog = match timeout(LOOK_TIMEOUT, self.store.backlog()).await {
            Ok(Ok(backlog)) => Some(backlog),
            failed => {
                let error = failed.ok().and_then(Result::err);
                let reason = error.map_or_else(|| "no answer in time".into(), |e| e.to_string());
                tracing::debug!(reason, "the queue is not known");
                QUEUE_LIST_FAILURES.inc([]);
                None
            }
        };
        *last = Some((Instant::now(), backlog));
        backlog
    }
}

impl Store {
    async fn backlog(&self) -> Result<Backlog, Error> {
        let (queue, dead) = tokio::try_join!(self.count(prefix::QUEUE), self.count(prefix::DEAD))?;
        Ok(Backlog {
            jobs: queue.jobs,
            oldest_age: queue.oldest_age,
            dead_jobs: dead.jobs,
        })
    }

    /// How long ago the id was made, by S3's clock.
    pub(crate) fn age_of(&self, id: VideoId) -> Duration {
        let made_at = SystemTime::UNIX_EPOCH + Duration::from_millis(id.created_at_ms());
        self.now().duration_since(made_at).unwrap_or_default()
    }

    async fn count(&self, prefix: &str) -> Result<Counted, Error> {
        let mut counted = Counted::default();
        let mut pages = self.pages(&self.settings().raw_bucket, prefix);
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await? else {
                break;
            };
            for listed in page
                .iter()
                .filter(|listed| keys::video_of(&listed.key).is_some())
            {
                counted.oldest_age = counted.oldest_age.max(listed.age);
                counted.jobs += 1;
            }
        }
        Ok(counted)
    }
}

#[derive(Default)]
struct Counted {
    jobs: usize,
    oldest_age: Duration,
}
