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

/// Which clips to measure on
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder of clips [default: clips are made from fixtures/]
    #[arg(long, env = "ASSETLAB_CLIPS")]
    clips_folder: Option<PathBuf>,
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
    pub(crate) fn make(
        &self,
        name: &str,
        from: impl FnOnce(Ffmpeg) -> Ffmpeg,
    ) -> anyhow::Result<PathBuf> {
        let path = self.made.path().join(name);
        if !path.exists() {
            eprintln!("making {name}");
            measure::run(&mut from(Ffmpeg::default()).argument(&path).command())?;
        }
        Ok(path)
    }
}

/// Where the fixture lies that clips are made from.
pub(crate) fn fixture() -> PathBuf {
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
