//! Each stage of the pipeline by itself, in pictures a second.

#![allow(clippy::unwrap_used, reason = "a bench's panic is its report")]

use std::path::Path;

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use transcode::stages::{Clip, decode_pictures, encode_sound};
use transcode::{CopyMode, Options, Source};

/// Seven seconds from a camera: H.264 720p at 29.97 fps that can be copied, stereo AAC.
const CLIP: &str = "../fixtures/butterfly_720p2997_7s.mp4";

fn source() -> Source {
    Source::path(Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIP)).unwrap()
}

fn stages(criterion: &mut Criterion) {
    let options = Options {
        copy: CopyMode::Never,
        // So that time is work.
        threads: 1,
        ..Options::default()
    };
    let clip = Clip::read(source(), &options).unwrap();
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(10);
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(clip.picture_count() as u64));

    group.bench_function("decode", |bencher| {
        bencher.iter_batched(
            source,
            |source| decode_pictures(source, &options).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("sound", |bencher| {
        bencher.iter_batched(
            source,
            |source| encode_sound(source, &options).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function(BenchmarkId::new("scale", "360p"), |bencher| {
        bencher.iter(|| clip.scale().unwrap());
    });
    drop(clip);

    let mut make = |id: BenchmarkId, options: &Options, is_copied: bool| {
        let clip = Clip::read(source(), options).unwrap();
        let queue = || clip.queue().unwrap();
        assert_eq!(clip.make(queue()).unwrap().copied, is_copied);
        group.bench_function(id, |bencher| {
            bencher.iter_batched(
                queue,
                |queue| clip.make(queue).unwrap(),
                BatchSize::PerIteration,
            );
        });
    };
    // From pictures of the rung's size: what "mux" takes is in it.
    for (name, ladder) in [("360p", "360:23:800k"), ("720p", "720:23:3500k")] {
        let options = Options {
            ladder: ladder.parse().unwrap(),
            ..options.clone()
        };
        make(BenchmarkId::new("x264", name), &options, false);
    }
    let copying = Options {
        copy: CopyMode::Auto,
        ..options
    };
    make(BenchmarkId::new("mux", "720p"), &copying, true);
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
