//! Who does harm: each worker and the API is killed and started anew, each time with an order to abort at
//! the next step of the path; the line to S3 goes down; jobs that were given up are queued again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::{FailPoint, Requeued, Store};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::fail_points::{FailPoints, Order, Side};
use crate::process::{End, Process};
use crate::random::Random;
use crate::site::Site;

/// From when to when a process lives.
pub(crate) type Life = (Duration, Duration);

/// How often an operator looks for jobs that were given up.
const OPERATOR_INTERVAL: Duration = Duration::from_secs(2);

/// A lease and a job: by then another worker has taken over, and is done.
const FROZEN: Duration = Duration::from_secs(7);
/// So many end because they were told to.
const TOLD_ONE_IN: u64 = 6;
/// A worker that is told to stop waits so long for its jobs, and then gives them back.
const SHUTDOWN_GRACE: &str = "1s";
const STOP_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Violence {
    site: Arc<Site>,
    pub(crate) fail_points: FailPoints,
    seed: u64,
    /// How the processes of a name ended, and how often.
    ends: Mutex<BTreeMap<(String, &'static str), u64>>,
    /// What should not have happened.
    wrong: Mutex<Vec<String>>,
}

impl Violence {
    pub(crate) fn new(site: Arc<Site>, seed: u64) -> Self {
        Self {
            site,
            fail_points: FailPoints::new(),
            seed,
            ends: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    /// Starts a worker again and again. Each life is one of random length, if it does not end before.
    pub(crate) async fn on_worker(&self, name: &str, endpoint: &str, life: Life) {
        let mut random = Random::new(self.seed, name);
        loop {
            let order = self.fail_points.next(Side::Worker, &mut random);
            let mut worker = self.site.worker(endpoint);
            worker.env("FAIL_POINTS", order.variable());
            worker.env("SHUTDOWN_GRACE", SHUTDOWN_GRACE);
            if matches!(order.point, FailPoint::ErrorWritten | FailPoint::DeadStored) {
                // This one gives up the job of every other that died.
                worker.env("MAX_TAKEOVERS", "0");
            }
            let process = self.start(worker, name);
            let life = random.duration(life.0, life.1);
            let is_told = random.below(TOLD_ONE_IN) == 0;
            self.let_live(name, process, life, is_told, order).await;
        }
    }

    /// One that its order froze is woken long after its lease, to live once more. Most are killed in the
    /// end, some are told to stop.
    async fn let_live(
        &self,
        name: &str,
        mut process: Process,
        life: Duration,
        is_told: bool,
        order: Order,
    ) {
        // Where the machine is slow, a short life never gets to the rarest points.
        let mut ended = process.ends_within(life * order.tries).await;
        let mut how = "killed";
        if ended.is_none() && process.is_frozen() {
            if !self.fail_points.note(order, &process.said()) {
                self.wrong(format!("{name} froze without a word"));
            }
            how = "frozen at a fail point, later killed";
            sleep(FROZEN).await;
            process.signal("CONT").await;
            ended = process.ends_within(life).await;
        }
        let end = match ended {
            Some(end) => end,
            None if is_told => {
                how = "told to stop";
                process.stop(STOP_PATIENCE).await
            }
            None => process.kill().await,
        };
        match end {
            End::Aborted if self.fail_points.note(order, &process.said()) => {
                self.count(name, "aborted at a fail point");
            }
            End::Exited if how == "told to stop" => self.count(name, how),
            // S3 may be out of reach for longer than it is waited for.
            End::Killed if how == "told to stop" => self.count(name, "told to stop, later killed"),
            End::Killed => self.count(name, how),
            _ => {
                let said = process.said();
                let last = said.lines().last().unwrap_or_default();
                self.wrong(format!("{name} ended by itself ({end:?}): {last}"));
            }
        }
    }

    /// The same with the API, whose address is told.
    pub(crate) async fn on_api(
        &self,
        endpoint: &str,
        life: Life,
        origin: &watch::Sender<Option<String>>,
    ) {
        let mut random = Random::new(self.seed, "api");
        loop {
            let order = self.fail_points.next(Side::Api, &mut random);
            let mut api = self.site.api(endpoint);
            api.env("FAIL_POINTS", order.variable());
            let mut process = self.start(api, "api");
            origin.send_replace(process.word_after("listening on ").await);
            let life = random.duration(life.0, life.1);
            let is_told = random.below(TOLD_ONE_IN) == 0;
            self.let_live("api", process, life, is_told, order).await;
            origin.send_replace(None);
        }
    }

    fn start(&self, command: Command, name: &str) -> Process {
        Process::start(command, &self.site.log_folder(), name)
    }

    fn count(&self, who: &str, how: &'static str) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        *ends.entry((who.to_owned(), how)).or_default() += 1;
    }

    /// An operator, who gives the jobs in `dead/` their attempts anew; never returns.
    pub(crate) async fn operator(&self, store: &Store) {
        loop {
            self.requeue_dead(store).await;
            sleep(OPERATOR_INTERVAL).await;
        }
    }

    pub(crate) async fn requeue_dead(&self, store: &Store) {
        for job in store.dead_jobs().await.unwrap() {
            match store.requeue(job.id).await {
                Ok(Requeued::Anew) => self.count("a job", "given up and queued again"),
                Ok(Requeued::UnderWay) => self.count("a job", "given up and under way again"),
                // A video can be deleted in the meantime. Where that is not why, its record is still there
                // at the end.
                Err(_) => self.count("a job", "given up and queued again in vain"),
            }
        }
    }

    pub(crate) fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.push(what);
    }

    /// What should not have happened.
    pub(crate) fn take_wrong(&self) -> Vec<String> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut wrong)
    }

    /// How the processes of a name ended, and how often.
    pub(crate) fn ends(&self) -> BTreeMap<(String, &'static str), u64> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.clone()
    }
}
