//! Ours against the `ffmpeg` CLI, everything encoded.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::clips::{self, Clips};
use crate::machine;
use crate::measure::Usage;
use crate::results::{Section, publish};
use crate::rounds::{Round, Rounds};
use crate::table::Table;
use crate::target::Target;

/// Compare with the ffmpeg CLI at the same settings, nothing copied
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Clips to compare on [default: a film and camera clips]
    clips: Vec<PathBuf>,
    #[command(flatten)]
    measured: clips::Args,
}

/// How a figure is worked out of all rounds.
type Figure = fn(&Rounds) -> f64;

const TARGETS: [(Target, Figure); 8] = [
    (Target::at_most("CPU / (a)", 0.95), |rounds| {
        rounds.median(|round| round.ours.cpu_s / round.one_process.cpu_s)
    }),
    (Target::at_most("wall / (a)", 0.95), |rounds| {
        rounds.median(|round| round.ours.wall_s / round.one_process.wall_s)
    }),
    (Target::at_most("CPU / (b)", 0.75), |rounds| {
        rounds.median(|round| round.ours.cpu_s / round.one_a_rung.cpu_s)
    }),
    (Target::at_most("CPU / (c)", 1.05), |rounds| {
        rounds.median(|round| round.ours.cpu_s / round.floor_cpu_s)
    }),
    (Target::at_most("peak memory / (a)", 1.0), |rounds| {
        rounds.median(|round| round.ours.peak_memory_mib() / round.one_process.peak_memory_mib())
    }),
    (
        Target::at_least("SSIM − (a)'s, worst rung", -0.002),
        |rounds| {
            worst(rounds, f64::min, |round, at| {
                round.rungs[at].ours.ssim - round.rungs[at].theirs.ssim
            })
        },
    ),
    (
        Target::at_least("PSNR − (a)'s, dB, worst rung", -0.1),
        |rounds| {
            worst(rounds, f64::min, |round, at| {
                round.rungs[at].ours.psnr_db - round.rungs[at].theirs.psnr_db
            })
        },
    ),
    (
        Target::at_most("bytes / (a)'s, worst rung", 1.01),
        |rounds| {
            worst(rounds, f64::max, |round, at| {
                round.rungs[at].ours_len_bytes as f64 / round.rungs[at].theirs_len_bytes as f64
            })
        },
    ),
];

/// What CPU ratios would be for a program that took no more than the floor.
const LEAST: [(&str, Figure); 2] = [
    ("(c) / (a): ours at its best", |rounds| {
        rounds.median(|round| round.floor_cpu_s / round.one_process.cpu_s)
    }),
    ("(c) / (b): ours at its best", |rounds| {
        rounds.median(|round| round.floor_cpu_s / round.one_a_rung.cpu_s)
    }),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let made = Clips::new(&args.measured)?;
    let clips = match args.clips.is_empty() {
        true => made.usual()?,
        false => args
            .clips
            .iter()
            .map(|clip| {
                fs::canonicalize(clip).with_context(|| format!("cannot open {}", clip.display()))
            })
            .collect::<anyhow::Result<_>>()?,
    };
    let clips = clips
        .iter()
        .map(|clip| Rounds::run(clip, args.measured.runs));
    let clips = clips.collect::<anyhow::Result<Vec<_>>>()?;
    let mut text = format!("{}\n\n{}", machine::description(), summary(&clips));
    for rounds in &clips {
        details(&mut text, rounds)?;
    }
    if let Some(rounds) = clips.first() {
        command_lines(&mut text, rounds)?;
    }
    publish(Section::Compare, &text)
}

/// The targets of all clips in one table.
fn summary(clips: &[Rounds]) -> Table {
    let names = clips.iter().map(|rounds| rounds.settings.name());
    let mut table = Table::new(
        ["figure", "target"]
            .map(str::to_owned)
            .into_iter()
            .chain(names),
    );
    for (target, figure) in TARGETS {
        let measured = clips.iter().map(|rounds| target.verdict(figure(rounds)));
        let row = [target.figure.to_owned(), target.bound()];
        table.row(row.into_iter().chain(measured));
    }
    for (name, least) in LEAST {
        let measured = clips.iter().map(|rounds| format!("{:.3}", least(rounds)));
        let row = [name.to_owned(), String::new()];
        table.row(row.into_iter().chain(measured));
    }
    table
}

