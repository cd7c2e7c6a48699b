//! Whether time grows with a video's length, and memory does not.

use crate::clips::{self, Clips};
use crate::machine;
use crate::measure;
use crate::ours;
use crate::results::{Section, publish};
use crate::table::Table;

/// Measure time and memory for 1 to 60 minutes of video
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    measured: clips::Args,
}

const MINUTES: [u32; 4] = [1, 5, 20, 60];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let clips = Clips::new(&args.measured)?;
    let mut table = Table::new([
        "minutes",
        "CPU s a minute",
        "wall s a minute",
        "to the shortest's CPU",
        "peak memory MiB",
        "to the shortest's",
    ]);
    let mut shortest = None;
    for minutes in MINUTES {
        let clip = clips.long_clip(minutes)?;
        let folder = tempfile::tempdir()?;
        let used = measure::run(&mut ours::command(&clip, folder.path(), "never")?)?;
        let a_minute = |seconds: f64| seconds / f64::from(minutes);
        let (cpu_s, memory_mib) = (a_minute(used.cpu_s), used.peak_memory_mib());
        eprintln!("{minutes} minutes: {cpu_s:.2} CPU seconds a minute, {memory_mib:.0} MiB");
        let (shortest_cpu_s, shortest_mib) = *shortest.get_or_insert((cpu_s, memory_mib));
        table.row([
            minutes.to_string(),
            format!("{cpu_s:.2}"),
            format!("{:.2}", a_minute(used.wall_s)),
            format!("{:.3}", cpu_s / shortest_cpu_s),
            format!("{memory_mib:.0}"),
            format!("{:.3}", memory_mib / shortest_mib),
        ]);
    }
    let text = format!(
        "{}\n\nOne run each on 320×180 at 29.97 frames/s with sound: one minute that is repeated, \
         so that only the length differs.\n\n{table}",
        machine::description()
    );
    publish(Section::Duration, &text)
}
