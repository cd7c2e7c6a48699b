//! Any bytes, as an original: probed, then transcoded up to the first pictures, all in memory.
//!
//! Whatever the bytes are, there is a result or an error that blames the file: no crash, no panic,
//! no error of a reader or sink that cannot fail, no output beyond the limits.

#![no_main]

mod landmarks;
mod mutator;

use std::io::{self, Cursor};
use std::sync::atomic::{AtomicU32, Ordering};

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use transcode::{
    Control, Error, Extra, Limits, Options, RenditionPlan, RenditionSink, Report, Sink, Source,
};

/// Pictures that are worth their time: more of the same find nothing new.
const MAX_PROGRESS_CALLS: u32 = 10;
const MAX_DURATION_S: u64 = 4;

fuzz_target!(init: landmarks::listen(), |bytes: &[u8]| {
    if let Ok(probe) = transcode::probe(source(bytes)) {
        landmarks::pass(&("probed", &probe.container, &probe.video.codec));
        landmarks::pass(&("orientation", format!("{:?}", probe.video.orientation)));
        landmarks::pass(&("sound", probe.audio.map(|audio| (audio.codec, audio.channels))));
    }
    match first_pictures(bytes) {
        Ok(report) => check(&report),
        Err(error @ (Error::Source(_) | Error::Sink(_))) => panic!("nothing can fail here: {error}"),
        Err(error) => landmarks::pass(&("error", without_figures(&error.to_string()))),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutator::mutate(data, size, max_size, seed)
});

fn source(bytes: &[u8]) -> Source {
    Source::reader(Cursor::new(bytes.to_vec())).expect("a cursor can seek")
}

fn first_pictures(bytes: &[u8]) -> transcode::Result<Report> {
    let control = Control::default();
    let cancel = control.cancel.clone();
    let calls = AtomicU32::new(0);
    let control = Control {
        on_progress: Some(Box::new(move |_| {
            if calls.fetch_add(1, Ordering::Relaxed) == MAX_PROGRESS_CALLS {
                cancel.cancel();
            }
        })),
        ..control
    };
    let options = Options {
        ladder: "64:40:100k,128:40:100k".parse().expect("a ladder"),
        preset: "ultrafast".into(),
        threads: 1,
        limits: Limits {
            duration_s: MAX_DURATION_S,
            pixels: 512 * 512,
            ..Limits::default()
        },
        ..Options::default()
    };
    transcode::transcode(source(bytes), &options, &Nowhere, &control)
}

fn check(report: &Report) {
    landmarks::pass(&("done", report.renditions.len(), report.warnings.len()));
    // One step of a picture or of a packet of sound may pass the limit before it is seen.
    assert!(
        report.duration_ms <= (MAX_DURATION_S + 2) * 1000,
        "{report:?}"
    );
    for rendition in &report.renditions {
        assert!(rendition.frame_rate.is_finite(), "{rendition:?}");
        assert!(!rendition.segments.is_empty(), "{rendition:?}");
        for pair in rendition.segments.windows(2) {
            let end_bytes = pair[0].offset_bytes + pair[0].len_bytes;
            assert_eq!(end_bytes, pair[1].offset_bytes, "{rendition:?}");
        }
    }
}

fn without_figures(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Output that nobody wants.
struct Nowhere;

impl Sink for Nowhere {
    fn rendition(&self, _: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>> {
        Ok(Box::new(Nowhere))
    }

    fn extra(&self, _: Extra) -> io::Result<()> {
        Ok(())
    }
}

impl RenditionSink for Nowhere {
    fn begin(&mut self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn fragment(&mut self, _: Vec<u8>) -> io::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>, _: Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}