/// What one clip took, and came to.
fn details(text: &mut String, rounds: &Rounds) -> std::fmt::Result {
    let settings = &rounds.settings;
    let (name, runs) = (settings.name(), rounds.rounds.len());
    let (width_px, height_px) = (settings.width_px, settings.height_px);
    let duration_s = settings.duration_s;
    writeln!(
        text,
        "\n### {name}\n\n{width_px}×{height_px}, {duration_s:.1} s; medians, rounds: {runs}.\n"
    )?;
    text.push_str(&costs(rounds).to_string());
    text.push('\n');
    text.push_str(&renditions(rounds).to_string());
    let version = settings.rungs.first().map_or("", |rung| &rung.x264.version);
    if rounds.differences.is_empty() {
        writeln!(
            text,
            "\nx264 {version} was told the same by ours and by (a): the options that it wrote into \
             the streams are equal."
        )?;
    } else {
        let differences = rounds.differences.join(", ");
        writeln!(
            text,
            "\nx264 was **not told the same** (ours/(a)): {differences}."
        )?;
    }
    Ok(())
}

fn costs(rounds: &Rounds) -> Table {
    let mut table = Table::new(["side", "CPU s", "wall s", "peak memory MiB", "output bytes"]);
    let mut row = |side: &str, usage: fn(&Round) -> Usage, len_bytes: Option<fn(&Round) -> u64>| {
        let median = |figure: fn(Usage) -> f64| rounds.median(|round| figure(usage(round)));
        table.row([
            side.to_owned(),
            format!("{:.2}", median(|used| used.cpu_s)),
            format!("{:.2}", median(|used| used.wall_s)),
            format!("{:.0}", median(Usage::peak_memory_mib)),
            len_bytes.map_or(String::new(), |len_bytes| {
                format!("{:.0}", rounds.median(|round| len_bytes(round) as f64))
            }),
        ]);
    };
    row(
        "ours",
        |round| round.ours,
        Some(|round| round.rungs.iter().map(|rung| rung.ours_len_bytes).sum()),
    );
    row(
        "(a) one ffmpeg, split graph",
        |round| round.one_process,
        Some(|round| round.rungs.iter().map(|rung| rung.theirs_len_bytes).sum()),
    );
    row("(b) an ffmpeg a rung", |round| round.one_a_rung, None);
    let floor_s = rounds.median(|round| round.floor_cpu_s);
    table.row(["(c) floor".to_owned(), format!("{floor_s:.2}")]);
    table
}

fn renditions(rounds: &Rounds) -> Table {
    let mut table = Table::new([
        "rung", "SSIM", "(a)'s", "PSNR dB", "(a)'s", "bytes", "(a)'s", "ratio",
    ]);
    for (at, rung) in rounds.settings.rungs.iter().enumerate() {
        let ours_len_bytes = rounds.rung_median(at, |rung| rung.ours_len_bytes as f64);
        let theirs_len_bytes = rounds.rung_median(at, |rung| rung.theirs_len_bytes as f64);
        table.row([
            rung.name.clone(),
            format!("{:.4}", rounds.rung_median(at, |rung| rung.ours.ssim)),
            format!("{:.4}", rounds.rung_median(at, |rung| rung.theirs.ssim)),
            format!("{:.2}", rounds.rung_median(at, |rung| rung.ours.psnr_db)),
            format!("{:.2}", rounds.rung_median(at, |rung| rung.theirs.psnr_db)),
            format!("{ours_len_bytes:.0}"),
            format!("{theirs_len_bytes:.0}"),
            format!("{:.3}", ours_len_bytes / theirs_len_bytes),
        ]);
    }
    table
}

fn command_lines(text: &mut String, rounds: &Rounds) -> std::fmt::Result {
    let name = rounds.settings.name();
    writeln!(
        text,
        "\n### Command lines\n\nFor {name}; each with `-nostdin -hide_banner \
                    -loglevel error -y`. Rates are those that ours gave x264. (a) and (b) choose their threads \
                    themselves, (c) has those that ours gave x264.\n"
    )?;
    for (side, lines) in ["(a)", "(b)", "(c)"].iter().zip(&rounds.shown) {
        writeln!(text, "{side}\n\n```sh\n{}\n```\n", lines.join("\n"))?;
    }
    Ok(())
}

/// The worst of all rungs' medians; not a number if one is none.
fn worst(rounds: &Rounds, worse: fn(f64, f64) -> f64, figure: fn(&Round, usize) -> f64) -> f64 {
    let rungs = 0..rounds.settings.rungs.len();
    let medians = rungs.map(|at| rounds.median(|round| figure(round, at)));
    let medians: Vec<f64> = medians.collect();
    match medians.iter().any(|median| median.is_nan()) {
        true => f64::NAN,
        false => medians.into_iter().reduce(worse).unwrap_or(f64::NAN),
    }
}
