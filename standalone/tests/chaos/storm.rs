//! One run: load and violence until every video has come to its end and every fail point fired, then
//! calm, then the verdict.

use std::sync::Arc;
use std::time::Duration;

use store::{Store, VideoId};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

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
/// How long the queue may take to run empty once all is calm.
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
    let site = Site::start().await;
    let upstream = site.endpoint.trim_start_matches("http://");
    let proxy = Arc::new(Proxy::new(plan.seed, upstream.parse().unwrap(), plan.rates));
    let violence = Arc::new(Violence::new(Arc::clone(&site), plan.seed));
    let (origin, origins) = watch::channel(None);
    let drawn = tempfile::tempdir().unwrap();
    let uploads = Arc::new(Uploads::new(Sources::make(drawn.path()), origins));

    let api_endpoint = proxy.listen("api").await;
    let mut worker_endpoints = Vec::new();
    for worker in WORKERS {
        worker_endpoints.push(proxy.listen(worker).await);
    }
    let mut harm = JoinSet::new();
    for (name, endpoint) in WORKERS.into_iter().zip(worker_endpoints.clone()) {
        let violence = Arc::clone(&violence);
        harm.spawn(async move { violence.on_worker(name, &endpoint, plan.worker_life).await });
    }
    harm.spawn({
        let (violence, endpoint) = (Arc::clone(&violence), api_endpoint.clone());
        let origin = origin.clone();
        async move { violence.on_api(&endpoint, plan.api_life, &origin).await }
    });
    harm.spawn({
        let (violence, store) = (Arc::clone(&violence), site.store(|_| {}).await);
        async move { violence.operator(&store).await }
    });
    harm.spawn({
        let (proxy, outages) = (Arc::clone(&proxy), plan.outages.clone());
        async move {
            for (after, line, duration) in outages {
                sleep(after).await;
                proxy.interrupt(line, duration).await;
            }
            // As the others, it ends by being ended.
            std::future::pending::<()>().await;
        }
    });

    let load = load(&plan, &uploads, &proxy, &violence);
    harm.spawn({
        let (uploads, proxy) = (Arc::clone(&uploads), Arc::clone(&proxy));
        let violence = Arc::clone(&violence);
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
    if timeout_at(started + plan.limit, load).await.is_err() {
        violence.wrong(format!("not over in {} s", plan.limit.as_secs()));
    }
    // A task that ended before panicked.
    while let Some(ended) = harm.try_join_next() {
        ended.unwrap();
    }
    // With its task each process is killed, too.
    harm.shutdown().await;
    let stormed = started.elapsed();
    proxy.calm();

    let mut api = Process::start(site.api(&api_endpoint), &site.log_folder(), "api");
    let origin = api.word_after("listening on ").await;
    let workers: Vec<_> = WORKERS
        .into_iter()
        .zip(&worker_endpoints)
        .map(|(name, endpoint)| Process::start(site.worker(endpoint), &site.log_folder(), name))
        .collect();
    let store = site.store(|_| {}).await;
    let buckets = Buckets::of(&site);
    let drained = async {
        drain(&buckets, &proxy, &violence, &uploads, &store).await;
        for (name, mut worker) in WORKERS.iter().zip(workers) {
            let end = worker.stop(STOP_PATIENCE).await;
            if end != End::Exited {
                violence.wrong(format!("{name} did not stop in good order: {end:?}"));
            }
        }
    };
    if timeout_at(Instant::now() + DRAIN_PATIENCE, drained)
        .await
        .is_err()
    {
        violence.wrong(format!("not drained in {} s", DRAIN_PATIENCE.as_secs()));
    }
    let drained = started.elapsed();

    let origin = origin.unwrap_or_default();
    let verdict = verdict::judge(&plan, &site, &origin, &uploads, &proxy).await;
    let report = Report {
        plan: &plan,
        stormed,
        drained,
        wall: started.elapsed(),
        wrong: violence.take_wrong(),
        verdict,
        violence: &violence,
        proxy: &proxy,
        uploads: &uploads,
    };
    let summary = report.print(&site, &buckets).await;
    drop(api);
    assert!(report.is_clean(), "{summary}");
}

/// Uploads, until all is at its end and every fail point has fired.
async fn load(plan: &Plan, uploads: &Arc<Uploads>, proxy: &Proxy, violence: &Violence) {
    let mut end = uploads_for(plan.videos);
    loop {
        let mut clients = JoinSet::new();
        for client in 0..plan.clients {
            let random = Random::new(plan.seed, &format!("client {client} until {end}"));
            let (uploads, pauses) = (Arc::clone(uploads), plan.pauses);
            clients.spawn(async move { uploads.upload_until(end, pauses, random).await });
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        while !unfinished(uploads, proxy).is_empty() {
            sleep(LOOK_INTERVAL).await;
        }
        if violence.fail_points.missing().is_empty() {
            return;
        }
        // Only some files reach some of them.
        end += CYCLE_LEN;
    }
}

/// Videos that were acknowledged, and whose status does not say so far that they are at their end.
fn unfinished(uploads: &Uploads, proxy: &Proxy) -> Vec<VideoId> {
    let writes = proxy.writes();
    let mut ids = uploads.acknowledged();
    ids.retain(|id, number| source(*number).fate != Fate::Deleted && !writes.is_final(*id));
    ids.into_keys().collect()
}

/// Waits until nothing is queued, nothing given up and nothing forgotten.
async fn drain(
    buckets: &Buckets,
    proxy: &Proxy,
    violence: &Violence,
    uploads: &Uploads,
    store: &Store,
) {
    loop {
        violence.requeue_dead(store).await;
        let forgotten = store.repair().await.unwrap();
        let queue = buckets.keys(RAW_BUCKET, "queue/").await;
        let dead = buckets.keys(RAW_BUCKET, "dead/").await;
        if queue.len() + dead.len() + forgotten == 0 && unfinished(uploads, proxy).is_empty() {
            return;
        }
        sleep(LOOK_INTERVAL).await;
    }
}
