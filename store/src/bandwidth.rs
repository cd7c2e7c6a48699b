//! Measured bit rates of a playlist (RFC 8216bis §4.4.6.2).

use crate::package::Range;

/// The target duration in seconds: no duration, rounded to the nearest integer, is larger
/// (§4.4.3.1). Zero would be invalid.
pub(crate) fn target_duration_s(durations_s: impl Iterator<Item = f64>) -> u64 {
    let rounded = durations_s.map(|duration_s| duration_s.round() as u64);
    rounded.max().unwrap_or(0).max(1)
}

/// Mean bit rate of all ranges.
pub(crate) fn mean_bps(ranges: &[Range]) -> u64 {
    rate(ranges).1.ceil() as u64
}

/// The largest bit rate of any run of ranges that lasts between half and one and a half target
/// durations; of the whole if there is no such run.
pub(crate) fn peak_bps(ranges: &[Range]) -> u64 {
    let target_s = target_duration_s(ranges.iter().map(|range| range.duration_s)) as f64;
    let runs = (0..ranges.len()).flat_map(|from| {
        (from + 1..=ranges.len())
            .map(move |to| rate(&ranges[from..to]))
            .take_while(move |(duration_s, _)| *duration_s <= 1.5 * target_s)
    });
    let peak = runs
        .filter(|(duration_s, _)| *duration_s >= 0.5 * target_s)
        .map(|(_, bps)| bps)
        .reduce(f64::max);
    peak.map_or_else(|| mean_bps(ranges), |bps| bps.ceil() as u64)
}

/// Duration in seconds and bit rate of a run.
fn rate(run: &[Range]) -> (f64, f64) {
    let duration_s: f64 = run.iter().map(|range| range.duration_s).sum();
    let len_bytes: u64 = run.iter().map(|range| range.len_bytes).sum();
    (duration_s, len_bytes as f64 * 8.0 / duration_s.max(0.001))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(of: &[(f64, u64)]) -> Vec<Range> {
        let range = |&(duration_s, len_bytes)| Range {
            duration_s,
            offset_bytes: 0,
            len_bytes,
        };
        of.iter().map(range).collect()
    }

    #[test]
    fn a_short_tail_counts_only_with_its_neighbour() {
        let iframes = ranges(&[(2.0, 4000), (2.0, 5000), (0.04, 3000)]);
        assert_eq!(peak_bps(&iframes), (8000.0 * 8.0_f64 / 2.04).ceil() as u64);
        assert_eq!(
            mean_bps(&iframes),
            (12_000.0 * 8.0_f64 / 4.04).ceil() as u64
        );
    }

    #[test]
    fn what_is_shorter_than_half_a_target_duration_is_taken_whole() {
        assert_eq!(peak_bps(&ranges(&[(0.1, 100)])), 8000);
    }
}
