//! Repair and sweep, now and then. Every worker does both: they are conditional, and harmless twice.

use std::sync::Arc;
use std::time::Duration;

use store::{Error, Store, Swept, parse_duration};
use tokio::sync::Notify;
use tokio::time::sleep;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct HousekeepingArgs {
    /// Look for uploads that never reached the queue so often
    #[arg(long, env = "REPAIR_INTERVAL", value_parser = parse_interval, default_value = "5m")]
    pub repair_interval: Duration,
    /// Delete what nothing names so often; each time lists all of the buckets
    #[arg(long, env = "SWEEP_INTERVAL", value_parser = parse_interval, default_value = "1h")]
    pub sweep_interval: Duration,
}

/// Both cost requests.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        interval if interval < MIN_INTERVAL => Err("write 1s or more".into()),
        interval => Ok(interval),
    }
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
        let wait = match store.repair().await {
            Ok(videos) => {
                if videos > 0 {
                    nudge.notify_one();
                }
                often
            }
            Err(error) => broken_off("repair", &error, often),
        };
        sleep(wait).await;
    }
}

async fn sweep(store: &Store, often: Duration) {
    loop {
        let wait = match store.sweep().await {
            Ok(swept) => {
                if swept != Swept::default() {
                    tracing::info!(
                        originals = swept.originals,
                        take_objects = swept.take_objects,
                        uploads = swept.uploads,
                        deleted_videos_objects = swept.deleted_videos_objects,
                        self_test_objects = swept.self_test_objects,
                        "swept"
                    );
                }
                often
            }
            Err(error) => broken_off("sweep", &error, often),
        };
        sleep(wait).await;
    }
}

/// How long to wait before the next round.
fn broken_off(what: &str, error: &Error, often: Duration) -> Duration {
    tracing::warn!(%error, "{what} broken off, to be begun again");
    often.min(AGAIN)
}
