//! One run: load and violence until every video has come to its end and every fail point fired, then
//! calm, then the verdict.

use std::sync::Arc;
use std::time::Duration;

use store::VideoId;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::buckets::Buckets;
use crate::process::{End, Process};
use crate::proxy::{Line, Proxy, Rates};
use crate::random::Random;
use crate::report::Report;
use crate::site::{RAW_BUCKET, Site};
use crate::sources::{CYCLE_LEN, Fate, Sources, source, uploads_for};
use crate::uploads::{Pauses, Uploads};
use crate::verdict;
use crate::violence::{Life, Violence};

const WORKERS: [&str; 3] = ["worker-1", "worker-2", "worker-3"];
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
const PROGRESS_INTERVAL: Duration = Duration::from_secs(30);
/// How long the line, and then the queue, may take to run empty once all is calm.
const DRAIN_PATIENCE: Duration = Duration::from_secs(300);
/// A worker that was told to stop, with nothing to do.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// How much of what.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) videos: usize,
    pub(crate) clients: usize,
    pub(crate) pauses: Pauses,
    pub(crate) rates: Rates,
    pub(crate) worker_life: Life,
    pub(crate) api_life: Life,
    /// Each so long after the one before it.
    pub(crate) outages: Vec<(Duration, Line, Duration)>,
    /// Load and violence take no longer.
    pub(crate) limit: Duration,
    /// One in so many packages is decoded.
    pub(crate) decode_one_in: usize,
}

/// Runs it; panics with the report where the verdict is not clean.
pub(crate) async fn run(plan: Plan) {
    let started = Instant::now();
    let storm = Storm::prepare(plan).await;
    let wrong = |what: String| storm.violence.wrong(what);
    let mut harm = storm.harm(started).await;
    let limit = storm.plan.limit;
    tokio::select! {
        over = timeout_at(started + limit, storm.load()) => if over.is_err() {
            wrong(format!("not over in {} s", limit.as_secs()));
        },
        // A task that has ended by itself panicked.
        Some(ended) = harm.join_next() => ended.unwrap(),
    }
    // With its task each process is killed, too.
    harm.shutdown().await;
    let stormed = started.elapsed();

    storm.proxy.calm();
    if timeout(DRAIN_PATIENCE, storm.proxy.settled())
        .await
        .is_err()
    {
        wrong("requests of the dead are still under way".into());
    }
    let mut api = storm.start(storm.site.api(&storm.api_endpoint), "api");
    let origin = api.word_after("listening on ").await.unwrap_or_default();
    if timeout(DRAIN_PATIENCE, storm.drain()).await.is_err() {
        wrong(format!("not drained in {} s", DRAIN_PATIENCE.as_secs()));
    }
    let drained = started.elapsed();

    let verdict = verdict::judge(&storm, &origin).await;
    let report = Report {
        stormed,
        drained,
        wall: started.elapsed(),
        wrong: storm.violence.take_wrong(),
        verdict,
        storm: &storm,
    };
    let summary = report.print().await;
    assert!(report.is_clean(), "{summary}");
}

pub(crate) struct Storm {
    pub(crate) plan: Plan,
    pub(crate) site: Arc<Site>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) violence: Arc<Violence>,
    pub(crate) uploads: Arc<Uploads>,
    /// Where clients are told that the API listens.
    origin: watch::Sender<Option<String>>,
    api_endpoint: String,
    /// Of each worker: its name, and S3's address for it.
    workers: Vec<(&'static str, String)>,
}

impl Storm {
    async fn prepare(plan: Plan) -> Self {
        let site = Site::start().await;
        let upstream = site.endpoint.trim_start_matches("http://");
        let proxy = Proxy::new(plan.seed, upstream.parse().unwrap(), plan.rates);
        let mut workers = Vec::new();
        for name in WORKERS {
            workers.push((name, proxy.listen(name).await));
        }
        let (origin, origins) = watch::channel(None);
        let drawn = tempfile::tempdir().unwrap();
        let sources = Sources::make(drawn.path());
        Self {
            api_endpoint: proxy.listen("api").await,
            proxy: Arc::new(proxy),
            violence: Arc::new(Violence::new(Arc::clone(&site), plan.seed)),
            uploads: Arc::new(Uploads::new(sources, origins)),
            origin,
            workers,
            site,
            plan,
        }
    }

