//! Paired runs: each side once a round, in turn.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::ffmpeg::{self, Ffmpeg};
use crate::floor::Floor;
use crate::measure::{self, Usage, median};
use crate::ours;
use crate::quality::{self, Quality};
use crate::settings::{Rung, Settings};
use crate::x264::X264;

/// What each side took, once.
pub(crate) struct Round {
    pub(crate) ours: Usage,
    /// (a), one `ffmpeg` with a `split` graph.
    pub(crate) one_process: Usage,
    /// (b), an `ffmpeg` for each rung, one after the other.
    pub(crate) one_a_rung: Usage,
    /// (c), CPU only.
    pub(crate) floor_cpu_s: f64,
    /// From small to large.
    pub(crate) rungs: Vec<RungRound>,
}

/// One rung of ours and of (a).
pub(crate) struct RungRound {
    pub(crate) ours: Quality,
    pub(crate) theirs: Quality,
    pub(crate) ours_len_bytes: u64,
    pub(crate) theirs_len_bytes: u64,
}

/// All rounds of one clip.
pub(crate) struct Rounds {
    pub(crate) settings: Settings,
    pub(crate) rounds: Vec<Round>,
    /// The command lines of (a), (b) and (c).
    pub(crate) shown: [Vec<String>; 3],
    /// Where x264 was not told the same, as `ours/theirs`.
    pub(crate) differences: Vec<String>,
}

impl Rounds {
    pub(crate) fn run(clip: &Path, runs: u32) -> anyhow::Result<Self> {
        eprintln!("{}: a run of ours to see its settings", clip.display());
        let settings = Settings::of(clip, "never")?;
        let sides = Sides::prepare(&settings)?;
        let mut rounds = Vec::new();
        for run in 1..=runs {
            let round = sides.round()?;
            eprintln!("  round {run} of {runs}: {}", round.summary());
            rounds.push(round);
        }
        let shown = sides.shown()?;
        let differences = sides.differences()?;
        drop(sides);
        Ok(Self {
            settings,
            rounds,
            shown,
            differences,
        })
    }

    /// The median of a figure over all rounds.
    pub(crate) fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }

    /// The median of a rung's figure over all rounds.
    pub(crate) fn rung_median(&self, at: usize, figure: impl Fn(&RungRound) -> f64) -> f64 {
        self.median(|round| figure(&round.rungs[at]))
    }
}

impl Round {
    fn summary(&self) -> String {
        format!(
            "CPU {:.1} s; (a) {:.1}, (b) {:.1}, (c) {:.1}; wall {:.1} s; (a) {:.1}",
            self.ours.cpu_s,
            self.one_process.cpu_s,
            self.one_a_rung.cpu_s,
            self.floor_cpu_s,
            self.ours.wall_s,
            self.one_process.wall_s,
        )
    }
}

/// The competitors, and where each writes.
struct Sides<'a> {
    settings: &'a Settings,
    pictures: u64,
    ours: TempDir,
    one_process: (TempDir, Ffmpeg),
    one_a_rung: (TempDir, Vec<Ffmpeg>),
    floor: Floor<'a>,
}

impl<'a> Sides<'a> {
    fn prepare(settings: &'a Settings) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let one_process = ffmpeg::one_process(settings, folder.path())?;
        let one_process = (folder, one_process);
        let folder = tempfile::tempdir()?;
        let rungs = settings.rungs.iter();
        let one_a_rung = rungs.map(|rung| ffmpeg::one_rung(settings, rung, folder.path()));
        let one_a_rung = one_a_rung.collect::<anyhow::Result<_>>()?;
        Ok(Self {
            settings,
            pictures: quality::pictures(&settings.clip, "frames")?,
            ours: tempfile::tempdir()?,
            one_process,
            one_a_rung: (folder, one_a_rung),
            floor: Floor::prepare(settings, &settings.rungs)?,
        })
    }

    fn round(&self) -> anyhow::Result<Round> {
        let clip = &self.settings.clip;
        let ours = measure::run(&mut ours::command(clip, self.ours.path(), "never")?)?;
        let one_process = measure::run(&mut self.one_process.1.command())?;
        let mut one_a_rung = Usage::default();
        for ffmpeg in &self.one_a_rung.1 {
            one_a_rung = one_a_rung.then(measure::run(&mut ffmpeg.command())?);
        }
        let rungs = self.settings.rungs.iter().map(|rung| self.rung(rung));
        Ok(Round {
            ours,
            one_process,
            one_a_rung,
            floor_cpu_s: self.floor.cpu_s()?,
            rungs: rungs.collect::<anyhow::Result<_>>()?,
        })
    }

    fn rung(&self, rung: &Rung) -> anyhow::Result<RungRound> {
        let ours = ffmpeg::file(self.ours.path(), rung);
        let theirs = ffmpeg::file(self.one_process.0.path(), rung);
        let files = [ours.as_path(), theirs.as_path()];
        let [ours_quality, theirs_quality] =
            quality::compare(self.settings, self.pictures, rung, files)?;
        Ok(RungRound {
            ours: ours_quality,
            theirs: theirs_quality,
            ours_len_bytes: fs::metadata(&ours)?.len(),
            theirs_len_bytes: fs::metadata(&theirs)?.len(),
        })
    }

    fn shown(&self) -> anyhow::Result<[Vec<String>; 3]> {
        Ok([
            vec![self.one_process.1.shown()],
            self.one_a_rung.1.iter().map(Ffmpeg::shown).collect(),
            self.floor.shown()?,
        ])
    }

    fn differences(&self) -> anyhow::Result<Vec<String>> {
        let mut differences = Vec::new();
        for rung in &self.settings.rungs {
            let theirs = X264::of(&ffmpeg::file(self.one_process.0.path(), rung))?;
            differences.extend(rung.x264.differences(&theirs));
        }
        Ok(differences)
    }
}
