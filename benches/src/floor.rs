//! What no program can do without: decoding once, scaling to each rung (by zimg, the cheapest that
//! is known), encoding each with as many threads as ours has, and encoding the sound once.

use std::fs::File;
use std::io::Seek;
use std::path::Path;
use std::slice;

use anyhow::Context;

use crate::ffmpeg::{self, Ffmpeg};
use crate::measure;
use crate::settings::{Rung, Settings};

/// Memory that is a folder: reading raw pictures must not wait for a disk.
const MEMORY_FOLDER: &str = "/dev/shm";

/// The parts of the floor for some of a clip's rungs.
pub(crate) struct Floor<'a> {
    settings: &'a Settings,
    rungs: &'a [Rung],
    /// Each rung's raw pictures, in files without a name: they go with this process, however it
    /// ends.
    raw: Vec<File>,
}

impl<'a> Floor<'a> {
    /// Decodes and scales each rung's pictures into memory.
    pub(crate) fn prepare(settings: &'a Settings, rungs: &'a [Rung]) -> anyhow::Result<Self> {
        let raw = rungs.iter().map(|rung| raw_pictures(settings, rung));
        let raw = raw.collect::<anyhow::Result<_>>();
        Ok(Self {
            settings,
            rungs,
            raw: raw.context("cannot keep the raw pictures in memory")?,
        })
    }

    /// CPU seconds of all parts together.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        let cpu_s = |ffmpeg: Ffmpeg| anyhow::Ok(measure::run(&mut ffmpeg.command())?.cpu_s);
        let mut total_s = cpu_s(self.decode_and_scale())?;
        for (rung, raw) in self.rungs.iter().zip(&self.raw) {
            total_s += cpu_s_of(&self.encode(rung)?, raw)? - cpu_s_of(&self.read(), raw)?;
        }
        if self.settings.sound.is_some() {
            total_s += cpu_s(self.sound())? - cpu_s(start())?;
        }
        Ok(total_s)
    }

    /// The command lines; those that begin with `less` are subtracted.
    pub(crate) fn shown(&self) -> anyhow::Result<Vec<String>> {
        let mut lines = vec![self.decode_and_scale().shown()];
        for rung in self.rungs {
            let raw = format!("< {}.nut", rung.name);
            lines.push(format!("{} {raw}", self.encode(rung)?.shown()));
            lines.push(format!("less {} {raw}", self.read().shown()));
        }
        if self.settings.sound.is_some() {
            lines.push(self.sound().shown());
            lines.push(format!("less {}", start().shown()));
        }
        Ok(lines)
    }

    fn decode_and_scale(&self) -> Ffmpeg {
        let ffmpeg = Ffmpeg::read(self.settings).split(self.settings, self.rungs, ffmpeg::zimg);
        (0..self.rungs.len()).fold(ffmpeg, |ffmpeg, at| {
            let ffmpeg = ffmpeg.options(&format!("-map [v{at}]"));
            ffmpeg.every_picture(self.settings).nowhere()
        })
    }

    fn read(&self) -> Ffmpeg {
        Ffmpeg::read_raw().every_picture(self.settings).nowhere()
    }

    fn encode(&self, rung: &Rung) -> anyhow::Result<Ffmpeg> {
        // Each more costs: no more of them than ours has.
        let threads = rung.x264.get("threads")?;
        let x264 = Ffmpeg::read_raw().x264(self.settings, rung)?;
        Ok(x264.options(&format!("-threads:v {threads}")).nowhere())
    }

    fn sound(&self) -> Ffmpeg {
        Ffmpeg::read(self.settings).aac(self.settings).nowhere()
    }
}

/// What starting a process takes: the floor needs one.
fn start() -> Ffmpeg {
    Ffmpeg::default().options("-version")
}

/// CPU seconds of a command that reads raw pictures.
fn cpu_s_of(ffmpeg: &Ffmpeg, mut raw: &File) -> anyhow::Result<f64> {
    raw.rewind()?;
    let used = measure::run(ffmpeg.command().stdin(raw.try_clone()?))?;
    Ok(used.cpu_s)
}

fn raw_pictures(settings: &Settings, rung: &Rung) -> anyhow::Result<File> {
    let file = match Path::new(MEMORY_FOLDER) {
        memory if memory.is_dir() => tempfile::tempfile_in(memory)?,
        _ => tempfile::tempfile()?,
    };
    let decode = Ffmpeg::read(settings)
        .split(settings, slice::from_ref(rung), ffmpeg::zimg)
        .options("-map [v0]")
        .every_picture(settings)
        .options("-c:v rawvideo -pix_fmt yuv420p -f nut pipe:1");
    measure::run(decode.command().stdout(file.try_clone()?))?;
    Ok(file)
}