    /// Everyone who does harm or watches, until they are ended.
    async fn harm(&self, started: Instant) -> JoinSet<()> {
        let mut harm = JoinSet::new();
        for (name, endpoint) in self.workers.clone() {
            let (violence, life) = (Arc::clone(&self.violence), self.plan.worker_life);
            harm.spawn(async move { violence.on_worker(name, &endpoint, life).await });
        }
        harm.spawn({
            let (violence, life) = (Arc::clone(&self.violence), self.plan.api_life);
            let (endpoint, origin) = (self.api_endpoint.clone(), self.origin.clone());
            async move { violence.on_api(&endpoint, life, &origin).await }
        });
        harm.spawn({
            let (violence, store) = (Arc::clone(&self.violence), self.site.store(|_| {}).await);
            async move { violence.operator(&store).await }
        });
        harm.spawn({
            let (proxy, outages) = (Arc::clone(&self.proxy), self.plan.outages.clone());
            async move {
                for (after, line, duration) in outages {
                    sleep(after).await;
                    proxy.interrupt(line, duration).await;
                }
                std::future::pending::<()>().await;
            }
        });
        harm.spawn({
            let (uploads, proxy) = (Arc::clone(&self.uploads), Arc::clone(&self.proxy));
            let violence = Arc::clone(&self.violence);
            async move {
                loop {
                    sleep(PROGRESS_INTERVAL).await;
                    let there = uploads.acknowledged().len();
                    let left = unfinished(&uploads, &proxy).len();
                    let to_fire = violence.fail_points.missing().join(", ");
                    let seconds = started.elapsed().as_secs();
                    println!(
                        "{seconds:4} s: {there} uploaded, {left} not at their end; to fire: {to_fire}"
                    );
                }
            }
        });
        harm
    }

    /// Uploads, until all is at its end and every fail point has fired.
    async fn load(&self) {
        let mut end = uploads_for(self.plan.videos);
        loop {
            let mut clients = JoinSet::new();
            for client in 0..self.plan.clients {
                let actor = format!("client {client} until {end}");
                let random = Random::new(self.plan.seed, &actor);
                let (uploads, pauses) = (Arc::clone(&self.uploads), self.plan.pauses);
                clients.spawn(async move { uploads.upload_until(end, pauses, random).await });
            }
            while let Some(client) = clients.join_next().await {
                client.unwrap();
            }
            while !unfinished(&self.uploads, &self.proxy).is_empty() {
                sleep(LOOK_INTERVAL).await;
            }
            if self.violence.fail_points.missing().is_empty() {
                return;
            }
            // Only some files reach some of them.
            end += CYCLE_LEN / 2;
        }
    }

    /// Lets workers work until nothing is queued, given up, untold or forgotten, and stops them.
    async fn drain(&self) {
        let workers = self.workers.iter();
        let workers = workers.map(|(name, s3)| (name, self.start(self.site.worker(s3), name)));
        let workers: Vec<_> = workers.collect();
        let store = self.site.store(|_| {}).await;
        let buckets = Buckets::of(&self.site);
        loop {
            self.violence.requeue_dead(&store).await;
            let forgotten = store.repair().await.unwrap();
            let queue = buckets.keys(RAW_BUCKET, "queue/").await;
            let dead = buckets.keys(RAW_BUCKET, "dead/").await;
            let events = buckets.keys(RAW_BUCKET, "webhooks/").await;
            let unfinished = unfinished(&self.uploads, &self.proxy);
            if queue.len() + dead.len() + events.len() + forgotten + unfinished.len() == 0 {
                break;
            }
            sleep(LOOK_INTERVAL).await;
        }
        for (name, mut worker) in workers {
            // Before that it does not know yet what to do at SIGTERM.
            worker.word_after("worker started").await;
            let end = worker.stop(STOP_PATIENCE).await;
            if end != End::Exited {
                let what = format!("{name} did not stop in good order: {end:?}");
                self.violence.wrong(what);
            }
        }
    }

    fn start(&self, command: Command, name: &str) -> Process {
        Process::start(command, &self.site.log_folder(), name)
    }
}

/// Videos that were acknowledged, and whose status does not say so far that they are at their end.
fn unfinished(uploads: &Uploads, proxy: &Proxy) -> Vec<VideoId> {
    let writes = proxy.writes();
    let mut ids = uploads.acknowledged();
    ids.retain(|id, number| source(*number).fate != Fate::Deleted && !writes.is_final(*id));
    ids.into_keys().collect()
}
