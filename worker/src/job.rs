//! One job, from its claim to exactly one of: finished, failed, given back, lost.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use store::metrics::{JOBS, JobEnd};
use store::queue::Claim;
use store::{Error, StatusWriter, panic_words};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};
use transcode::{CancelToken, Control, Fetched, HttpSource, Options, Report, Source};

use crate::memory::MemoryWatch;
use crate::package;
use crate::patience::Patience;
use crate::sink::TakeSink;
use crate::stages::{ReadCount, Stages, stalled};

/// So long the commit waits for a note of progress that is on its way when there is no more to note:
/// an answer takes less, and without it the commit's own write finds out what became of it.
const LAST_PROGRESS_PATIENCE: Duration = Duration::from_secs(1);

/// What a transcode that is to stop may take for that: it looks between two packets and two pictures.
const LETTING_GO: Duration = Duration::from_secs(10);

/// How a job is to be done.
pub(crate) struct Orders {
    pub(crate) options: Options,
    /// Nothing runs beside it.
    pub(crate) alone: bool,
    /// A transcode that makes no progress for so long has failed.
    pub(crate) stall_timeout: Duration,
    /// Asks for the job to be given back.
    pub(crate) stop: CancellationToken,
    /// Cancelled by the job when a transcode keeps its thread.
    pub(crate) stuck: CancellationToken,
}

/// Why a job ended without a video.
enum Failure {
    /// The file's fault: trying again is of no use. For the uploader.
    Permanent(String),
    /// May pass. For the operator.
    Passing(String),
    /// Storage did not answer for long. For the operator.
    Outage(String),
    /// May be the doing of what ran beside it. For the operator.
    Crowded(String),
    /// The worker is to stop, or the claim was lost.
    Stopped,
}

/// What a job that is done has made, and read for it.
struct Made {
    renditions: usize,
    /// Of them, those that were not encoded.
    copied: usize,
    fetched: Fetched,
    /// Of the video, not of the work.
    video_duration: Duration,
}

/// Works on one claimed job.
pub(crate) async fn run(claim: Claim, mut status: StatusWriter, orders: Orders) {
    let stages = Arc::new(Stages::new(claim.claimed_at()));
    let (video_id, take) = (claim.id(), claim.take().clone());
    // Cancelled on request, when the claim is lost, and at the end of this function.
    let ending = orders.stop.child_token();
    let _ending = ending.clone().drop_guard();
    tokio::spawn({
        let (ending, lost) = (ending.clone(), claim.lost().clone());
        async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = lost.cancelled() => ending.cancel(),
            }
        }
    });

    // A panic fails the job, not the worker. The status writer finds out by itself what its last write came to.
    let span = tracing::info_span!("job", %video_id, %take);
    let produced = produce(&claim, &mut status, &orders, &stages, &ending).instrument(span);
    let result = match AssertUnwindSafe(produced).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(Failure::Passing(panic_words(&*panic))),
    };
    // What fails while everything is being stopped says nothing about the video.
    let result = result.map_err(|failure| match ending.is_cancelled() {
        true => Failure::Stopped,
        false => failure,
    });
    let settled = match result {
        Ok(made) => {
            let parts = stages.parts();
            parts.count(made.video_duration);
            JOBS.inc([JobEnd::Done.as_str()]);
            tracing::info!(
                %video_id,
                %take,
                renditions = made.renditions,
                copied = made.copied,
                duration_ms = ms(stages.until_now()),
                start_ms = ms(parts.start),
                transcode_ms = ms(parts.transcode),
                end_ms = ms(parts.end),
                s3_requests = claim.store().requests() + made.fetched.requests,
                original_bytes = made.fetched.bytes,
                "done"
            );
            claim.finish().await
        }
        Err(Failure::Permanent(sentence)) => refuse(claim, &mut status, &sentence, &ending).await,
        Err(Failure::Passing(reason)) => claim.fail(&mut status, &reason).await,
        Err(Failure::Outage(reason)) => claim.postpone(&mut status, &reason).await,
        Err(Failure::Crowded(reason)) => claim.set_apart(&reason).await,
        Err(Failure::Stopped) => claim.release().await,
    };
    if let Err(error) = settled {
        tracing::warn!(%video_id, %take, %error, "not settled, the claim will lapse");
    }
}

/// Ends a job whose file is at fault.
async fn refuse(
    claim: Claim,
    status: &mut StatusWriter,
    sentence: &str,
    ending: &CancellationToken,
) -> Result<(), Error> {
    let mut patience = Patience::new(ending);
    while let Err(error) = status.error(sentence).await {
        if matches!(error, Error::Fenced(_)) {
            claim.lose();
            return Ok(());
        }
        if let Err(error) = patience.after(error).await {
            JOBS.inc([JobEnd::Lost.as_str()]);
            return Err(error);
        }
    }
    JOBS.inc([JobEnd::Error.as_str()]);
    let (video_id, take) = (claim.id(), claim.take());
    let duration_ms = ms(claim.claimed_at().elapsed());
    tracing::info!(%video_id, %take, duration_ms, sentence, "refused");
    claim.finish().await
}

