//! Which renditions to make of a source: pure arithmetic, no libav.
//!
//! A rung is named after its short side, so that a portrait and a landscape video of one quality
//! share a name. The ladder is capped at the source: nothing is ever scaled up.

use std::fmt;
use std::str::FromStr;

/// One quality that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rung {
    /// Short side in pixels, even, 2 to 4320.
    pub short_side_px: u32,
    /// x264's constant rate factor, 0 (lossless) to 51.
    pub crf: f32,
    /// Peak video bitrate in bit/s at up to 30 frames/s; half as much again above.
    pub max_bitrate_bps: u64,
    /// What the peak is never set below, in bit/s, however thrifty the source.
    pub min_bitrate_bps: u64,
}

/// The qualities that are asked for, from small to large.
///
/// ```
/// let ladder: transcode::Ladder = "360:23:800k, 1080:22:6500k".parse()?;
/// assert_eq!(ladder.rungs().len(), 2);
/// # Ok::<(), transcode::LadderError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder(Vec<Rung>);

/// Why a ladder was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{entry}” is no rung of a ladder: {why} (expected SHORT_SIDE:CRF:MAXRATE, as in 720:23:3500k)"
)]
pub struct LadderError {
    entry: String,
    why: &'static str,
}

/// Two rungs closer than this (in per cent of the lower one) would look the same.
const SAME_RUNG_PERCENT: u32 = 10;

impl Ladder {
    /// A ladder of at least one rung; sorts them by size.
    ///
    /// # Errors
    /// If there is none, or a rung is odd, out of range or there twice.
    pub fn new(mut rungs: Vec<Rung>) -> Result<Self, LadderError> {
        let refuse = |entry: String, why| Err(LadderError { entry, why });
        rungs.sort_by_key(|rung| rung.short_side_px);
        if rungs.is_empty() {
            return refuse(String::new(), "a ladder needs at least one rung");
        }
        for rung in &rungs {
            let entry = rung.short_side_px.to_string();
            if !(2..=4320).contains(&rung.short_side_px) || rung.short_side_px % 2 != 0 {
                return refuse(entry, "the short side must be even and from 2 to 4320");
            }
            if !(0.0..=51.0).contains(&rung.crf) {
                return refuse(entry, "the CRF must be from 0 to 51");
            }
            if rung.max_bitrate_bps < 50_000 {
                return refuse(entry, "the peak bitrate must be at least 50k");
            }
        }
        if let Some(pair) = rungs
            .windows(2)
            .find(|w| w[0].short_side_px == w[1].short_side_px)
        {
            return refuse(pair[0].short_side_px.to_string(), "it is there twice");
        }
        Ok(Self(rungs))
    }

    /// The rungs, from small to large.
    #[must_use]
    pub fn rungs(&self) -> &[Rung] {
        &self.0
    }

    /// The renditions to make of an upright, square-pixel picture of the given size, from small
    /// to large. Never empty, never larger than the source but for rounding up to 2 pixels.
    #[must_use]
    pub fn fit(&self, width_px: u32, height_px: u32) -> Vec<Target> {
        let source_px = width_px.min(height_px).max(2);
        let mut targets: Vec<Target> = self
            .0
            .iter()
            .filter(|rung| rung.short_side_px <= source_px)
            .map(|rung| Target::new(*rung, width_px, height_px))
            .collect();
        let largest_px = self.0.last().map_or(0, |rung| rung.short_side_px);
        let reached_px = targets.last().map_or(0, |target| target.short_side_px());
        // The source itself tops a ladder that has no rung near it.
        let near_px = reached_px + reached_px * SAME_RUNG_PERCENT / 100;
        if source_px > near_px && source_px < largest_px {
            // A source just under a rung stands for that rung, and for no second one below it.
            targets.push(Target::new(self.at(source_px), width_px, height_px));
        }
        targets
    }

