//! Many clips at once: how many jobs a worker should run side by side.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::clips::{self, Clips};
use crate::machine;
use crate::measure::median;
use crate::results::{Section, publish};
use crate::service::{Binaries, Site};
use crate::table::Table;

/// Measure 20 mixed clips, and one alone, at several numbers of jobs at once
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    measured: clips::Args,
    #[command(flatten)]
    binaries: Binaries,
    /// Values of `WORKER_JOBS` to try
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    jobs: Vec<u16>,
}

const CLIPS: usize = 20;

/// What phones, cameras, screens and other sites make, small enough for a repository.
const FIXTURES: [&str; 10] = [
    "butterfly_720p2997_7s.mp4",
    "hdr10_hevc_1080p.mp4",
    "hevc_1080p_fullrange_rot-90_metadata.mp4",
    "rot-90_iphone_ios9_0.5s.mov",
    "vfr_640x480_600tb.mov",
    "interlaced_576i.mpg",
    "avi_mpeg4_mp3_960x400.avi",
    "screen_recording.mp4",
    "ts_portrait_720x1280_start588s.ts",
    "vp9_p2_10bit_426x240.webm",
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let clips = Clips::new(&args.measured)?;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let fixtures = FIXTURES.iter().cycle().map(|name| fixtures.join(name));
    let mixed: Vec<_> = clips
        .usual()?
        .into_iter()
        .chain(fixtures)
        .take(CLIPS)
        .collect();
    let film = [clips.film()?];

    let mut table = Table::new([
        "WORKER_JOBS",
        "jobs a minute",
        "CPU",
        "cores busy",
        "memory of the largest process",
        "the film alone",
    ]);
    let mut rounds = vec![Vec::new(); args.jobs.len()];
    // In turn, so that what else the machine does hits all alike.
    for run in 1..=args.measured.runs {
        for (jobs, rounds) in args.jobs.iter().zip(&mut rounds) {
            eprintln!("{jobs} jobs at once, run {run}");
            let all = Round::measure(&args.binaries, *jobs, &mixed)?;
            let alone = Round::measure(&args.binaries, *jobs, &film)?;
            rounds.push((all, alone));
        }
    }
    for (jobs, rounds) in args.jobs.iter().zip(rounds) {
        let of = |figure: fn(&(Round, Round)) -> f64| median(rounds.iter().map(figure).collect());
        table.row([
            jobs.to_string(),
            format!("{:.1}", of(|(all, _)| CLIPS as f64 * 60.0 / all.wall_s)),
            format!("{:.1} s", of(|(all, _)| all.cpu_s)),
            format!("{:.2}", of(|(all, _)| all.cpu_s / all.wall_s)),
            format!(
                "{:.0} MiB",
                of(|(all, _)| all.peak_memory_bytes as f64 / f64::from(1 << 20))
            ),
            format!("{:.1} s", of(|(_, alone)| alone.wall_s)),
        ]);
    }
    let text = format!(
        "{}\n\n{CLIPS} clips of many kinds, uploaded at once to `assetlab`: the longest first, as the queue \
         takes them; medians of {} runs, from the first upload to the last `done`. CPU is that of \
         everything, the S3 included.\n\n{table}",
        machine::description(),
        args.measured.runs,
    );
    publish(Section::Throughput, &text)
}

#[derive(Clone, Copy)]
struct Round {
    wall_s: f64,
    cpu_s: f64,
    peak_memory_bytes: u64,
}

impl Round {
    fn measure(binaries: &Binaries, jobs: u16, clips: &[PathBuf]) -> anyhow::Result<Self> {
        let site = Site::start(
            binaries,
            &[("WORKER_JOBS", &jobs.to_string()), ("COPY", "never")],
        )?;
        let started = Instant::now();
        let ids: Vec<_> = clips
            .iter()
            .map(|clip| site.api.upload(clip))
            .collect::<Result<_, _>>()?;
        for id in &ids {
            site.api.wait_for(id)?;
        }
        let wall_s = started.elapsed().as_secs_f64();
        let used = site.process.stop()?;
        Ok(Self {
            wall_s,
            cpu_s: used.cpu_s,
            peak_memory_bytes: used.peak_memory_bytes,
        })
    }
}
