//! The loop: a free slot, a claim, a job; until told to stop.

use std::sync::Arc;
use std::time::Duration;

use store::metrics::{JOB_SLOTS, JOBS_RUNNING};
use store::queue::{Claim, Queue};
use store::{Deliveries, StatusWriter, Store};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::idle::Idle;
use crate::job::Orders;
use crate::metrics_server::MetricsServer;
use crate::webhooks::Receiver;
use crate::{Error, housekeeping, job, webhooks};

const IDLE_CEILING: Duration = Duration::from_secs(10);

/// Works until `shutdown` is cancelled; then claims no more, lets running jobs go on for the grace
/// period and gives back what is not finished.
///
/// # Errors
/// [`Error::Store`] at the start, when working makes no sense; later faults of S3 are logged and waited out.
/// [`Error::Stuck`] when a transcode cannot be stopped, once all other jobs have ended or are given back.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let receiver = Receiver::new(&config.webhooks)?;
    // Before S3 is asked for: who watches sees a worker that waits for it.
    let _metrics = match config.metrics_address {
        Some(address) => Some(MetricsServer::start(address).await?),
        None => None,
    };
    JOB_SLOTS.set(config.jobs);
    let store = Store::connect(config.store.clone()).await?;
    let owner = config.sole_owner.clone().unwrap_or_else(unique_owner);
    let queue = Queue::new(store.clone(), &owner);
    let prepared = Store::when_reachable(shutdown.cancelled(), || prepare(&store, &queue, &config));
    if prepared.await?.is_none() {
        return Ok(());
    }
    tracing::info!(owner, jobs = config.jobs, "worker started");

    let mut housekeeping = JoinSet::new();
    housekeeping.spawn(housekeeping::run(
        store.clone(),
        config.housekeeping,
        Arc::clone(&config.nudge),
    ));
    let job_ended = Arc::new(Notify::new());
    // To the end: the last jobs have events, too.
    let mut deliveries = JoinSet::new();
    if let Some(receiver) = receiver {
        let rules = config.webhooks.rules(config.store.lease);
        deliveries.spawn(webhooks::run(
            Deliveries::new(store, rules),
            receiver,
            config.webhooks.webhook_backoff,
            Arc::clone(&job_ended),
        ));
    }
    let worker = Worker {
        job_ended,
        queue: Arc::new(queue),
        slots: Arc::new(Semaphore::new(config.jobs)),
        stop: CancellationToken::new(),
        stuck: CancellationToken::new(),
        config,
    };
    let leaving = shutdown.child_token();
    tokio::spawn({
        let (stuck, leaving) = (worker.stuck.clone(), leaving.clone());
        async move {
            stuck.cancelled().await;
            leaving.cancel();
        }
    });
    let mut jobs = JoinSet::new();
    worker.claim_until(&leaving, &mut jobs).await;
    drop(housekeeping);

    tracing::info!(jobs = jobs.len(), "worker stopping");
    let all_ended = async {
        while let Some(ended) = jobs.join_next().await {
            note_end(ended);
        }
    };
    if tokio::time::timeout(worker.config.shutdown_grace, all_ended)
        .await
        .is_err()
    {
        worker.stop.cancel();
        while let Some(ended) = jobs.join_next().await {
            note_end(ended);
        }
    }
    match worker.stuck.is_cancelled() {
        true => Err(Error::Stuck),
        false => Ok(()),
    }
}

/// A job gives its claim an end by itself; one that panicked while doing so leaves that to its lease.
fn note_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a job broke off, its claim will lapse");
    }
}

/// A claim that is under way when the worker is told to stop.
async fn give_back(claiming: JoinHandle<Result<Option<(Claim, StatusWriter)>, store::Error>>) {
    if let Ok(Ok(Some((claim, _)))) = claiming.await {
        release(claim).await;
    }
}

async fn release(claim: Claim) {
    if let Err(error) = claim.release().await {
        tracing::warn!(%error, "claim not given back, it will lapse");
    }
}

