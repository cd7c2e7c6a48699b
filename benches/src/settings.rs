//! What both sides of a comparison are told, taken from what ours did with the clip.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use transcode::{Cadence, FrameRate, Ladder, Options, Probe, Source};

use crate::ffmpeg;
use crate::measure;
use crate::ours;
use crate::x264::X264;

/// Most frames a second that ours tells x264.
const MAX_FPS: FrameRate = FrameRate { num: 60, den: 1 };

/// One rendition.
pub(crate) struct Rung {
    /// `720p`.
    pub(crate) name: String,
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    /// What ours told x264.
    pub(crate) x264: X264,
}

/// The sound of all renditions.
pub(crate) struct Sound {
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: u16,
    pub(crate) bitrate_bps: u32,
}

/// What is made of a clip.
pub(crate) struct Settings {
    pub(crate) clip: PathBuf,
    /// Upright, in square pixels.
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    pub(crate) duration_s: f64,
    /// Where pictures do not follow one another at a constant rate: the most a second.
    pub(crate) uneven: Option<FrameRate>,
    /// From small to large.
    pub(crate) rungs: Vec<Rung>,
    pub(crate) sound: Option<Sound>,
    pub(crate) preset: String,
}

impl Settings {
    /// Transcodes the clip once, which also brings it into the page cache, and reads what x264
    /// was told; of a copied rung, what the clip's own encoder was told.
    pub(crate) fn of(clip: &Path, copy: &str) -> anyhow::Result<Self> {
        let probe = transcode::probe(Source::path(clip)?)
            .with_context(|| format!("cannot compare with {}", clip.display()))?;
        refuse_unlike(clip, &probe)?;
        let folder = tempfile::tempdir()?;
        measure::run(&mut ours::command(clip, folder.path(), copy)?)?;
        let options = Options::default();
        let targets = Ladder::default().fit(probe.video.width_px, probe.video.height_px);
        let rungs = targets.iter().map(|target| {
            let name = target.name();
            anyhow::Ok(Rung {
                x264: X264::of(&folder.path().join(format!("{name}.mp4")))?,
                name,
                width_px: target.width_px,
                height_px: target.height_px,
            })
        });
        Ok(Self {
            clip: clip.to_owned(),
            width_px: probe.video.width_px,
            height_px: probe.video.height_px,
            duration_s: probe.duration_ms.unwrap_or(0) as f64 / 1000.0,
            uneven: uneven(&probe),
            rungs: rungs.collect::<anyhow::Result<_>>()?,
            sound: sound(&probe),
            preset: options.preset,
        })
    }

    /// The clip's file name.
    pub(crate) fn name(&self) -> String {
        let name = self.clip.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// A plain command line does not do what ours does for pictures that are not ready to be encoded.
fn refuse_unlike(clip: &Path, probe: &Probe) -> anyhow::Result<()> {
    let video = &probe.video;
    let as_coded = (video.coded_width_px, video.coded_height_px);
    let format = ffmpeg::probe(
        clip,
        &["-show_entries", "stream=pix_fmt,field_order,color_transfer"],
    )?;
    let is_plain = |field: &str| match field {
        "yuv420p" | "progressive" | "unknown" | "bt709" | "smpte170m" => true,
        other => other.starts_with("iec61966"),
    };
    if as_coded != (video.width_px, video.height_px) || !format.split(',').all(is_plain) {
        bail!(
            "only clips that are upright, progressive, of square pixels and 8-bit 4:2:0 in SDR \
             can be compared, not {} ({format})",
            clip.display()
        );
    }
    Ok(())
}

fn uneven(probe: &Probe) -> Option<FrameRate> {
    let peak = probe.video.peak_frame_rate;
    match probe.video.cadence {
        Cadence::Constant(_) => None,
        _ if peak.as_f64() > MAX_FPS.as_f64() => Some(MAX_FPS),
        _ => Some(peak),
    }
}

/// As ours chooses: 44.1 kHz stays, all else becomes 48; mono stays, all else becomes stereo.
fn sound(probe: &Probe) -> Option<Sound> {
    let audio = probe.audio.as_ref()?;
    let is_mono = audio.channels == 1;
    Some(Sound {
        sample_rate_hz: match audio.sample_rate_hz {
            44_100 => 44_100,
            _ => 48_000,
        },
        channels: if is_mono { 1 } else { 2 },
        bitrate_bps: if is_mono { 64_000 } else { 128_000 },
    })
}
