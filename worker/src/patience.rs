//! Going on with the last writes of a job while S3 does not answer.

use std::time::Duration;

use store::Error;
use tokio_util::sync::CancellationToken;

const COMMIT_BACKOFF: Duration = Duration::from_millis(500);
const COMMIT_BACKOFF_CEILING: Duration = Duration::from_secs(8);

/// How long to go on trying: until the claim is lost or the worker stops.
pub(crate) struct Patience {
    ending: CancellationToken,
    backoff: Duration,
}

impl Patience {
    pub(crate) fn new(ending: &CancellationToken) -> Self {
        Self {
            ending: ending.clone(),
            backoff: COMMIT_BACKOFF,
        }
    }

    /// Waits before the next try; gives the error back where there should be none.
    pub(crate) async fn after(&mut self, error: Error) -> Result<(), Error> {
        if !error.is_transient() || self.ending.is_cancelled() {
            return Err(error);
        }
        tracing::warn!(%error, "trying again");
        tokio::select! {
            () = self.ending.cancelled() => {}
            () = tokio::time::sleep(self.backoff) => self.backoff = (self.backoff * 2).min(COMMIT_BACKOFF_CEILING),
        }
        Ok(())
    }
}
