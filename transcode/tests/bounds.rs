//! What waits for what: never more than a bounded part of a file is in memory.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oracle::make;
use tempfile::tempdir;
use transcode::{
    Control, Error, Extra, InputError, MemorySink, Options, RenditionPlan, RenditionSink, Report,
    Sink, Source, Warning,
};

/// Counts fragments as they come, and forgets them.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Sink for Counter {
    fn rendition(&self, _: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>> {
        Ok(Box::new(self.clone()))
    }

    fn extra(&self, _: Extra) -> io::Result<()> {
        Ok(())
    }
}

impl RenditionSink for Counter {
    fn begin(&mut self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn fragment(&mut self, _: Vec<u8>) -> io::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn finish(self: Box<Self>, _: Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}

fn run(clip: &std::path::Path, sink: &dyn Sink, control: &Control) -> Result<Report, Error> {
    let options = Options {
        preset: "ultrafast".into(),
        ..Options::default()
    };
    transcode::transcode(Source::path(clip).unwrap(), &options, sink, control)
}

#[test]
fn pictures_do_not_wait_for_sound_that_has_ended() {
    let folder = tempdir().unwrap();
    let clip = make(
        folder.path(),
        "mostly-silent.mp4",
        "-f lavfi -i testsrc2=s=64x64:r=10:d=150 -f lavfi -i sine=d=1 -c:v libx264 -preset ultrafast",
    );
    let counter = Counter::default();
    // Fragments that had arrived when the last pictures were still to come.
    let early = Arc::new(AtomicUsize::new(0));
    let control = Control {
        on_progress: Some(Box::new({
            let (counter, early) = (counter.clone(), Arc::clone(&early));
            move |progress| {
                if progress.fraction < 0.97 {
                    early.store(counter.0.load(Ordering::Relaxed), Ordering::Relaxed);
                }
            }
        })),
        ..Control::default()
    };
    let report = run(&clip, &counter, &control).unwrap();
    assert_eq!(report.duration_ms, 150_000);
    assert_eq!(counter.0.load(Ordering::Relaxed), 75);
    let early = early.load(Ordering::Relaxed);
    assert!(
        (30..75).contains(&early),
        "{early} of 75 fragments came early"
    );
}

#[test]
fn sound_without_pictures_is_limited() {
    let folder = tempdir().unwrap();
    // One picture, then an hour of sound.
    let clip = make(
        folder.path(),
        "one-picture.mkv",
        "-f lavfi -i testsrc2=s=64x64:r=1:d=1 -f lavfi -i anullsrc=r=8000:cl=mono -t 3600 \
         -c:v libx264 -c:a pcm_u8",
    );
    let mut options = Options::default();
    options.limits.duration_s = 60;
    let source = Source::path(&clip).unwrap();
    let error = transcode::transcode(source, &options, &MemorySink::new(), &Control::default());
    assert!(
        matches!(
            error,
            Err(Error::Input(InputError::Limit { limit: 60, .. }))
        ),
        "{error:?}"
    );
}

#[test]
fn a_picture_that_grows_beyond_the_limit_is_not_decoded() {
    let folder = tempdir().unwrap();
    let stream = |name: &str, size: &str| {
        let clip = format!("-f lavfi -i testsrc2=s={size}:r=25:d=1 -c:v libx264 -preset ultrafast");
        std::fs::read(make(folder.path(), name, &clip)).unwrap()
    };
    let both = [
        stream("small.ts", "320x180"),
        stream("large.ts", "1280x720"),
    ]
    .concat();
    let path = folder.path().join("grows.ts");
    std::fs::write(&path, both).unwrap();
    let mut options = Options::default();
    let whole = run(&path, &MemorySink::new(), &Control::default()).unwrap();
    assert_eq!(whole.warnings, [], "a change of size alone is no damage");
    options.limits.pixels = 640 * 360;
    let source = Source::path(&path).unwrap();
    let report =
        transcode::transcode(source, &options, &MemorySink::new(), &Control::default()).unwrap();
    assert!(
        matches!(report.warnings[..], [Warning::Damaged { .. }, ..]),
        "{:?}",
        report.warnings
    );
}

#[test]
fn sound_that_cannot_be_decoded_is_said_to_be_missing() {
    let folder = tempdir().unwrap();
    let clip = make(
        folder.path(),
        "unknown-sound.mkv",
        "-f lavfi -i testsrc2=s=64x64:r=10:d=1 -f lavfi -i sine=d=1 -c:v libx264 -c:a pcm_s16le",
    );
    // The codec's name in the container becomes one that nobody knows.
    let mut bytes = std::fs::read(&clip).unwrap();
    let name = b"A_PCM/INT/LIT";
    let at = bytes.windows(name.len()).position(|w| w == name).unwrap();
    bytes[at..at + name.len()].copy_from_slice(b"A_XYZ/INT/LIT");
    std::fs::write(&clip, bytes).unwrap();
    let report = run(&clip, &MemorySink::new(), &Control::default()).unwrap();
    assert_eq!(report.warnings, [Warning::SilentAudio]);
    assert!(!report.renditions[0].codecs.contains("mp4a"));
}