/// What must have worked once before the first claim.
async fn prepare(store: &Store, queue: &Queue, config: &Config) -> Result<(), store::Error> {
    store.self_test().await?;
    if config.sole_owner.is_some() {
        let jobs = queue.free_former_claims().await?;
        if jobs > 0 {
            tracing::warn!(jobs, "taking up what was left when the worker last ended");
        }
    }
    Ok(())
}

struct Worker {
    queue: Arc<Queue>,
    config: Config,
    /// Notified after each job.
    job_ended: Arc<Notify>,
    slots: Arc<Semaphore>,
    /// Running jobs are to be given back.
    stop: CancellationToken,
    /// A transcode keeps its thread: this process has to end.
    stuck: CancellationToken,
}

impl Worker {
    async fn claim_until(&self, shutdown: &CancellationToken, jobs: &mut JoinSet<()>) {
        let mut idle = Idle::new(self.config.poll_interval, IDLE_CEILING);
        while !shutdown.is_cancelled() {
            while let Some(ended) = jobs.try_join_next() {
                note_end(ended);
            }
            // Without a free slot there is nothing to look for.
            let Some(slot) = self.slots(1, shutdown).await else {
                return;
            };
            let free_slots = self.slots.available_permits() + 1;
            // Not to be dropped half-way: a claim could be won and never known of. But no job waits to be given
            // back because S3 is slow to answer for another.
            let queue = Arc::clone(&self.queue);
            let mut claiming = tokio::spawn(async move { queue.claim(free_slots).await });
            let claimed = tokio::select! {
                claimed = &mut claiming => claimed,
                () = shutdown.cancelled() => {
                    jobs.spawn(give_back(claiming));
                    return;
                }
            };
            let wait = match claimed {
                Ok(Ok(Some((claim, status)))) => {
                    self.start(claim, status, slot, shutdown, jobs).await;
                    idle.reset();
                    continue;
                }
                Ok(Ok(None)) => idle.next(),
                Ok(Err(store::Error::Fenced(_))) => continue,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot claim, trying again");
                    idle.next()
                }
                Err(panic) => {
                    tracing::error!(%panic, "a claim broke off, it will lapse if it was won");
                    idle.next()
                }
            };
            drop(slot);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                () = self.config.nudge.notified() => {}
            }
        }
    }

    /// Starts a job in its slot; one that a worker died over before gets all slots, so that it can
    /// take no other job down with it.
    async fn start(
        &self,
        claim: Claim,
        status: StatusWriter,
        slot: OwnedSemaphorePermit,
        shutdown: &CancellationToken,
        jobs: &mut JoinSet<()>,
    ) {
        let mut slots = vec![slot];
        let alone = claim.must_run_alone() || self.config.jobs == 1;
        if claim.must_run_alone() {
            match self.slots(self.config.jobs - 1, shutdown).await {
                Some(others) => slots.push(others),
                None => return release(claim).await,
            }
        }
        let orders = Orders {
            options: self.config.options.clone(),
            alone,
            stall_timeout: self.config.stall_timeout,
            stop: self.stop.child_token(),
            stuck: self.stuck.clone(),
        };
        let job = job::run(claim, status, orders);
        let job_ended = Arc::clone(&self.job_ended);
        jobs.spawn(async move {
            let _running = JOBS_RUNNING.one_more();
            job.await;
            drop(slots);
            job_ended.notify_one();
        });
    }

    /// So many slots, as soon as they are free; none on shutdown. Called by the loop alone: of two
    /// that wait for all slots neither would get them.
    async fn slots(
        &self,
        count: usize,
        shutdown: &CancellationToken,
    ) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            () = shutdown.cancelled() => None,
            slots = Arc::clone(&self.slots).acquire_many_owned(count as u32) => slots.ok(),
        }
    }
}

/// Tells this worker from all others, and people where it runs.
fn unique_owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // An id is a good nonce.
    format!(
        "{}:{}:{}",
        host.trim(),
        std::process::id(),
        store::VideoId::new()
    )
}
