//! One decode, many rungs: the calling thread reads, decodes and encodes the sound; each rung
//! scales, encodes and muxes on a thread of its own.
//!
//! ```text
//! demux ─ decode ─ filter ─ pace ─┬─▶ [bounded queue] ─ scale ─ x264 ─ mux ─▶ sink  (360p)
//!      ├─ decode ─ resample ─ AAC ┼─▶ [bounded queue] ─ scale ─ x264 ─ mux ─▶ sink  (720p) …
//!      ├─ decode ─▶ WebVTT        │
//!      └─ check ──────────────────┴─▶ [bounded queue] ─────────────── mux ─▶ sink  (copied)
//! ```
//!
//! On their way to the queues, some pictures are looked at for the poster and the storyboard.
//! Pictures are passed on by reference, sound as encoded packets, both through one queue a rung,
//! so that neither can overtake the other's memory. A full queue makes the decoder wait; and where
//! picture or sound stays away, the other waits for it only so long. So memory is bounded,
//! whatever the sink's speed and the file's shape.

mod amr;
mod audio;
mod copy;
mod decode;
mod feed;
mod file;
mod onlooker;
mod plan;
mod rung;
#[cfg(feature = "stages")]
pub mod stages;
mod subtitles;
mod video;

use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use ffmpeg_next as ffmpeg;

use crate::control::{CancelToken, Control, ProgressReport};
use crate::error::{Error, InputError, Result};
use crate::ffi;
use crate::input::{Demuxer, Source};
use crate::media_error::Doing;
use crate::options::{CopyMode, Options};
use crate::probe::{self, Probe};
use crate::report::{Rendition, Report};
use crate::sink::{Extra, Sink};
use crate::time::Paced;
use audio::AudioPath;
use copy::{Copied, CopiedPacket, PacketCheck, Reason};
use feed::{Fed, Feed};
use plan::Plan;
use rung::{Making, Rung};
use subtitles::SubtitlePath;
use video::VideoPath;

/// What travels to a rung.
enum Item {
    /// To one that is encoded.
    Picture(Paced<ffmpeg::frame::Video>),
    /// To the one that is copied.
    Copy(CopiedPacket),
    /// An AAC packet, timestamps in samples.
    Sound(ffmpeg::Packet),
    /// The last: pictures are shown until then, in ticks. A queue that closes without it means
    /// that the transcode failed elsewhere.
    End(i64),
}

/// Why a transcode ended before its time.
enum Stop {
    Failed(Error),
    /// What was to be copied cannot be: all starts anew, and is encoded.
    NotCopied(Reason),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Transcodes a video into one rendition for each rung that fits it.
///
/// Blocks until all is written or failed, so it has no place in an async task. With [`Options::threads`] at 1 the same input and
/// options give the same bytes; x264's rate control is not repeatable with more.
///
/// # Errors
/// See [`Error`]. After an error, what the sink has got is incomplete and can be thrown away.
///
/// ```no_run
/// use transcode::{Control, FolderSink, Options, Source};
///
/// let source = Source::path("holiday.mov")?;
/// let report = transcode::transcode(
///     source,
///     &Options::default(),
///     &FolderSink::new("out")?,
///     &Control::default(),
/// )?;
/// for rendition in &report.renditions {
///     println!("{}: {} bit/s", rendition.name, rendition.average_bandwidth_bps);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn transcode(
    source: Source,
    options: &Options,
    sink: &dyn Sink,
    control: &Control,
) -> Result<Report> {
    let mut demuxer = Demuxer::open(source, &options.limits, &control.cancel)?;
    let probe = probe::read(&demuxer, &options.limits)?;
    let plan = Plan::new(&probe, demuxer.len_bytes(), options)?;
    let mut copied = match options.copy {
        CopyMode::Auto => Copied::prove(&demuxer, &probe, &plan, options)
            .inspect_err(|reason| tracing::debug!(reason, "no rung can be copied"))
            .ok(),
        CopyMode::Never => None,
    };
    let mut progress = ProgressReport::new(control);
    let (fed, renditions) = loop {
        let plan = match &copied {
            Some(copied) => plan.clone().with_copied(copied.clone()),
            None => plan.clone(),
        };
        let to = (sink, &control.cancel);
        match make(&mut demuxer, &probe, &plan, options, to, &mut progress) {
            Ok(made) => break made,
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::NotCopied(reason)) => {
                tracing::info!(reason, "the top rung is encoded after all: starting anew");
                copied = None;
                demuxer = demuxer.reopen(&options.limits)?;
            }
        }
    };
    let (poster, storyboard, mut extras) = match fed.pictures {
        Some(made) => (Some(made.poster), Some(made.storyboard), made.extras),
        None => (None, None, Vec::new()),
    };
    let mut subtitles = Vec::new();
    for (n, made) in fed.subtitles.into_iter().enumerate() {
        extras.push(Extra {
            name: format!("subtitles-{n}.vtt"),
            bytes: made.webvtt.into_bytes(),
        });
        subtitles.push(made.track);
    }
    for extra in extras {
        if control.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        sink.extra(extra).map_err(Error::Sink)?;
    }
    Ok(Report {
        duration_ms: fed.duration_ms,
        subtitles,
        warnings: fed.warnings,
        renditions,
        poster,
        storyboard,
        fetched: demuxer.fetched(),
        source: probe,
    })
}

