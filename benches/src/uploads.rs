//! Uploads through the API: how fast beside S3 alone, and what memory they take.

mod client;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, anyhow};

use crate::machine;
use crate::measure::median;
use crate::results::{Section, publish};
use crate::service::{Binaries, Servers};
use crate::table::Table;
use crate::target::Target;

/// Measure uploads through the API: speed beside a bare S3 multipart upload, and memory
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binaries: Binaries,
    /// Rounds of each
    #[arg(long, env = "BENCH_RUNS", default_value_t = 5)]
    runs: u32,
    /// Length of the large file, in MiB
    #[arg(long, default_value_t = 1024)]
    len_mib: u64,
}

const MIB: u64 = 1 << 20;
const SPEED: Target = Target::at_least("speed of a form upload / bare", 0.8);
const MEMORY: Target = Target::at_most("MiB above idle, one upload", 64.0);
/// Forms at once, each of an eighth of the large file.
const AT_ONCE: [u32; 4] = [1, 2, 4, 8];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let large = write_file(folder.path(), "large.mp4", args.len_mib * MIB)?;
    let eighth = write_file(folder.path(), "eighth.mp4", args.len_mib * MIB / 8)?;
    let text = format!(
        "{}\n\n{} MiB of bytes that nothing compresses, on loopback, to the embedded S3 (`assetlab s3`) by way of \
         `assetlab-api`, and beside it the same file by the AWS SDK in parts of 8 MiB straight to that S3, one \
         part after the other. In turn, {} rounds; medians.\n\n{}\n\nMemory is the API's resident set: its peak \
         during the uploads over what it was before, in a process that was just started; medians of as many \
         processes. The files of uploads at once have {} MiB each.\n\n{}",
        machine::description(),
        args.len_mib,
        args.runs,
        speed(args, &large)?,
        args.len_mib / 8,
        memory(args, &large, &eighth)?,
    );
    publish(Section::Uploads, &text)
}

/// Begins as an MP4 file does; the rest is noise.
fn write_file(folder: &Path, name: &str, len_bytes: u64) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    let mut file = BufWriter::new(File::create(&path)?);
    file.write_all(b"\0\0\0\x10ftypisom\0\0\0\0")?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 2..len_bytes / 8 {
        // Xorshift (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.into_inner().context("the file cannot be written")?;
    Ok(path)
}

fn speed(args: &Args, file: &Path) -> anyhow::Result<Table> {
    let servers = Servers::start(&args.binaries)?;
    let bare = client::Bare::new(&servers)?;
    let mut rounds = Vec::new();
    for run in 1..=args.runs {
        let ((), bare_s) = timed(|| bare.upload(file))?;
        let (form, form_s) = timed(|| client::form(&servers.origin, file))?;
        client::delete(&servers.origin, &form)?;
        let (tus, tus_s) = timed(|| client::tus(&servers.origin, file))?;
        client::delete(&servers.origin, &tus)?;
        eprintln!("  round {run}: bare {bare_s:.2} s, form {form_s:.2} s, tus {tus_s:.2} s");
        rounds.push([bare_s, form_s, tus_s]);
    }
    let mut table = Table::new(["upload", "MiB/s", "speed / bare"]);
    for (at, name) in ["bare S3 multipart", "form", "tus, one PATCH"]
        .into_iter()
        .enumerate()
    {
        let speed = median(
            rounds
                .iter()
                .map(|round| args.len_mib as f64 / round[at])
                .collect(),
        );
        let ratio = median(rounds.iter().map(|round| round[0] / round[at]).collect());
        let verdict = match at {
            0 => "1".to_owned(),
            1 => format!("{} ({})", SPEED.verdict(ratio), SPEED.bound()),
            _ => format!("{ratio:.3}"),
        };
        table.row([name.to_owned(), format!("{speed:.0}"), verdict]);
    }
    Ok(table)
}

/// What came of it, and the seconds it took.
fn timed<T>(run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
    let started = Instant::now();
    let done = run()?;
    Ok((done, started.elapsed().as_secs_f64()))
}

fn memory(args: &Args, large: &Path, eighth: &Path) -> anyhow::Result<Table> {
    let mut table = Table::new(["uploads", "MiB above idle"]);
    let one = |verdict: f64| format!("{} ({})", MEMORY.verdict(verdict), MEMORY.bound());
    for (name, upload) in [
        (
            "a form",
            client::form as fn(&str, &Path) -> anyhow::Result<String>,
        ),
        ("tus, one PATCH", client::tus),
    ] {
        let above_mib = above_idle_mib(args, |origin| upload(origin, large).map(drop))?;
        table.row([format!("{name}, {} MiB", args.len_mib), one(above_mib)]);
    }
    for count in AT_ONCE {
        let above_mib = above_idle_mib(args, |origin| {
            thread::scope(|scope| {
                let uploads: Vec<_> = (0..count)
                    .map(|_| scope.spawn(|| client::form(origin, eighth)))
                    .collect();
                uploads.into_iter().try_for_each(|upload| {
                    let ended = upload.join().map_err(|_| anyhow!("an upload panicked"))?;
                    ended.map(drop)
                })
            })
        })?;
        table.row([format!("forms at once: {count}"), format!("{above_mib:.1}")]);
    }
    Ok(table)
}

/// In MiB, the median over the rounds.
fn above_idle_mib(args: &Args, upload: impl Fn(&str) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut above_mib = Vec::new();
    for _ in 0..args.runs {
        let servers = Servers::start(&args.binaries)?;
        servers.api.forget_peak()?;
        let (idle, _) = servers.api.memory_bytes()?;
        upload(&servers.origin)?;
        let (_, peak) = servers.api.memory_bytes()?;
        above_mib.push(peak.saturating_sub(idle) as f64 / MIB as f64);
    }
    eprintln!("  {above_mib:.1?} MiB above idle");
    Ok(median(above_mib))
}
