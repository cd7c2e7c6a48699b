//! Repair and sweep, now and then. Every worker does both: they are conditional, and harmless twice.

use std::sync::Arc;
use std::time::Duration;

use store::Store;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// An upload whose API died before it was queued waits at most so long.
const REPAIR_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// A sweep lists all of the video bucket, which costs: seldom.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Runs until it is dropped; the first round of each at once. Nudges where a job is found.
pub(crate) async fn run(store: Store, nudge: Arc<Notify>) {
    let (mut repair, mut sweep) = (interval(REPAIR_INTERVAL), interval(SWEEP_INTERVAL));
    repair.set_missed_tick_behavior(MissedTickBehavior::Delay);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = repair.tick() => match store.repair().await {
                Ok(0) => {}
                Ok(videos) => {
                    tracing::info!(videos, "queued what had been forgotten");
                    nudge.notify_one();
                }
                Err(error) => tracing::warn!(%error, "repair put off"),
            },
            _ = sweep.tick() => match store.sweep().await {
                Ok(swept) if swept == store::Swept::default() => {}
                Ok(swept) => tracing::info!(
                    originals = swept.originals,
                    take_objects = swept.take_objects,
                    uploads = swept.uploads,
                    "swept"
                ),
                Err(error) => tracing::warn!(%error, "sweep put off"),
            },
        }
    }
}
