//! Telling a receiver of each video that is done or was given up: at least once, whoever dies.
//!
//! Any worker delivers any event: the records in S3 say what is left to do (`store::Deliveries`). It is a task of
//! its own, so that a receiver that hangs holds up no job.

mod config;
mod receiver;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use store::metrics::{Attempt, WEBHOOK_ATTEMPTS, WEBHOOK_EVENTS};
use store::{Deliveries, DueDelivery, Error};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

pub use config::{Hidden, WebhookArgs};
pub(crate) use receiver::Receiver;

use crate::housekeeping::guarded;
use crate::idle::Idle;

/// Requests to the receiver at once.
const AT_ONCE: usize = 8;
/// What this worker ends it hears of at once; only what dead ones left is to be looked for.
const IDLE_CEILING: Duration = Duration::from_secs(30);
/// Between two looks, however soon the next attempt is due.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Delivers until it is dropped. `nudge` tells of jobs that ended.
pub(crate) async fn run(
    mut deliveries: Deliveries,
    receiver: Receiver,
    poll_interval: Option<Duration>,
    nudge: Arc<Notify>,
) {
    let mut idle = Idle::new(poll_interval, IDLE_CEILING);
    loop {
        let round = guarded("deliveries", round(&mut deliveries, &receiver)).await;
        let wait = match round {
            Some(Round {
                is_whole: false, ..
            }) => continue,
            Some(Round {
                tried, next_due_at, ..
            }) => {
                if tried > 0 {
                    idle.reset();
                }
                let next_due = next_due_at.map(|at| at.saturating_duration_since(Instant::now()));
                let next_due = next_due.map(|wait| wait.max(PAUSE_MIN));
                next_due.map_or(idle.next(), |wait| wait.min(idle.next()))
            }
            None => idle.next(),
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = nudge.notified() => {}
        }
    }
}

/// What came of one look.
struct Round {
    tried: usize,
    is_whole: bool,
    next_due_at: Option<Instant>,
}

async fn round(deliveries: &mut Deliveries, receiver: &Receiver) -> Result<Round, Error> {
    let look = deliveries.look().await?;
    if look.is_whole {
        WEBHOOK_EVENTS.set(look.pending);
    }
    let tried = look.due.len();
    let attempts = look.due.into_iter().map(|due| attempt(due, receiver));
    let again: Vec<_> = stream::iter(attempts)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let next_due_at = again.into_iter().chain([look.next_due_at]).flatten().min();
    Ok(Round {
        tried,
        is_whole: look.is_whole,
        next_due_at,
    })
}

/// One attempt; says when the next one is due.
async fn attempt(due: DueDelivery, receiver: &Receiver) -> Option<Instant> {
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
