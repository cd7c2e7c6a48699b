//! What a service needs: from CPU seconds a minute of video to cores.

use std::path::Path;

use crate::clips::{self, Clips};
use crate::machine;
use crate::measure::{self, median};
use crate::ours;
use crate::results::{Section, publish};
use crate::table::Table;

/// Measure what a minute of video costs, and work out what a service needs
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    measured: clips::Args,
}

/// What the model is asked for.
const HOURS_A_DAY: f64 = 1000.0;
/// Cores are not kept busier than this, so that queues stay short.
const LOAD: f64 = 0.7;
const SECONDS_A_DAY: f64 = 86_400.0;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let clips = Clips::new(&args.measured)?;
    let sources = [
        ("1080p", clips.film()?, "never"),
        ("1080p, top rung copied", clips.copyable_film()?, "auto"),
        ("720p", clips.small_film(720)?, "never"),
        ("360p", clips.small_film(360)?, "never"),
    ];
    let mut table = Table::new([
        "source".to_owned(),
        "CPU s a minute".to_owned(),
        "original MB a minute".to_owned(),
        "renditions MB a minute".to_owned(),
        format!("cores for {HOURS_A_DAY} hours a day"),
    ]);
    for (name, clip, copy) in &sources {
        let copied = *copy == "never" || !ours::copied_rungs(clip)?.is_empty();
        let name = if copied {
            (*name).to_owned()
        } else {
            format!("{name} (it was not)")
        };
        eprintln!("{name}");
        let minute = Minute::measure(clip, copy, args.measured.runs)?;
        table.row([
            name,
            format!("{:.1}", minute.cpu_s),
            format!("{:.1}", minute.original_mb),
            format!("{:.1}", minute.renditions_mb),
            format!("{:.0}", cores(minute.cpu_s)),
        ]);
    }
    let text = format!(
        "{}\n\nThe film at several sizes, every rung that fits it; medians, runs: {}. Cores as of \
         this machine, at {:.0} % load: CPU seconds a minute × 60 × {HOURS_A_DAY} h ÷ \
         {SECONDS_A_DAY} s ÷ {LOAD}.\n\n{table}",
        machine::description(),
        args.measured.runs,
        LOAD * 100.0,
    );
    publish(Section::Cost, &text)
}

/// What a minute of a source takes and gives.
struct Minute {
    cpu_s: f64,
    original_mb: f64,
    renditions_mb: f64,
}

impl Minute {
    fn measure(clip: &Path, copy: &str, runs: u32) -> anyhow::Result<Self> {
        let probe = transcode::probe(transcode::Source::path(clip)?)?;
        let minutes = probe.duration_ms.unwrap_or(0) as f64 / 60_000.0;
        let mut cpu_s = Vec::new();
        let mut renditions_len_bytes = Vec::new();
        for _ in 0..runs {
            let folder = tempfile::tempdir()?;
            let used = measure::run(&mut ours::command(clip, folder.path(), copy)?)?;
            cpu_s.push(used.cpu_s);
            let mut len_bytes = 0;
            for file in std::fs::read_dir(folder.path())? {
                len_bytes += file?.metadata()?.len();
            }
            renditions_len_bytes.push(len_bytes as f64);
        }
        Ok(Self {
            cpu_s: median(cpu_s) / minutes,
            original_mb: std::fs::metadata(clip)?.len() as f64 / 1e6 / minutes,
            renditions_mb: median(renditions_len_bytes) / 1e6 / minutes,
        })
    }
}

/// Cores for [`HOURS_A_DAY`] at [`LOAD`].
fn cores(cpu_s_a_minute: f64) -> f64 {
    cpu_s_a_minute * 60.0 * HOURS_A_DAY / SECONDS_A_DAY / LOAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_carry_a_days_hours() {
        // 1.44 CPU seconds a second of video: 60 cores all day, if none ever waited.
        assert!((cores(86.4) - 60.0 / LOAD).abs() < 1e-9);
    }
}
