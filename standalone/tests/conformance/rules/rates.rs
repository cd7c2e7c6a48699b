//! BANDWIDTH and AVERAGE-BANDWIDTH, measured (RFC 8216bis §4.4.6.2; authoring specification 1.27
//! and 1.28: within 10 %).

use crate::hls::{MediaPlaylist, Variant};
use crate::package::Rung;
use crate::violations::Violations;

pub(super) fn check(rung: &Rung, violations: &mut Violations) {
    check_one(&rung.name, &rung.variant, &rung.playlist, violations);
    if let Some(iframes) = &rung.iframes {
        check_one(
            &iframes.name,
            &iframes.variant,
            &iframes.playlist,
            violations,
        );
    }
}

fn check_one(name: &str, variant: &Variant, playlist: &MediaPlaylist, violations: &mut Violations) {
    let mut compare = |attribute: &str, said: u64, measured: f64| {
        let ratio = said as f64 / measured;
        violations.require((ratio - 1.0).abs() <= 0.1, name, || {
            format!("{attribute} is {said}, measured are {measured:.0} bit/s")
        });
    };
    compare("BANDWIDTH", variant.bandwidth_bps, peak_bps(playlist));
    let average_bps = variant.average_bandwidth_bps;
    compare("AVERAGE-BANDWIDTH", average_bps, mean_bps(playlist));
}

fn mean_bps(playlist: &MediaPlaylist) -> f64 {
    let bytes: u64 = playlist.segments.iter().map(|s| s.range.len_bytes).sum();
    let seconds: f64 = playlist.segments.iter().map(|s| s.duration_s).sum();
    bytes as f64 * 8.0 / seconds
}

/// The largest bit rate of any run of segments that lasts between half and one and a half target
/// durations; of the whole where none does.
fn peak_bps(playlist: &MediaPlaylist) -> f64 {
    let target_s = playlist.target_duration_s as f64;
    let mut peak_bps: Option<f64> = None;
    for first in 0..playlist.segments.len() {
        let (mut bits, mut seconds) = (0.0, 0.0);
        for segment in &playlist.segments[first..] {
            bits += segment.range.len_bytes as f64 * 8.0;
            seconds += segment.duration_s;
            if seconds > 1.5 * target_s {
                break;
            }
            if seconds >= 0.5 * target_s {
                peak_bps = Some(peak_bps.unwrap_or(0.0).max(bits / seconds));
            }
        }
    }
    peak_bps.unwrap_or_else(|| mean_bps(playlist))
}
