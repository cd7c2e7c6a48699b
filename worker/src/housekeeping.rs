//! Repair and sweep, now and then. Every worker does both: they are conditional, and harmless twice.

use std::sync::Arc;
use std::time::Duration;

use store::{Store, parse_duration};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

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

/// Runs until it is dropped; the first round of each at once. Nudges where a job is found.
pub(crate) async fn run(store: Store, often: HousekeepingArgs, nudge: Arc<Notify>) {
    let mut repair = interval(often.repair_interval);
    let mut sweep = interval(often.sweep_interval);
    repair.set_missed_tick_behavior(MissedTickBehavior::Delay);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = repair.tick() => match store.repair().await {
                Ok(0) => {}
                Ok(_) => nudge.notify_one(),
                Err(error) => tracing::warn!(%error, "repair put off"),
            },
            _ = sweep.tick() => match store.sweep().await {
                Ok(swept) if swept == store::Swept::default() => {}
                Ok(swept) => tracing::info!(
                    originals = swept.originals,
                    take_objects = swept.take_objects,
                    uploads = swept.uploads,
                    deleted_videos_objects = swept.deleted_videos_objects,
                    self_test_objects = swept.self_test_objects,
                    "swept"
                ),
                Err(error) => tracing::warn!(%error, "sweep put off"),
            },
        }
    }
}
