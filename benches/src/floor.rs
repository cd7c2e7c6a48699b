//! What no program can do without: decoding once, scaling to each rung, encoding each, and
//! encoding the sound once.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::ffmpeg::Ffmpeg;
use crate::measure;
use crate::settings::{Rung, Settings};

/// Memory that is a folder: reading raw pictures must not wait for a disk.
const MEMORY_FOLDER: &str = "/dev/shm";

/// The parts of the floor for some of a clip's rungs.
pub(crate) struct Floor<'a> {
    settings: &'a Settings,
    rungs: &'a [Rung],
    /// Holds each rung's raw pictures; gone with this.
    raw: TempDir,
}

impl<'a> Floor<'a> {
    /// Decodes and scales each rung's pictures into memory.
    pub(crate) fn prepare(settings: &'a Settings, rungs: &'a [Rung]) -> anyhow::Result<Self> {
        let raw = match Path::new(MEMORY_FOLDER) {
            memory if memory.is_dir() => tempfile::tempdir_in(memory)?,
            _ => tempfile::tempdir()?,
        };
        let floor = Self {
            settings,
            rungs,
            raw,
        };
        let mut ffmpeg = Ffmpeg::read(settings).split(settings, rungs);
        for (at, rung) in rungs.iter().enumerate() {
            ffmpeg = ffmpeg
                .options(&format!("-map [v{at}]"))
                .every_picture(settings)
                .options("-c:v rawvideo -pix_fmt yuv420p -f nut")
                .argument(floor.raw_file(rung));
        }
        measure::run(&mut ffmpeg.command()).with_context(|| {
            format!(
                "cannot keep the raw pictures in {}",
                floor.raw.path().display()
            )
        })?;
        Ok(floor)
    }

    /// CPU seconds of all parts together.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        let cpu_s = |ffmpeg: Ffmpeg| anyhow::Ok(measure::run(&mut ffmpeg.command())?.cpu_s);
        let mut total_s = cpu_s(self.decode_and_scale())?;
        for rung in self.rungs {
            let read_s = cpu_s(self.read(rung))?;
            total_s += cpu_s(self.encode(rung)?)? - read_s;
        }
        if self.settings.sound.is_some() {
            total_s += cpu_s(self.sound())? - cpu_s(start())?;
        }
        Ok(total_s)
    }

    /// The command lines, and what each counts for.
    pub(crate) fn shown(&self) -> anyhow::Result<Vec<String>> {
        let mut lines = vec![self.decode_and_scale().shown()];
        for rung in self.rungs {
            lines.push(self.encode(rung)?.shown());
            lines.push(format!("less  {}", self.read(rung).shown()));
        }
        if self.settings.sound.is_some() {
            lines.push(self.sound().shown());
            lines.push(format!("less  {}", start().shown()));
        }
        Ok(lines)
    }

    fn decode_and_scale(&self) -> Ffmpeg {
        let ffmpeg = Ffmpeg::read(self.settings).split(self.settings, self.rungs);
        (0..self.rungs.len()).fold(ffmpeg, |ffmpeg, at| {
            let ffmpeg = ffmpeg.options(&format!("-map [v{at}]"));
            ffmpeg.every_picture(self.settings).nowhere()
        })
    }

    fn read(&self, rung: &Rung) -> Ffmpeg {
        Ffmpeg::read_raw(&self.raw_file(rung))
            .every_picture(self.settings)
            .nowhere()
    }

    fn encode(&self, rung: &Rung) -> anyhow::Result<Ffmpeg> {
        let ffmpeg = Ffmpeg::read_raw(&self.raw_file(rung));
        Ok(ffmpeg.x264(self.settings, rung)?.nowhere())
    }

    fn sound(&self) -> Ffmpeg {
        Ffmpeg::read(self.settings).aac(self.settings).nowhere()
    }

    fn raw_file(&self, rung: &Rung) -> PathBuf {
        self.raw.path().join(format!("{}.nut", rung.name))
    }
}

/// What starting a process takes: the floor needs one.
fn start() -> Ffmpeg {
    Ffmpeg::default().options("-version")
}