/// Carries out a plan, from the first packet to the last.
fn make(
    demuxer: &mut Demuxer,
    probe: &Probe,
    plan: &Plan,
    options: &Options,
    (sink, cancel): (&dyn Sink, &CancelToken),
    progress: &mut ProgressReport<'_>,
) -> Result<(Fed, Vec<Rendition>), Stop> {
    let video = VideoPath::open(demuxer, probe, plan, options)?;
    let audio = AudioPath::open(demuxer, probe, plan.audio, &options.limits)?;
    demuxer.keep_only(probe.stream_indexes());
    let subtitles = SubtitlePath::open(demuxer, probe, &options.limits);
    let audio_parameters = audio.as_ref().map(AudioPath::parameters);

    let (fed, renditions) = std::thread::scope(|scope| {
        let mut queues = Queues::default();
        let mut rungs = Vec::new();
        let mut start = |rung: Rung| {
            let (queue, items) = bounded(plan.queue_len());
            // What a rung's thread logs belongs to the same job.
            let span = tracing::Span::current();
            let run = move || span.in_scope(|| rung.run(&items, sink, cancel));
            // A thread is refused where there is no memory for its stack.
            let thread = std::thread::Builder::new().spawn_scoped(scope, run);
            rungs.push(thread.map_err(|_| InputError::TooMuchMemory)?);
            Ok::<_, InputError>(queue)
        };
        for settings in &plan.rungs {
            let making = Making::Encoded(settings.clone());
            queues
                .encoded
                .push(start(Rung::new(making, plan, audio_parameters.clone()))?);
        }
        if let Some(copied) = &plan.copied {
            let making = Making::Copied(copied.clone());
            queues.copied = Some(start(Rung::new(making, plan, audio_parameters))?);
        }
        let packet_check = plan.copied.clone().map(PacketCheck::new);
        let feed = Feed::new(video, audio, subtitles, packet_check, queues, cancel);
        let fed = feed.run(demuxer, probe, &options.limits, progress);
        let renditions: Vec<Result<Rendition>> = rungs
            .into_iter()
            .map(|rung| {
                rung.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect();
        Ok::<_, InputError>((fed, renditions))
    })?;
    first_cause(fed, renditions)
}

/// One thread's failure stops the others with `Cancelled`: what is none came first.
fn first_cause(
    fed: Result<Fed, Stop>,
    renditions: Vec<Result<Rendition>>,
) -> Result<(Fed, Vec<Rendition>), Stop> {
    match fed {
        Err(Stop::Failed(Error::Cancelled)) | Ok(_) => {}
        Err(stop) => return Err(stop),
    }
    let (mut made, mut stopped) = (Vec::new(), None);
    for rendition in renditions {
        match rendition {
            Ok(rendition) => made.push(rendition),
            Err(Error::Cancelled) => stopped = Some(Error::Cancelled),
            Err(cause) => return Err(cause.into()),
        }
    }
    match stopped {
        Some(error) => Err(error.into()),
        None => Ok((fed?, made)),
    }
}

/// The queues of all rungs.
#[derive(Default)]
struct Queues {
    /// From small to large.
    encoded: Vec<Sender<Item>>,
    copied: Option<Sender<Item>>,
}

impl Queues {
    /// Waits for room. Fails with `Cancelled` if a rung has ended before its time.
    fn send<'a>(
        queues: impl IntoIterator<Item = &'a Sender<Item>>,
        item: impl Fn() -> Result<Item>,
    ) -> Result<()> {
        queues
            .into_iter()
            .try_for_each(|queue| queue.send(item()?).map_err(|_| Error::Cancelled))
    }

    fn send_pictures(&self, pictures: Vec<Paced<Arc<ffmpeg::frame::Video>>>) -> Result<()> {
        pictures.into_iter().try_for_each(|paced| {
            Self::send(&self.encoded, || {
                let frame = ffi::share(&paced.frame).doing("sharing a picture")?;
                Ok(Item::Picture(paced.with_frame(frame)))
            })
        })
    }

    fn send_copy(&self, passed: CopiedPacket) -> Result<()> {
        match &self.copied {
            Some(queue) => queue.send(Item::Copy(passed)).map_err(|_| Error::Cancelled),
            None => Ok(()),
        }
    }

    fn send_sound(&self, packet: ffmpeg::Packet) -> Result<()> {
        self.send_to_all(|| Item::Sound(packet.clone()))
    }

    /// The last item of each.
    fn send_end(&self, end: i64) -> Result<()> {
        self.send_to_all(|| Item::End(end))
    }

    fn send_to_all(&self, item: impl Fn() -> Item) -> Result<()> {
        Self::send(self.encoded.iter().chain(&self.copied), || Ok(item()))
    }
}
