//! One job through real processes: its parts, and what it asks of S3.

use std::thread;
use std::time::Duration;

use crate::clips::{self, Clips};
use crate::machine;
use crate::measure::median;
use crate::results::{Section, publish};
use crate::s3_proxy::{Operation, Request};
use crate::service::{As, Binaries, Parts};
use crate::table::Table;

/// Measure a job from its claim to done, and the S3 requests it makes
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    measured: clips::Args,
    #[command(flatten)]
    binaries: Binaries,
}

/// Added to each request: none, and about what another data centre takes.
const LATENCIES_MS: [u64; 2] = [0, 40];

/// What S3 charges, in dollars for a million requests.
const DEAR_USD: f64 = 5.0;
const CHEAP_USD: f64 = 0.4;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let clips = Clips::new(&args.measured)?;
    let mut parts = Table::new([
        "clip",
        "latency",
        "claim → done",
        "start",
        "transcode",
        "end",
    ]);
    let mut requests = Table::new([
        "clip",
        "PUT",
        "create, part, complete",
        "LIST",
        "GET, HEAD",
        "DELETE",
        "original fetched",
        "written",
        "requests for 1000 h",
    ]);
    for clip in clips.usual()? {
        let name = clip
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let probe = transcode::probe(transcode::Source::path(&clip)?)?;
        let seconds = probe.duration_ms.unwrap_or(0) as f64 / 1000.0;
        let len_bytes = std::fs::metadata(&clip)?.len();
        let name = format!("{name}, {seconds:.0} s");
        for latency_ms in LATENCIES_MS {
            eprintln!("{name}, {latency_ms} ms");
            let service = Parts::start(
                &args.binaries,
                As::Separate,
                Duration::from_millis(latency_ms),
            )?;
            let mut asked = Vec::new();
            for _ in 0..args.measured.runs {
                service.s3.forget();
                let id = service.api.upload(&clip)?;
                service.api.wait_for(&id)?;
                asked = of_the_job(&service);
            }
            let done = service.worker.events("done")?;
            let of = |field: &str| median(done.iter().map(|event| event.number(field)).collect());
            let ms = |field: &str| format!("{:.0} ms", of(field));
            parts.row([
                name.clone(),
                format!("{latency_ms} ms"),
                ms("duration_ms"),
                ms("start_ms"),
                ms("transcode_ms"),
                ms("end_ms"),
            ]);
            if latency_ms == 0 {
                let fetched = of("original_bytes") / len_bytes as f64;
                requests.row(row(&name, seconds, fetched, &asked));
            }
        }
    }
    let text = format!(
        "{}\n\nS3, API and worker as processes of their own, every rung encoded; medians of {} runs. \
         *Start* is from the claim until the original is probed and decoding begins, *end* from the last \
         fragment of the last rung to the commit. Latency is added to each of the worker's requests.\n\n\
         {parts}\nThe worker's requests for the last run without latency, from the look that found the \
         job on. The longer a job takes, the more of them renew its claim (each 10 s) \
         and note its progress (each per cent, each 2 s at most). The last column is for 1000 hours of such \
         clips: dear requests (PUT, POST, LIST), cheap ones (GET, HEAD), and both in dollars at {DEAR_USD} \
         and {CHEAP_USD} a million.\n\n{requests}",
        machine::description(),
        args.measured.runs,
    );
    publish(Section::Job, &text)
}

/// From the LIST that found the job to the one before the next, once that is there.
fn of_the_job(service: &Parts) -> Vec<Request> {
    let is = |operation| move |request: &Request| request.operation == operation;
    loop {
        let requests = service.s3.requests();
        let settled = requests.iter().position(is(Operation::Delete));
        let ended = settled.is_some_and(|at| requests[at..].iter().any(is(Operation::List)));
        if let (Some(settled), true) = (settled, ended) {
            let first = requests
                .iter()
                .position(is(Operation::PutObject))
                .unwrap_or(0);
            let found = requests[..first]
                .iter()
                .rposition(is(Operation::List))
                .unwrap_or(0);
            return requests[found..=settled].to_vec();
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn row(name: &str, seconds: f64, fetched: f64, asked: &[Request]) -> [String; 9] {
    let count = |wanted: &[Operation]| {
        let found = asked
            .iter()
            .filter(|request| wanted.contains(&request.operation));
        found.count()
    };
    let dear = asked
        .iter()
        .filter(|request| request.operation.is_dear())
        .count();
    let sent_bytes: u64 = asked.iter().map(|request| request.len_bytes).sum();
    let cheap = count(&[Operation::GetObject, Operation::HeadObject]);
    let clips = 1000.0 * 3600.0 / seconds;
    let (dear_m, cheap_m) = (dear as f64 * clips / 1e6, cheap as f64 * clips / 1e6);
    [
        name.to_owned(),
        count(&[Operation::PutObject]).to_string(),
        [
            Operation::CreateMultipartUpload,
            Operation::UploadPart,
            Operation::CompleteMultipartUpload,
        ]
        .map(|operation| count(&[operation]).to_string())
        .join(", "),
        count(&[Operation::List]).to_string(),
        cheap.to_string(),
        count(&[Operation::Delete]).to_string(),
        format!("{:.1} %", fetched * 100.0),
        format!("{:.1} MB", sent_bytes as f64 / 1e6),
        format!(
            "{dear_m:.1} M dear, {cheap_m:.1} M cheap: ${:.0}",
            dear_m * DEAR_USD + cheap_m * CHEAP_USD
        ),
    ]
}
