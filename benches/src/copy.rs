//! What copying the top rung saves.

use crate::clips::{self, Clips};
use crate::ffmpeg;
use crate::floor::Floor;
use crate::machine;
use crate::measure::{self, Usage, median};
use crate::ours;
use crate::results::{Section, publish};
use crate::settings::Settings;
use crate::table::Table;
use crate::target::Target;

/// Compare where the top rung can be copied
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    measured: clips::Args,
}

const CPU_TO_PARTS: Target = Target::at_most("CPU / the lower rungs' floor", 1.08);
/// The upper end of what is expected.
const CPU_TO_SPLIT: Target = Target::at_most("CPU / (a)", 0.5);

struct Round {
    ours: Usage,
    one_process: Usage,
    lower_cpu_s: f64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let clips = Clips::new(&args.measured)?;
    let clip = clips.copyable_film()?;
    eprintln!("{}: runs of ours to see its settings", clip.display());
    let copied = ours::copied_rungs(&clip)?;
    let settings = Settings::of(&clip, "never")?;
    // Threads are shared out otherwise when the top rung needs none.
    let lower = Settings::of(&clip, "auto")?;
    let floor = Floor::prepare(&lower, &lower.rungs[..lower.rungs.len() - 1])?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let one_process = ffmpeg::one_process(&settings, folders[1].path())?;
    let mut rounds = Vec::new();
    for run in 1..=args.measured.runs {
        let round = Round {
            ours: measure::run(&mut ours::command(&clip, folders[0].path(), "auto")?)?,
            one_process: measure::run(&mut one_process.command())?,
            lower_cpu_s: floor.cpu_s()?,
        };
        eprintln!(
            "  round {run} of {}: CPU {:.1} s; (a) {:.1}, lower rungs' floor {:.1}",
            args.measured.runs, round.ours.cpu_s, round.one_process.cpu_s, round.lower_cpu_s
        );
        rounds.push(round);
    }
    let which = match copied.as_slice() {
        [] => "**No rung was copied.**".to_owned(),
        names => format!("Copied: {}.", names.join(", ")),
    };
    let text = format!(
        "{}\n\nThe film, encoded anew as H.264 with closed GOPs of 2 s, at most 5 Mbit/s, and \
         stereo AAC; medians, rounds: {}. {which}\n\n{}\n{}\nThe lower rungs' floor:\n\n\
         ```sh\n{}\n```\n",
        machine::description(),
        rounds.len(),
        targets(&rounds),
        costs(&rounds),
        floor.shown()?.join("\n"),
    );
    publish(Section::Copy, &text)
}

fn targets(rounds: &[Round]) -> Table {
    let mut table = Table::new(["figure", "target", "film"]);
    let mut row = |target: Target, figure: fn(&Round) -> f64| {
        let measured = median(rounds.iter().map(figure).collect());
        table.row([
            target.figure.to_owned(),
            target.bound(),
            target.verdict(measured),
        ]);
    };
    row(CPU_TO_PARTS, |round| round.ours.cpu_s / round.lower_cpu_s);
    row(CPU_TO_SPLIT, |round| {
        round.ours.cpu_s / round.one_process.cpu_s
    });
    table
}

fn costs(rounds: &[Round]) -> Table {
    let mut table = Table::new(["side", "CPU s", "wall s", "peak memory MiB"]);
    let median = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    table.row([
        "ours".to_owned(),
        format!("{:.2}", median(|round| round.ours.cpu_s)),
        format!("{:.2}", median(|round| round.ours.wall_s)),
        format!("{:.0}", median(|round| round.ours.peak_memory_mib())),
    ]);
    table.row([
        "(a) one ffmpeg, split graph".to_owned(),
        format!("{:.2}", median(|round| round.one_process.cpu_s)),
        format!("{:.2}", median(|round| round.one_process.wall_s)),
        format!("{:.0}", median(|round| round.one_process.peak_memory_mib())),
    ]);
    table.row([
        "the lower rungs' floor".to_owned(),
        format!("{:.2}", median(|round| round.lower_cpu_s)),
    ]);
    table
}
