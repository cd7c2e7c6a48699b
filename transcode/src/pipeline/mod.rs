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
mod file;
mod plan;
mod rung;
mod video;

use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use ffmpeg_next as ffmpeg;

use crate::control::{Control, Progress};
use crate::error::{Error, InputError, Result};
use crate::ffi;
use crate::input::{Demuxer, Source};
use crate::media_error::Doing;
use crate::options::{Limits, Options};
use crate::probe::{self, Probe, Promise};
use crate::report::{Rendition, Report, Warning};
use crate::sink::Sink;
use crate::time::Paced;
use audio::AudioPath;
use decode::Decoder;
use plan::Plan;
use rung::Rung;
use video::VideoPath;

/// Pictures and packets that wait for one rung.
const QUEUE_LEN: usize = 8;

/// What the shortest clip may take to decode is what so many seconds may.
const START_UP_S: f64 = 2.0;

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
/// Blocks until all is written or failed. With [`Options::threads`] at 1 the same input and
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
    demuxer.keep_only(&probe.stream_indexes());
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
        let feed = Feed {
            video,
            audio,
            queues: Queues(queues),
            fraction: 0.0,
        };
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

/// What the calling thread drives until the file ends.
struct Feed {
    video: VideoPath,
    audio: Option<AudioPath>,
    queues: Queues,
    /// As last reported.
    fraction: f64,
}

/// What the calling thread knows at the end.
struct Fed {
    duration_ms: u64,
    warnings: Vec<Warning>,
}

impl Feed {
    fn run(
        mut self,
        demuxer: &mut Demuxer,
        probe: &Probe,
        limits: &Limits,
        control: &Control,
    ) -> Result<Fed> {
        while let Some(packet) = demuxer.read()? {
            self.check_decoding_time(limits)?;
            if packet.stream() == probe.video.index {
                self.video.decode(&packet, &self.queues)?;
                if let Some(audio) = &mut self.audio {
                    audio.keep_up(self.video.decoded_s(), &self.queues)?;
                }
                self.report_progress(demuxer, probe, control);
            } else if let Some(audio) = &mut self.audio
                && audio.takes(&packet)
            {
                audio.decode(&packet, &self.queues)?;
                self.video.keep_up(audio.taken_s(), &self.queues)?;
            }
        }
        self.finish(probe)
    }

    fn decoders(&self) -> impl Iterator<Item = &Decoder> {
        let audio = self.audio.as_ref().map(|audio| &audio.decoder);
        std::iter::once(&self.video.decoder).chain(audio)
    }

    /// A small file can ask for hours of work.
    fn check_decoding_time(&self, limits: &Limits) -> Result<()> {
        let spent_s: f64 = self.decoders().map(|decoder| decoder.spent.seconds()).sum();
        let s_per_s = spent_s / (self.video.decoded_s() + START_UP_S);
        let what = "the time it takes to decode a second of it, in seconds";
        limits.check(what, s_per_s.ceil() as u64, limits.decode_s_per_s.into())?;
        Ok(())
    }

    /// Drains every stage; sound and picture end together, at the later one's end.
    fn finish(mut self, probe: &Probe) -> Result<Fed> {
        self.video.drain(&self.queues)?;
        let audio_end_s = match &mut self.audio {
            Some(audio) => audio.drain(&self.queues)?,
            None => 0.0,
        };
        let damaged = self.decoders().map(Decoder::damaged).sum();
        let mut warnings = Vec::new();
        if damaged > 0 {
            warnings.push(Warning::Damaged { places: damaged });
        }
        let is_silent = match &self.audio {
            Some(audio) => audio.is_silent(),
            None => probe.audio.is_some() || probe.has_undecodable_audio,
        };
        if is_silent {
            warnings.push(Warning::SilentAudio);
        }
        let decoded_s = self.video.decoded_s();
        warnings.extend(match probe.promise {
            Some(Promise::Video(declared_s)) => check_duration(declared_s, decoded_s)?,
            Some(Promise::Any(declared_s)) => {
                check_duration(declared_s, decoded_s.max(audio_end_s))?
            }
            None => None,
        });

        let clock = self.video.clock();
        let end = self.video.finish(clock.ticks(audio_end_s), &self.queues)?;
        if let Some(audio) = self.audio {
            audio.finish(clock.seconds(end), &self.queues)?;
        }
        self.queues.send(|| Ok(Item::End(end)))?;
        Ok(Fed {
            duration_ms: (clock.seconds(end) * 1000.0).round() as u64,
            warnings,
        })
    }

    fn report_progress(&mut self, demuxer: &Demuxer, probe: &Probe, control: &Control) {
        let Some(on_progress) = &control.on_progress else {
            return;
        };
        let position_s = self.video.decoded_s();
        let fraction = match probe.duration_ms {
            Some(duration_ms) => position_s * 1000.0 / duration_ms as f64,
            None => demuxer.fraction_read(),
        };
        if fraction.min(1.0) >= self.fraction + 0.01 {
            self.fraction = fraction.min(1.0);
            let position_ms = (position_s * 1000.0) as u64;
            on_progress(Progress {
                fraction: self.fraction,
                position_ms,
            });
        }
    }
}

/// A file that ends early is never passed off as whole.
fn check_duration(declared_s: f64, decoded_s: f64) -> Result<Option<Warning>> {
    let missing_s = declared_s - decoded_s;
    if decoded_s < 0.9 * declared_s && missing_s > INCOMPLETE_FROM_S {
        let (declared_s, decoded_s) = (declared_s.round() as u64, decoded_s.round() as u64);
        return Err(InputError::Incomplete {
            declared_s,
            decoded_s,
        }
        .into());
    }
    let is_short = missing_s > SHORTER_FROM_S;
    Ok(is_short.then(|| Warning::Shorter {
        declared_ms: (declared_s * 1000.0).round() as u64,
        decoded_ms: (decoded_s * 1000.0).round() as u64,
    }))
}

/// What a short clip may lack without being no clip: subtitles may end later, and count.
const INCOMPLETE_FROM_S: f64 = 0.5;
/// What is missing at the end without being worth a word: a few frames.
const SHORTER_FROM_S: f64 = 0.25;
