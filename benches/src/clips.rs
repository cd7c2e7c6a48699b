//! What is measured on: the clips of a collection, or clips made from the fixtures.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::ffmpeg::Ffmpeg;
use crate::measure;

/// 30 s of 1080p24 film with 5.1 sound.
const FILM: &str = "bench_bbb_1080p24_30s_5.1.mp4";
/// A talking head at 720p30, and an upright clip of a phone.
const CAMERA: [&str; 2] = [
    "bench_talkinghead_720p30_21s.mp4",
    "portrait_544x960_vfr.mp4",
];
/// Seven seconds of 720p.
const FIXTURE: &str = "../fixtures/butterfly_720p2997_7s.mp4";

/// What to measure on, and how often
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The folder of the collection, with its film and camera clips [default: clips are made from
    /// fixtures/]
    #[arg(long, env = "ASSETLAB_CLIPS")]
    clips_folder: Option<PathBuf>,
    /// Runs of each side, in turn
    #[arg(long, env = "BENCH_RUNS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
}

/// Clips, and a folder for those that are made, which is gone with this.
pub(crate) struct Clips {
    folder: Option<PathBuf>,
    made: TempDir,
}

impl Clips {
    pub(crate) fn new(args: &Args) -> anyhow::Result<Self> {
        let folder = args.clips_folder.as_ref();
        Ok(Self {
            folder: folder.map(std::fs::canonicalize).transpose()?,
            made: tempfile::tempdir()?,
        })
    }

    /// The film and two camera clips of the collection; of the fixtures, a film and a camera clip.
    pub(crate) fn usual(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut clips = vec![self.film()?];
        match &self.folder {
            Some(folder) => {
                for name in CAMERA {
                    clips.push(existing(folder.join(name))?);
                }
            }
            None => clips.push(self.camera()?),
        }
        Ok(clips)
    }

    /// About 30 s of 1080p24.
    pub(crate) fn film(&self) -> anyhow::Result<PathBuf> {
        match &self.folder {
            Some(folder) => existing(folder.join(FILM)),
            None => self.make("film_1080p24_30s.mp4", |ffmpeg| {
                ffmpeg
                    .options("-stream_loop 4 -i")
                    .argument(fixture())
                    .options("-t 30 -vf fps=24,scale=1920:1080 -c:v libx264 -preset veryfast")
                    .options("-crf 18 -c:a aac")
            }),
        }
    }

    /// The film, encoded so that its video can be copied: H.264 High, closed GOPs of 2 s.
    pub(crate) fn copyable_film(&self) -> anyhow::Result<PathBuf> {
        let film = self.film()?;
        self.make("copyable_1080p24_30s.mp4", |ffmpeg| {
            ffmpeg
                .options("-i")
                .argument(film)
                .options("-c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p")
                .options("-crf 20 -maxrate 5M -bufsize 5M -g 48 -keyint_min 48 -sc_threshold 0")
                .options("-x264-params open-gop=0 -colorspace bt709 -color_primaries bt709")
                .options("-color_trc bt709 -color_range tv -c:a aac -b:a 128k -ac 2 -ar 48000")
                .options("-movflags +faststart")
        })
    }

    /// The film with so short a side, in 16:9.
    pub(crate) fn small_film(&self, short_side_px: u32) -> anyhow::Result<PathBuf> {
        let film = self.film()?;
        self.make(&format!("film_{short_side_px}p24_30s.mp4"), |ffmpeg| {
            ffmpeg
                .options("-i")
                .argument(film)
                .options(&format!("-vf scale=-2:{short_side_px}:flags=bicubic"))
                .options("-c:v libx264 -preset veryfast -crf 18 -c:a copy")
        })
    }

    /// So many minutes of 320×180, for which only one minute was encoded.
    pub(crate) fn long_clip(&self, minutes: u32) -> anyhow::Result<PathBuf> {
        let minute = self.make("minute_180p.mp4", |ffmpeg| {
            ffmpeg
                .options("-stream_loop 8 -i")
                .argument(fixture())
                .options("-t 60 -vf scale=320:180 -c:v libx264 -preset veryfast -c:a aac")
        })?;
        self.make(&format!("minutes_{minutes}_180p.mp4"), |ffmpeg| {
            ffmpeg
                .options(&format!("-stream_loop {} -i", minutes - 1))
                .argument(minute)
                .options("-c copy")
        })
    }

    /// Half a minute of 720p from a camera.
    fn camera(&self) -> anyhow::Result<PathBuf> {
        self.make("camera_720p2997_30s.mp4", |ffmpeg| {
            ffmpeg
                .options("-stream_loop 3 -i")
                .argument(fixture())
                .options("-c copy")
        })
    }

    /// Makes a clip by a command line that lacks its output, unless it was made before.
    fn make(&self, name: &str, from: impl FnOnce(Ffmpeg) -> Ffmpeg) -> anyhow::Result<PathBuf> {
        let path = self.made.path().join(name);
        if !path.exists() {
            eprintln!("making {name}");
            measure::run(&mut from(Ffmpeg::default()).argument(&path).command())?;
        }
        Ok(path)
    }
}

/// Where the fixture lies that clips are made from.
fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE)
}

fn existing(path: PathBuf) -> anyhow::Result<PathBuf> {
    if !path.is_file() {
        bail!(
            "there is no {} (ASSETLAB_CLIPS names its folder)",
            path.display()
        );
    }
    std::fs::canonicalize(&path).with_context(|| path.display().to_string())
}
