//! Rendering a package's playlists.

#![allow(clippy::unwrap_used, reason = "a bench's panic is its report")]

use criterion::{Criterion, criterion_group, criterion_main};
use store::package::{Range, Rendition, playlists};

const SEGMENT_S: f64 = 4.0;
const KEYFRAME_S: f64 = 2.0;

fn ranges(total_s: f64, duration_s: f64) -> Vec<Range> {
    let count = (total_s / duration_s) as u64;
    let len_bytes = 500_000;
    (0..count)
        .map(|at| Range {
            duration_s,
            offset_bytes: at * len_bytes,
            len_bytes,
        })
        .collect()
}

fn rendition(height: u32, total_s: f64) -> Rendition {
    let segments = ranges(total_s, SEGMENT_S);
    Rendition {
        name: format!("{height}p").parse().unwrap(),
        width: height * 16 / 9,
        height,
        codecs: "avc1.640028,mp4a.40.2".into(),
        bandwidth_bps: 1_200_000,
        average_bandwidth_bps: 1_000_000,
        frame_rate: 24.0,
        len_bytes: segments.iter().map(|range| range.len_bytes).sum(),
        init_len_bytes: 1500,
        copied: false,
        segments,
        keyframes: ranges(total_s, KEYFRAME_S),
    }
}

fn rendering(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("playlists");
    for minutes in [1, 60] {
        let renditions =
            [360, 720, 1080].map(|height| rendition(height, f64::from(minutes) * 60.0));
        group.bench_function(format!("{minutes} min"), |bencher| {
            bencher.iter(|| playlists(&renditions, &[]));
        });
    }
    group.finish();
}

criterion_group!(benches, rendering);
criterion_main!(benches);