    /// A rung for a short side between the ladder's own, its rates in proportion to the area.
    fn at(&self, short_side_px: u32) -> Rung {
        let short_side_px = (short_side_px & !1).max(2);
        let above = self
            .0
            .iter()
            .find(|rung| rung.short_side_px >= short_side_px);
        let below = self
            .0
            .iter()
            .rev()
            .find(|rung| rung.short_side_px <= short_side_px);
        match (below, above) {
            (Some(low), Some(high)) if low.short_side_px < high.short_side_px => {
                let area = |px: u32| f64::from(px) * f64::from(px);
                let share = (area(short_side_px) - area(low.short_side_px))
                    / (area(high.short_side_px) - area(low.short_side_px));
                let between = |low: u64, high: u64| {
                    (low as f64 + (high as f64 - low as f64) * share).round() as u64
                };
                Rung {
                    short_side_px,
                    crf: low.crf + (high.crf - low.crf) * share as f32,
                    max_bitrate_bps: between(low.max_bitrate_bps, high.max_bitrate_bps),
                    min_bitrate_bps: between(low.min_bitrate_bps, high.min_bitrate_bps),
                }
            }
            (_, Some(rung)) | (Some(rung), None) => Rung {
                short_side_px,
                ..*rung
            },
            (None, None) => unreachable!("a ladder has at least one rung"),
        }
    }
}

impl Default for Ladder {
    /// 360p, 720p and 1080p.
    fn default() -> Self {
        let rung = |short_side_px, max_bitrate_bps, min_bitrate_bps| Rung {
            short_side_px,
            crf: 23.0,
            max_bitrate_bps,
            min_bitrate_bps,
        };
        Self(vec![
            rung(360, 800_000, 400_000),
            rung(720, 3_500_000, 1_200_000),
            rung(1080, 6_500_000, 2_000_000),
        ])
    }
}

impl FromStr for Ladder {
    type Err = LadderError;

    /// Comma-separated `SHORT_SIDE:CRF:MAXRATE`; the rate in bit/s, with `k` or `M`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(
            text.split(',')
                .map(|entry| parse_rung(entry.trim()))
                .collect::<Result<_, _>>()?,
        )
    }
}

impl fmt::Display for Ladder {
    /// The form that parses back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rung) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let rate_kbps = rung.max_bitrate_bps / 1000;
            write!(f, "{comma}{}:{}:{rate_kbps}k", rung.short_side_px, rung.crf)?;
        }
        Ok(())
    }
}

fn parse_rung(entry: &str) -> Result<Rung, LadderError> {
    let refuse = |why| LadderError {
        entry: entry.to_owned(),
        why,
    };
    let fields: Vec<&str> = entry.split(':').collect();
    let [side, crf, rate] = fields[..] else {
        return Err(refuse("it needs three fields"));
    };
    let (digits, unit) = match rate.char_indices().last() {
        Some((at, 'k')) => (&rate[..at], 1_000.0),
        Some((at, 'M')) => (&rate[..at], 1_000_000.0),
        _ => (rate, 1.0),
    };
    let rate: f64 = digits
        .parse()
        .map_err(|_| refuse("the peak bitrate is no number"))?;
    let max_bitrate_bps = (rate * unit) as u64;
    Ok(Rung {
        short_side_px: side
            .parse()
            .map_err(|_| refuse("the short side is no number"))?,
        crf: crf.parse().map_err(|_| refuse("the CRF is no number"))?,
        max_bitrate_bps,
        min_bitrate_bps: max_bitrate_bps / 3,
    })
}

/// A rung fitted to a source: what one rendition will be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The rung it was made from, its short side capped at the source's.
    pub rung: Rung,
    /// Width in pixels, even.
    pub width_px: u32,
    /// Height in pixels, even.
    pub height_px: u32,
}

impl Target {
    fn new(rung: Rung, width_px: u32, height_px: u32) -> Self {
        let long_side_px = |long: u32, short: u32| {
            let exact = f64::from(rung.short_side_px) * f64::from(long) / f64::from(short.max(1));
            ((exact / 2.0).round() as u32 * 2).max(2)
        };
        let (width_px, height_px) = if width_px >= height_px {
            (long_side_px(width_px, height_px), rung.short_side_px)
        } else {
            (rung.short_side_px, long_side_px(height_px, width_px))
        };
        Self {
            rung,
            width_px,
            height_px,
        }
    }

