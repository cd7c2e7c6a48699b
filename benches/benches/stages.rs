//! Each stage of the pipeline by itself, in pictures a second.

#![allow(clippy::unwrap_used, reason = "a bench's panic is its report")]

use std::path::Path;

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use transcode::Source;
use transcode::stages::{Clip, decode_pictures, encode_sound};

/// Seven seconds from a camera: H.264 720p at 29.97 fps, stereo AAC.
const CLIP: &str = "../fixtures/butterfly_720p2997_7s.mp4";

fn source() -> Source {
    Source::path(Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIP)).unwrap()
}

fn stages(criterion: &mut Criterion) {
    let clip = Clip::read(source()).unwrap();
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10);
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(clip.pictures() as u64));

    group.bench_function("decode", |bencher| {
        bencher.iter_batched(
            source,
            |source| decode_pictures(source).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("sound", |bencher| {
        bencher.iter_batched(
            source,
            |source| encode_sound(source).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function(BenchmarkId::new("scale", "360p"), |bencher| {
        bencher.iter(|| clip.scale(0).unwrap());
    });
    for (rung, name) in clip.rungs().iter().enumerate() {
        let pictures = clip.scale(rung).unwrap();
        group.bench_function(BenchmarkId::new("x264", name), |bencher| {
            // By one thread, so that time is work.
            bencher.iter(|| clip.encode(rung, &pictures, 1).unwrap());
        });
        let encoded = clip.encode(rung, &pictures, 1).unwrap();
        group.bench_function(BenchmarkId::new("mux", name), |bencher| {
            bencher.iter(|| clip.mux(rung, &encoded).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
