//! Many viewers of one video: how soon they are answered, and what S3 is asked for them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Client;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::machine;
use crate::results::{Section, publish};
use crate::service::{As, Binaries, Parts};
use crate::table::Table;

/// Measure how soon viewers of one video are answered, and the requests to S3 they cause
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binaries: Binaries,
    /// Viewers at once
    #[arg(long, default_value_t = 500)]
    viewers: u32,
    /// How long they watch, in seconds
    #[arg(long, default_value_t = 30)]
    watched_s: u64,
}

const CLIP: &str = "../fixtures/butterfly_720p2997_7s.mp4";
/// Each viewer asks for the status this often, and for a master and a media playlist with it.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
const ASKED: [&str; 3] = ["status", "hls/master.m3u8", "hls/720p.m3u8"];

/// Milliseconds that the answers of one kind took, and how many were not 200.
#[derive(Default)]
struct Answers {
    waits_ms: Vec<f64>,
    failed: usize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let parts = Parts::start(&args.binaries, As::Separate, Duration::ZERO)?;
    let id = parts
        .api
        .upload(&Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIP))?;
    parts.api.wait_for(&id)?;
    let origin = parts.api.origin();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let watched = Duration::from_secs(args.watched_s);
    let before = runtime.block_on(s3_reads(origin))?;
    let answers = runtime.block_on(watch(origin, &id, args.viewers, watched))?;
    let reads = runtime.block_on(s3_reads(origin))? - before;

    let mut table = Table::new([
        "asked", "answers", "failed", "median", "95 %", "99 %", "maximum",
    ]);
    let mut asked = 0;
    for (what, mut answers) in answers {
        asked += answers.waits_ms.len();
        answers.waits_ms.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = answers.waits_ms.len() - 1;
            format!(
                "{:.1} ms",
                answers.waits_ms[(last as f64 * share).round() as usize]
            )
        };
        table.row([
            format!("`{what}`"),
            answers.waits_ms.len().to_string(),
            answers.failed.to_string(),
            at(0.5),
            at(0.95),
            at(0.99),
            at(1.0),
        ]);
    }
    let text = format!(
        "{}\n\n{} viewers of one video for {} s, each of whom asks for its status and for a master and a media \
         playlist each {} s, of `assetlab-api` over the embedded S3, on the machine that they run on themselves. \
         {asked} answers took {reads:.0} requests to S3: {:.2} each.\n\n{table}",
        machine::description(),
        args.viewers,
        args.watched_s,
        POLL_INTERVAL.as_secs(),
        reads / asked as f64,
    );
    publish(Section::Viewers, &text)
}

/// Requests that the API has made to S3 so far.
async fn s3_reads(origin: &str) -> anyhow::Result<f64> {
    let metrics = reqwest::get(format!("{origin}/metrics"))
        .await?
        .text()
        .await?;
    let counts = metrics
        .lines()
        .filter(|line| line.starts_with("assetlab_s3_requests_total{operation=\"GetObject\""))
        .map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>());
    counts
        .sum::<Result<f64, _>>()
        .context("metrics cannot be read")
}

async fn watch(
    origin: &str,
    id: &str,
    viewers: u32,
    watched: Duration,
) -> anyhow::Result<BTreeMap<&'static str, Answers>> {
    let http = Client::new();
    let started_at = tokio::time::Instant::now();
    let mut watching = JoinSet::new();
    for viewer in 0..viewers {
        let http = http.clone();
        let urls = ASKED.map(|what| (what, format!("{origin}/api/video/{id}/{what}")));
        watching.spawn(async move {
            let mut answers = Vec::new();
            let mut at = started_at + POLL_INTERVAL * viewer / viewers;
            while at < started_at + watched {
                sleep_until(at).await;
                for (what, url) in &urls {
                    let asked_at = Instant::now();
                    let answer = http.get(url).send().await;
                    let is_ok = match answer {
                        Ok(answer) => answer.status() == 200 && answer.bytes().await.is_ok(),
                        Err(_) => false,
                    };
                    answers.push((*what, asked_at.elapsed(), is_ok));
                }
                at += POLL_INTERVAL;
            }
            answers
        });
    }
    let mut all = BTreeMap::<_, Answers>::new();
    while let Some(answers) = watching.join_next().await {
        for (what, wait, is_ok) in answers? {
            let answers = all.entry(what).or_default();
            answers.waits_ms.push(wait.as_secs_f64() * 1000.0);
            answers.failed += usize::from(!is_ok);
        }
    }
    ensure!(!all.is_empty(), "nobody watched");
    Ok(all)
}
