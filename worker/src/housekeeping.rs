//! Repair and sweep, now and then. Every worker does both: they are conditional, and harmless twice.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use store::{Error, Store, Swept, panic_words, parse_duration_from_1s};
use tokio::sync::Notify;
use tokio::time::sleep;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct HousekeepingArgs {
    /// Look for uploads that never reached the queue so often
    #[arg(long, env = "REPAIR_INTERVAL", value_parser = parse_duration_from_1s, default_value = "5m")]
    pub repair_interval: Duration,
    /// Delete what nothing names so often; each time lists all of the buckets
    #[arg(long, env = "SWEEP_INTERVAL", value_parser = parse_duration_from_1s, default_value = "1h")]
    pub sweep_interval: Duration,
}

/// What S3 did not let end is begun again so soon, if that is sooner.
const AGAIN: Duration = Duration::from_secs(60);

/// Runs until it is dropped; the first round of each at once. Nudges where a job is found.
pub(crate) async fn run(store: Store, often: HousekeepingArgs, nudge: Arc<Notify>) {
    // Side by side: a sweep of many videos takes its time, and a forgotten upload should not wait for it.
    tokio::join!(
        repair(&store, often.repair_interval, &nudge),
        sweep(&store, often.sweep_interval)
    );
}

async fn repair(store: &Store, often: Duration, nudge: &Notify) {
    loop {
        let repaired = guarded("repair", store.repair()).await;
        if repaired.is_some_and(|videos| videos > 0) {
            nudge.notify_one();
        }
        sleep(until_next(repaired.is_some(), often)).await;
    }
}

async fn sweep(store: &Store, often: Duration) {
    loop {
        let swept = guarded("sweep", store.sweep()).await;
        if let Some(swept) = swept.filter(|swept| *swept != Swept::default()) {
            tracing::info!(
                originals = swept.originals,
                take_objects = swept.take_objects,
                uploads = swept.uploads,
                upload_infos = swept.upload_infos,
                upload_tails = swept.upload_tails,
                deleted_videos_objects = swept.deleted_videos_objects,
                dead_records = swept.dead_records,
                events = swept.events,
                self_test_objects = swept.self_test_objects,
                "swept"
            );
        }
        sleep(until_next(swept.is_some(), often)).await;
    }
}

/// One round; none where it broke off. A panic must not end all rounds after it.
pub(crate) async fn guarded<T>(
    what: &str,
    round: impl Future<Output = Result<T, Error>>,
) -> Option<T> {
    match AssertUnwindSafe(round).catch_unwind().await {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(error)) => tracing::warn!(%error, "{what} broken off, to be begun again"),
        Err(panic) => {
            let error = panic_words(&*panic);
            tracing::error!(error, "{what} broken off, to be begun again");
        }
    }
    None
}

fn until_next(done: bool, often: Duration) -> Duration {
    match done {
        true => often,
        false => often.min(AGAIN),
    }
}
