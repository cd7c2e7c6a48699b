//! The table itself: `fixtures/expectations.json`, one row a clip. Its format is described in
//! `fixtures/README.md`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Names the folder of clips that are not part of the repository.
const CLIPS_VARIABLE: &str = "ASSETLAB_CLIPS";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Name in the folder of clips.
    clip: Option<String>,
    /// Name in `fixtures/`.
    fixture: Option<String>,
    sha256: String,
    pub(crate) expect: Expected,
    /// What is looked at beyond what holds for every clip.
    #[serde(default)]
    pub(crate) checks: Vec<Check>,
    /// Least structural similarity of each rendition where pictures are compared.
    #[serde(default = "least_ssim")]
    pub(crate) least_ssim: f64,
    /// What the row stands for, for its reader.
    #[serde(rename = "why")]
    _why: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Expected {
    /// The name of an `InputError`.
    Refused(String),
    Done(Done),
}

/// Holds for every rendition alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Done {
    /// `640x360`, from small to large; `640x360 copied` where the pictures are the source's.
    pub(crate) renditions: Vec<String>,
    /// Least and most pictures.
    pub(crate) frames: [usize; 2],
    /// Shortest and longest.
    pub(crate) duration_ms: [u64; 2],
    pub(crate) audio: Option<Audio>,
    /// Names of `Warning`s.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    /// Language and name of each track, with what else is true of it: `en English default forced`.
    #[serde(default)]
    pub(crate) subtitles: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audio {
    pub(crate) channels: u32,
    pub(crate) rate_hz: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    /// The pictures are those of ffmpeg's own, turned decode.
    Upright,
    /// The colours are those of ffmpeg's tone-mapping.
    ToneMapped,
    /// Black and white lie where ffmpeg's conversion to limited range puts them.
    LimitedRange,
    /// No combs are left.
    Deinterlaced,
    /// The shape is the source's display shape, to a pixel.
    SquarePixels,
    /// What is transparent, the left half of the picture, is black.
    OverBlack,
    /// The sound lies where ffmpeg's decode has it, within a picture's time.
    SoundInPlace,
    /// No channel is lost: the sound is as loud as ffmpeg's own down-mix.
    DownMixed,
    /// The sound has no holes.
    SoundUnbroken,
}

fn least_ssim() -> f64 {
    0.95
}

impl Row {
    /// The name in failures.
    pub(crate) fn name(&self) -> &str {
        let name = self.clip.as_deref().or(self.fixture.as_deref());
        name.unwrap_or("a row without a name")
    }

    /// Where the row's file is; `None` if it is in the folder of clips and none was named.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let in_clips = self.clip.as_ref().zip(env::var_os(CLIPS_VARIABLE));
        let in_clips = in_clips.map(|(name, folder)| Path::new(&folder).join(name));
        let fixture = self.fixture.as_ref().map(|name| fixtures().join(name));
        in_clips.or(fixture)
    }

    /// Fails if the bytes are not those that the expectation is about.
    pub(crate) fn check_bytes(&self, bytes: &[u8]) -> Result<(), String> {
        let digest = Sha256::digest(bytes);
        let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if found == self.sha256 {
            Ok(())
        } else {
            Err(format!("its SHA-256 is {found}, not {}", self.sha256))
        }
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

pub(crate) fn read() -> Vec<Row> {
    let path = fixtures().join("expectations.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}