    /// The smaller of width and height, in pixels.
    #[must_use]
    pub fn short_side_px(&self) -> u32 {
        self.rung.short_side_px
    }

    /// The rendition's name: `720p`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}p", self.rung.short_side_px)
    }

    /// The peak bitrate in bit/s for a source of the given video bitrate (in bit/s of H.264 of
    /// the same quality, if known): never above the rung's cap, never starved below its floor.
    #[must_use]
    pub fn peak_bitrate_bps(&self, frame_rate: f64, source_bitrate_bps: Option<u64>) -> u64 {
        let cap = self.cap_bps(frame_rate);
        let floor = at_frame_rate(self.rung.min_bitrate_bps, frame_rate);
        source_bitrate_bps.map_or(cap, |bps| cap.min(floor.max(bps.saturating_mul(2))))
    }

    /// What the peak bitrate in bit/s never is above.
    pub(crate) fn cap_bps(&self, frame_rate: f64) -> u64 {
        at_frame_rate(self.rung.max_bitrate_bps, frame_rate)
    }
}

/// Half as much again for twice as many pictures.
fn at_frame_rate(bitrate_bps: u64, frame_rate: f64) -> u64 {
    if frame_rate > 30.5 {
        bitrate_bps * 3 / 2
    } else {
        bitrate_bps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(width_px: u32, height_px: u32) -> Vec<(u32, u32)> {
        let targets = Ladder::default().fit(width_px, height_px);
        targets.iter().map(|t| (t.width_px, t.height_px)).collect()
    }

    #[test]
    fn a_film_gets_the_whole_ladder() {
        assert_eq!(sizes(1920, 1080), [(640, 360), (1280, 720), (1920, 1080)]);
        assert_eq!(sizes(3840, 2160), [(640, 360), (1280, 720), (1920, 1080)]);
    }

    #[test]
    fn a_rung_is_the_short_side() {
        assert_eq!(sizes(1080, 1920), [(360, 640), (720, 1280), (1080, 1920)]);
    }

    #[test]
    fn the_ladder_is_capped_at_the_source() {
        assert_eq!(sizes(854, 480), [(640, 360), (854, 480)]);
        assert_eq!(sizes(320, 240), [(320, 240)]);
        assert_eq!(sizes(1600, 900), [(640, 360), (1280, 720), (1600, 900)]);
        assert_eq!(sizes(161, 121), [(160, 120)]);
        assert_eq!(sizes(1, 1), [(2, 2)]);
        assert_eq!(sizes(16, 4000), [(16, 4000)]);
    }

    #[test]
    fn a_source_near_a_rung_adds_none() {
        assert_eq!(sizes(374, 666), [(360, 642)]);
        assert_eq!(sizes(1136, 640), [(640, 360), (1136, 640)]);
        assert_eq!(sizes(1280, 700), [(658, 360), (1280, 700)]);
    }

    #[test]
    fn rates_between_rungs_lie_between_theirs() {
        let targets = Ladder::default().fit(854, 480);
        assert_eq!(targets[1].name(), "480p");
        assert!((800_000..3_500_000).contains(&targets[1].rung.max_bitrate_bps));
    }

    #[test]
    fn the_peak_follows_a_thrifty_source_down_to_the_floor() {
        let top = Ladder::default().fit(1920, 1080)[2];
        assert_eq!(top.peak_bitrate_bps(24.0, None), 6_500_000);
        assert_eq!(top.peak_bitrate_bps(60.0, None), 9_750_000);
        assert_eq!(top.peak_bitrate_bps(24.0, Some(1_500_000)), 3_000_000);
        assert_eq!(top.peak_bitrate_bps(24.0, Some(10)), 2_000_000);
    }

    #[test]
    fn a_ladder_prints_what_it_parses() {
        let text = "360:23:800k,720:21.5:3500k";
        assert_eq!(text.parse::<Ladder>().unwrap().to_string(), text);
        for wrong in [
            "",
            "720",
            "721:23:1M",
            "720:99:1M",
            "720:23:x",
            "720:23:1M,720:20:2M",
        ] {
            assert!(wrong.parse::<Ladder>().is_err(), "{wrong}");
        }
    }
}
