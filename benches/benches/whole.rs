//! What a caller of the library waits for: probing, and the whole ladder.

#![allow(clippy::unwrap_used, reason = "a bench's panic is its report")]

use std::path::Path;

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use transcode::{Control, CopyMode, MemorySink, Options, Source, probe, transcode};

/// An index before and behind the media, none at all, and one to be searched for.
const PROBED: [&str; 4] = [
    "butterfly_720p2997_7s.mp4",
    "rot-90_iphone_ios9_0.5s.mov",
    "vp9_noduration_720p.webm",
    "ts_start37489s.ts",
];
const TRANSCODED: &str = "butterfly_720p2997_7s.mp4";

fn source(name: &str) -> Source {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    Source::path(fixtures.join(name)).unwrap()
}

fn probing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("probe");
    for name in PROBED {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || source(name),
                |source| probe(source).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn ladder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ladder");
    group.sample_size(10);
    group.sampling_mode(SamplingMode::Flat);
    for copy in [CopyMode::Never, CopyMode::Auto] {
        let options = Options {
            copy,
            ..Options::default()
        };
        let id = BenchmarkId::new(format!("{copy:?}").to_lowercase(), TRANSCODED);
        group.bench_function(id, |bencher| {
            bencher.iter_batched(
                || source(TRANSCODED),
                |source| {
                    let sink = MemorySink::new();
                    transcode(source, &options, &sink, &Control::default()).unwrap()
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, probing, ladder);
criterion_main!(benches);
