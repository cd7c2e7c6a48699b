//! Telling a receiver of each video that is done or was given up: at least once, whoever dies.
//!
//! Any worker delivers any event: the records in S3 say what is left to do (`store::Deliveries`). It is a task of
//! its own, so that a receiver that hangs holds up no job.

mod config;
mod pace;
mod receiver;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use store::metrics::{Attempt, WEBHOOK_ATTEMPTS, WEBHOOK_EVENTS};
use store::{Deliveries, DueDelivery, Error};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

pub use config::{Hidden, WebhookArgs};
pub(crate) use receiver::Receiver;

use crate::housekeeping::guarded;
use pace::{Next, Pace, Round};

/// Requests to the receiver at once.
const AT_ONCE: usize = 8;

/// Delivers until it is dropped. `nudge` tells of jobs that ended.
pub(crate) async fn run(
    mut deliveries: Deliveries,
    receiver: Receiver,
    backoff: Duration,
    nudge: Arc<Notify>,
) {
    let mut pace = Pace::new(backoff);
    loop {
        let is_down = pace.is_down();
        let round = guarded("deliveries", round(&mut deliveries, &receiver, is_down)).await;
        match pace.next(round) {
            Next::GoOn => {}
            Next::Anew => deliveries.rewind(),
            Next::Sleep(wait) => sleep(wait).await,
            Next::Rest(wait) => tokio::select! {
                () = sleep(wait) => {}
                () = nudge.notified() => {
                    pace.job_ended();
                    deliveries.rewind();
                }
            },
        }
    }
}

/// What the receiver did in a round.
#[derive(Debug, Default)]
struct Tally {
    taken: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    /// The rest of the round need not be tried.
    fn says_down(&self) -> bool {
        self.taken() == 0 && self.failed() > 0
    }
}

/// One look, and an attempt for each event that is due; for one of them where the receiver is down.
async fn round(
    deliveries: &mut Deliveries,
    receiver: &Receiver,
    is_down: bool,
) -> Result<Round, Error> {
    let mut look = deliveries.look().await?;
    if is_down {
        // Each has its turn, whatever is wrong with the others.
        look.due.sort_by_key(DueDelivery::attempts);
        look.due.truncate(1);
    }
    let tally = Tally::default();
    let attempts = look
        .due
        .into_iter()
        .map(|due| attempt(due, receiver, &tally));
    let again: Vec<_> = stream::iter(attempts)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    if look.is_whole {
        WEBHOOK_EVENTS.set(look.pending.saturating_sub(tally.taken()));
    }
    let next_due_at = again.into_iter().chain([look.next_due_at]).flatten().min();
    Ok(Round {
        taken: tally.taken(),
        failed: tally.failed(),
        is_whole: look.is_whole,
        next_due: next_due_at.map(|at| at.saturating_duration_since(Instant::now())),
    })
}

/// One attempt; says when the next one is due.
async fn attempt(due: DueDelivery, receiver: &Receiver, tally: &Tally) -> Option<Instant> {
    if tally.says_down() {
        return None;
    }
    let delivery = match due.claim().await {
        Ok(Some(delivery)) => delivery,
        Ok(None) => return None,
        Err(error) => {
            tracing::warn!(%error, "event not claimed, to be tried again");
            return None;
        }
    };
    let started_at = Instant::now();
    let sent = receiver.send(delivery.event_id(), delivery.payload(), delivery.now());
    let sent = sent.await;
    let duration_ms = started_at.elapsed().as_millis() as u64;
    let (video_id, event_id) = (delivery.video_id(), delivery.event_id().to_owned());
    let (event, host) = (delivery.kind(), receiver.host());
    let attempts = delivery.attempts() + 1;
    let counted = match sent {
        Ok(_) => &tally.taken,
        Err(_) => &tally.failed,
    };
    counted.fetch_add(1, Ordering::Relaxed);
    let (outcome, ended) = match sent {
        Ok(status) => {
            let status = status.as_u16();
            tracing::info!(
                %video_id, event_id, event, host, duration_ms, attempts, status, "webhook delivered"
            );
            (Attempt::Delivered, delivery.taken().await.map(|()| None))
        }
        Err(reason) => match delivery.postpone(&reason).await {
            Ok(Some(wait)) => {
                let retry_after_ms = wait.as_millis() as u64;
                tracing::warn!(
                    %video_id, event_id, event, host, duration_ms, attempts, retry_after_ms, reason,
                    "webhook failed"
                );
                (Attempt::Failed, Ok(Some(Instant::now() + wait)))
            }
            Ok(None) => {
                tracing::error!(
                    %video_id, event_id, event, host, duration_ms, attempts, reason, "webhook given up"
                );
                (Attempt::GivenUp, Ok(None))
            }
            Err(error) => (Attempt::Failed, Err(error)),
        },
    };
    WEBHOOK_ATTEMPTS.inc([outcome.as_str()]);
    ended.unwrap_or_else(|error| {
        tracing::warn!(%video_id, event_id, %error, "event not settled, it will be sent again");
        None
    })
}
