//! Ours against the `ffmpeg` CLI.

use std::path::PathBuf;

use crate::measure::{Usage, median, run as measure};
use crate::ours;
use crate::results::{Section, publish};
use crate::table::Table;

/// Compare with the ffmpeg CLI at the same settings
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(required = true)]
    clips: Vec<PathBuf>,
    /// Paired runs
    #[arg(long, env = "BENCH_RUNS", default_value_t = 5)]
    runs: usize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut table = Table::new(["clip", "CPU", "wall", "peak memory"]);
    for clip in &args.clips {
        let mut total = Usage::default();
        let mut cpu_s = Vec::new();
        for _ in 0..args.runs {
            let folder = tempfile::tempdir()?;
            let used = measure(&mut ours::command(clip, folder.path(), "never")?)?;
            cpu_s.push(used.cpu_s);
            total = total.then(used);
        }
        table.row([
            clip.display().to_string(),
            format!("{:.2} s", median(cpu_s)),
            format!("{:.2} s", total.wall_s / args.runs as f64),
            format!(
                "{:.0} MiB",
                total.peak_memory_bytes as f64 / (1 << 20) as f64
            ),
        ]);
    }
    publish(Section::Compare, &table.to_string())
}
