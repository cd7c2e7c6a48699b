//! One decode, many rungs: the calling thread reads, decodes and encodes the sound; each rung
//! scales, encodes and muxes on a thread of its own.
//!
//! ```text
//! demux ─ decode ─ filter ─ pace ─┬─▶ [bounded queue] ─ scale ─ x264 ─ mux ─▶ sink  (360p)
//!      └─ decode ─ resample ─ AAC ┴─▶ [bounded queue] ─ scale ─ x264 ─ mux ─▶ sink  (720p) …
//! ```
//!
//! Pictures are passed on by reference, sound as encoded packets, both through one queue a rung,
//! so that neither can overtake the other's memory. A full queue makes the decoder wait; and where
//! picture or sound stays away, the other waits for it only so long. So memory is bounded,
//! whatever the sink's speed and the file's shape.

mod amr;
mod audio;
mod decode;
mod feed;
mod file;
mod plan;
mod rung;
mod video;

use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use ffmpeg_next as ffmpeg;

use crate::control::Control;
use crate::error::{Error, Result};
use crate::ffi;
use crate::input::{Demuxer, Source};
use crate::media_error::Doing;
use crate::options::Options;
use crate::probe;
use crate::report::{Rendition, Report};
use crate::sink::Sink;
use crate::time::Paced;
use audio::AudioPath;
use feed::{Fed, Feed};
use plan::Plan;
use rung::Rung;
use video::VideoPath;

/// Pictures and packets that wait for one rung.
const QUEUE_LEN: usize = 8;

/// What travels to a rung.
enum Item {
    Picture(Paced<ffmpeg::frame::Video>),
    /// An AAC packet, timestamps in samples.
    Sound(ffmpeg::Packet),
    /// The last: pictures are shown until then, in ticks. A queue that closes without it means
    /// that the transcode failed elsewhere.
    End(i64),
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
    let video = VideoPath::open(&demuxer, &probe, &plan, options)?;
    let audio = AudioPath::open(&demuxer, &probe, plan.audio, &options.limits)?;
    demuxer.keep_only(probe.stream_indexes());
    let audio_parameters = audio.as_ref().map(AudioPath::parameters);

    let (fed, renditions) = std::thread::scope(|scope| {
        let mut queues = Vec::new();
        let mut rungs = Vec::new();
        for settings in &plan.rungs {
            let (queue, items) = bounded(QUEUE_LEN);
            let rung = Rung::new(settings.clone(), &plan, audio_parameters.clone());
            queues.push(queue);
            rungs.push(scope.spawn(move || rung.run(&items, sink)));
        }
        let feed = Feed::new(video, audio, Queues(queues));
        let fed = feed.run(&mut demuxer, &probe, &options.limits, control);
        let renditions: Vec<Result<Rendition>> = rungs
            .into_iter()
            .map(|rung| {
                rung.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect();
        (fed, renditions)
    });
    let (fed, renditions) = first_cause(fed, renditions)?;
    Ok(Report {
        duration_ms: fed.duration_ms,
        warnings: fed.warnings,
        renditions,
        fetched: demuxer.fetched(),
        source: probe,
    })
}

/// One thread's failure stops the others with `Cancelled`: the error that is none came first.
fn first_cause(
    fed: Result<Fed>,
    renditions: Vec<Result<Rendition>>,
) -> Result<(Fed, Vec<Rendition>)> {
    let is_cause = |error: &Error| !matches!(error, Error::Cancelled);
    if fed.as_ref().is_err_and(is_cause) {
        return fed.map(|fed| (fed, Vec::new()));
    }
    match renditions.into_iter().collect::<Result<Vec<_>>>() {
        Err(error) if is_cause(&error) => Err(error),
        renditions => Ok((fed?, renditions?)),
    }
}

/// The queues of all rungs, from small to large.
struct Queues(Vec<Sender<Item>>);

impl Queues {
    /// Waits for room. Fails with `Cancelled` if a rung has ended before its time.
    fn send(&self, item: impl Fn() -> Result<Item>) -> Result<()> {
        self.0
            .iter()
            .try_for_each(|queue| queue.send(item()?).map_err(|_| Error::Cancelled))
    }

    fn send_pictures(&self, pictures: Vec<Paced<Arc<ffmpeg::frame::Video>>>) -> Result<()> {
        pictures.into_iter().try_for_each(|paced| {
            self.send(|| {
                let frame = ffi::share(&paced.frame).doing("sharing a picture")?;
                Ok(Item::Picture(paced.with_frame(frame)))
            })
        })
    }

    fn send_sound(&self, packet: ffmpeg::Packet) -> Result<()> {
        self.send(|| Ok(Item::Sound(packet.clone())))
    }
}
