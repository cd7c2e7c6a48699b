//! How soon an idle worker claims what was uploaded, and what it costs to wait.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use time::OffsetDateTime;

use crate::machine;
use crate::measure::median;
use crate::results::{Section, publish};
use crate::service::{Api, As, Binaries, Parts, Process, Site};
use crate::table::Table;

/// Measure how soon an idle worker claims an upload, and its requests while there is none
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binaries: Binaries,
    /// Uploads to each set-up
    #[arg(long, default_value_t = 50)]
    uploads: u32,
    /// How long to watch an idle worker, in seconds
    #[arg(long, default_value_t = 120)]
    idle_s: u64,
}

/// One picture.
const CLIP: &str = "../fixtures/one_picture.mp4";
/// Until then a worker's looks are as far apart as they get: 1 s, growing by half to 10 s.
const SETTLED: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut table = Table::new([
        "set-up",
        "claimed after, median",
        "maximum",
        "requests a minute, idle",
    ]);
    for (name, kind) in [
        ("`assetlab`", As::Child),
        ("separate processes", As::Separate),
    ] {
        eprintln!("{name}");
        let parts = Parts::start(&args.binaries, kind, Duration::ZERO)?;
        let idle_requests = idle(&parts, Duration::from_secs(args.idle_s));
        let waits_ms = match kind {
            As::Separate => waits_ms(&parts.api, &parts.worker, args.uploads)?,
            As::Child => {
                drop(parts);
                let site = Site::start(&args.binaries, &[])?;
                waits_ms(&site.api, &site.process, args.uploads)?
            }
        };
        let longest = waits_ms.iter().copied().fold(f64::NAN, f64::max);
        table.row([
            name.to_owned(),
            format!("{:.0} ms", median(waits_ms)),
            format!("{longest:.0} ms"),
            format!("{idle_requests:.1}"),
        ]);
    }
    let text = format!(
        "{}\n\n{} uploads of a tiny clip, one after the other with pauses of different lengths: from the \
         answer that the upload is complete until the log says `claimed`, which may come before the answer \
         has reached the client: then the time is below 0. `assetlab` tells its worker \
         of uploads; separate workers look for them, 1 s after the last job at first, then less and \
         less often, each 10 s in the end. Requests are those of a worker that has been idle for {} s, counted over {} s; that of \
         `assetlab` was run as it runs it.\n\n{table}",
        machine::description(),
        args.uploads,
        SETTLED.as_secs(),
        args.idle_s,
    );
    publish(Section::Claims, &text)
}

/// Requests a minute.
fn idle(parts: &Parts, watched: Duration) -> f64 {
    thread::sleep(SETTLED);
    parts.s3.forget();
    thread::sleep(watched);
    parts.s3.requests().len() as f64 * 60.0 / watched.as_secs_f64()
}

/// From the answer that an upload is complete to its claim; below 0 where that came first.
fn waits_ms(api: &Api, worker: &Process, uploads: u32) -> anyhow::Result<Vec<f64>> {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIP);
    let mut waits_ms = Vec::new();
    for upload in 0..uploads {
        // Looks at fixed times would otherwise always be met at the same distance.
        thread::sleep(Duration::from_millis(u64::from(upload * 37 % 50) * 40));
        let id = api.upload(&clip)?;
        let complete_at = OffsetDateTime::now_utc();
        api.wait_for(&id)?;
        let claims = worker.events("claimed")?;
        let claims: Vec<_> = claims.iter().filter(|claim| claim.is_of(&id)).collect();
        let [claim] = claims.as_slice() else {
            bail!("the log has {} claims of an upload, not one", claims.len());
        };
        let wait = claim.at()? - complete_at;
        let wait_ms = wait.as_seconds_f64() * 1000.0;
        eprintln!("  {}: {wait_ms:.0} ms", upload + 1);
        waits_ms.push(wait_ms);
    }
    Ok(waits_ms)
}
