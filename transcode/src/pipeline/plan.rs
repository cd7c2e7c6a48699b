//! What will be made of a source, decided before the first picture is decoded.

use super::copy::Copied;
use crate::encode::{AudioSettings, VideoSettings};
use crate::error::InputError;
use crate::ladder::Target;
use crate::options::Options;
use crate::probe::{Probe, VideoStream};
use crate::time::{Clock, Grid};

/// Distance of IDR frames, and so the length of a fragment, in milliseconds.
pub(super) const FRAGMENT_MS: u32 = 2000;
/// Fragments that are indexed one by one where the duration is not known: more than an hour.
const UNKNOWN_FRAGMENTS: u64 = 2048;
/// Bytes of a source that two seconds take at the very least: 1 kbit/s.
const MIN_FRAGMENT_LEN: u64 = 256;

/// x264 encodes no longer side.
const MAX_SIDE_PX: u64 = 16_384;

/// More items in a queue make nothing faster.
const MAX_QUEUE_LEN: usize = 8;
/// With less, an encoder waits for the decoder.
const MIN_QUEUE_LEN: usize = 2;
/// What a queue may hold between these: four pictures of 3840×2160.
const MAX_QUEUE_BYTES: usize = 48 << 20;

#[derive(Clone)]
pub(super) struct Plan {
    pub(super) clock: Clock,
    /// The rungs to encode, from small to large.
    pub(super) rungs: Vec<VideoSettings>,
    /// The rung above them, if it is the original's own. There is one rung at least.
    pub(super) copied: Option<Copied>,
    pub(super) grid: Grid,
    pub(super) audio: Option<AudioSettings>,
    cores: usize,
    /// For how many fragments to reserve room in the indexes.
    pub(super) expected_fragments: usize,
}

impl Plan {
    pub(super) fn new(
        probe: &Probe,
        source_len_bytes: u64,
        options: &Options,
    ) -> Result<Self, InputError> {
        let video = &probe.video;
        let time_base = video.time_base;
        let clock = Clock::new(
            video.cadence,
            time_base.numerator(),
            time_base.denominator(),
        );
        let source_bitrate_bps = comparable_bitrate_bps(video);
        let rungs = options
            .ladder
            .fit(video.width_px, video.height_px)
            .into_iter()
            .map(|target| {
                let frame_rate = video.cadence.frame_rate().as_f64();
                VideoSettings {
                    target,
                    clock,
                    cadence: video.cadence,
                    peak_frame_rate: video.peak_frame_rate,
                    preset: options.preset.clone(),
                    peak_bitrate_bps: target.peak_bitrate_bps(frame_rate, source_bitrate_bps),
                    threads: 1,
                }
            });
        let mut rungs: Vec<_> = rungs.collect();
        share_threads(&mut rungs, options.threads);
        let sides = rungs
            .iter()
            .map(|rung| rung.target.width_px.max(rung.target.height_px));
        let longest_px = sides.max().unwrap_or(0);
        options
            .limits
            .check("its longest side in pixels", longest_px.into(), MAX_SIDE_PX)?;
        let expected_fragments = match probe.duration_ms {
            // A tenth more than announced, and some for clips; beyond, references cover several.
            Some(ms) => (ms / u64::from(FRAGMENT_MS)).saturating_mul(11) / 10 + 16,
            None => UNKNOWN_FRAGMENTS,
        };
        // A header may claim days: no more than so long a file can hold is believed.
        let expected_fragments = expected_fragments.min(source_len_bytes / MIN_FRAGMENT_LEN + 16);
        let audio = probe
            .audio
            .as_ref()
            .map(|a| AudioSettings::fit(a.sample_rate_hz, a.channels));
        Ok(Self {
            clock,
            rungs,
            copied: None,
            grid: Grid::Even {
                fragment_ms: FRAGMENT_MS,
                segment_ms: options.segment_ms,
            },
            audio,
            cores: options.threads,
            expected_fragments: expected_fragments as usize,
        })
    }

    /// The same with the top rung copied: all rungs take their fragments from it.
    pub(super) fn with_copied(mut self, copied: Copied) -> Self {
        self.rungs.pop();
        share_threads(&mut self.rungs, self.cores);
        self.expected_fragments = copied.grid.len();
        self.grid = Grid::At(copied.grid.clone());
        self.copied = Some(copied);
        self
    }

    /// Pictures and packets that wait for one rung.
    pub(super) fn queue_len(&self) -> usize {
        let (width_px, height_px) = self.top_size();
        let picture_bytes = width_px as usize * height_px as usize * 3 / 2;
        (MAX_QUEUE_BYTES / picture_bytes.max(1)).clamp(MIN_QUEUE_LEN, MAX_QUEUE_LEN)
    }

    /// Size of the pictures that every rung starts from: the largest encoded rung's.
    pub(super) fn top_size(&self) -> (u32, u32) {
        let encoded = self.rungs.last().map(|rung| &rung.target);
        let top = encoded.or(self.copied.as_ref().map(|copied| &copied.target));
        top.map_or((2, 2), |top| (top.width_px, top.height_px))
    }
}

/// How many threads encode for each core: x264's wait for one another.
const THREADS_PER_CORE: f64 = 1.5;

/// Shares cores out by pixels, as all rungs have to go in step. Each thread costs memory, and some
/// time.
fn share_threads(rungs: &mut [VideoSettings], cores: usize) {
    let area = |target: Target| f64::from(target.width_px) * f64::from(target.height_px);
    let total: f64 = rungs.iter().map(|rung| area(rung.target)).sum();
    for rung in rungs {
        rung.threads = threads(area(rung.target) / total, cores);
    }
}

fn threads(share: f64, cores: usize) -> usize {
    let threads = (cores as f64 * THREADS_PER_CORE * share).round() as usize;
    threads.min(cores).max(1)
}

/// The source's video bitrate as H.264 would need for the same picture.
fn comparable_bitrate_bps(video: &VideoStream) -> Option<u64> {
    let factor = match video.codec.as_str() {
        "hevc" | "vp9" => 1.7,
        "av1" => 2.2,
        _ => 1.0,
    };
    video.bitrate_bps.map(|bps| (bps as f64 * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_share_the_cores_by_their_pixels() {
        // 360p, 720p and 1080p.
        let ladder = |cores| [1.0, 4.0, 9.0].map(|area| threads(area / 14.0, cores));
        assert_eq!(ladder(1), [1, 1, 1]);
        assert_eq!(ladder(2), [1, 1, 2]);
        assert_eq!(ladder(8), [1, 3, 8]);
        assert_eq!(threads(1.0, 2), 2, "a rung by itself");
    }
}