/// Transcodes, writes playlists and commits.
async fn produce(
    claim: &Claim,
    status: &mut StatusWriter,
    orders: &Orders,
    stages: &Arc<Stages>,
    ending: &CancellationToken,
) -> Result<Made, Failure> {
    let memory = MemoryWatch::default();
    let report = tokio::select! {
        report = transcode(claim, status, orders, stages, ending) => report,
        never = memory.look() => match never {},
    };
    let report = match !orders.alone && memory.was_short() {
        true => doubted(report)?,
        false => report?,
    };
    let renditions =
        package::renditions(&report).map_err(|error| Failure::Passing(error.to_string()))?;
    let subtitles = package::subtitles(&report);
    let mut patience = Patience::new(ending);
    while let Err(error) = claim
        .store()
        .write_playlists(claim.id(), claim.take(), &renditions, &subtitles)
        .await
    {
        patience.after(error).await?;
    }
    let outcome = package::outcome(&report, &renditions);
    while let Err(error) = status.done(outcome.clone()).await {
        patience.after(error).await?;
    }
    Ok(Made {
        renditions: renditions.len(),
        copied: report.renditions.iter().filter(|r| r.copied).count(),
        fetched: report.fetched,
        video_duration: Duration::from_millis(report.duration_ms),
    })
}

/// What failed, or is missing, while memory was short beside other jobs says nothing about the video.
fn doubted(report: Result<Report, Failure>) -> Result<Report, Failure> {
    let doubt = |what: &str| Err(Failure::Crowded(format!("while memory was short: {what}")));
    match report {
        Err(Failure::Permanent(reason) | Failure::Passing(reason)) => doubt(&reason),
        Ok(report) => match report.warnings.first() {
            Some(warning) => doubt(&warning.to_string()),
            None => Ok(report),
        },
        Err(failure) => Err(failure),
    }
}

/// Runs the transcode on a thread of its own while this task writes its progress into the status.
async fn transcode(
    claim: &Claim,
    status: &mut StatusWriter,
    orders: &Orders,
    stages: &Arc<Stages>,
    ending: &CancellationToken,
) -> Result<Report, Failure> {
    let cancel = CancelToken::new();
    tokio::spawn({
        let (ending, cancel) = (ending.clone(), cancel.clone());
        async move {
            ending.cancelled().await;
            cancel.cancel();
        }
    });
    let (fraction, mut progress) = watch::channel(0.0);
    let control = Control {
        cancel: cancel.clone(),
        on_progress: Some(Box::new(move |progress| {
            fraction.send_replace(progress.fraction);
        })),
    };
    let runtime = Handle::current();
    let sink = TakeSink {
        store: claim.store().clone(),
        id: claim.id(),
        take: claim.take().clone(),
        stop: ending.clone(),
        runtime: runtime.clone(),
        stages: Arc::clone(stages),
    };
    let (store, id) = (claim.store().clone(), claim.id());
    let options = orders.options.clone();
    let mut reads = ReadCount::default();
    let (traffic, span) = (reads.traffic(), Span::current());
    let mut work = tokio::task::spawn_blocking(move || {
        let fresh_url = move || {
            let url = runtime.block_on(store.original_url_internal(id));
            url.map(|url| url.expose().to_owned())
                .map_err(std::io::Error::other)
        };
        let source = HttpSource::new(fresh_url).with_traffic(traffic);
        let _entered = span.enter();
        transcode::transcode(Source::http(source), &options, &sink, &control)
    });

    let failure = loop {
        tokio::select! {
            ended = &mut work => return judged(ended, orders.alone),
            Ok(()) = progress.changed() => {
                let fraction = *progress.borrow_and_update();
                reads.count();
                let mut note = pin!(note_progress(status, fraction, ending));
                tokio::select! {
                    () = &mut note => {}
                    ended = &mut work => {
                        let _ = timeout(LAST_PROGRESS_PATIENCE, note).await;
                        return judged(ended, orders.alone);
                    }
                }
            }
            () = stalled(stages, &mut reads, orders.stall_timeout) => {
                cancel.cancel();
                let seconds = orders.stall_timeout.as_secs();
                break Failure::Passing(format!("the transcode made no progress for {seconds} s"));
            }
            () = ending.cancelled() => break Failure::Stopped,
        }
    };
    if timeout(LETTING_GO, work).await.is_err() {
        tracing::error!(video_id = %id, "a transcode does not stop, so that the worker has to");
        orders.stuck.cancel();
    }
    Err(failure)
}

fn judged(
    ended: Result<transcode::Result<Report>, JoinError>,
    alone: bool,
) -> Result<Report, Failure> {
    match ended {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(error)) if !alone && error.may_be_for_want_of_memory() => {
            Err(Failure::Crowded(error.to_string()))
        }
        Ok(Err(error)) if error.is_outage() => Err(Failure::Outage(error.to_string())),
        Ok(Err(error)) if error.is_permanent() => Err(Failure::Permanent(error.user_message())),
        Ok(Err(error)) => Err(Failure::Passing(error.to_string())),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => Err(Failure::Passing(panic_words(&*panic))),
            Err(_) => Err(Failure::Stopped),
        },
    }
}

async fn note_progress(status: &mut StatusWriter, fraction: f64, ending: &CancellationToken) {
    match status.progress(fraction).await {
        Ok(()) => {}
        Err(Error::Fenced(_)) => ending.cancel(),
        Err(error) => {
            let video_id = status.status().id;
            tracing::debug!(%video_id, %error, "progress not written");
        }
    }
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Fenced(_) => Self::Stopped,
            error => Self::Passing(error.to_string()),
        }
    }
}
