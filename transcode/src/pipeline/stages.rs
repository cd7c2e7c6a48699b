//! The stages of a transcode one at a time, for benches. Nothing here is promised to stay.

use crossbeam_channel::{Receiver, unbounded};
use ffmpeg_next::{codec, frame};

use super::audio::AudioPath;
use super::copy::{Copied, CopiedPacket, PacketCheck};
use super::feed::Feed;
use super::plan::Plan;
use super::rung::{Making, Rung};
use super::subtitles::SubtitlePath;
use super::video::VideoPath;
use super::{Item, Queues, Stop};
use crate::control::{CancelToken, Control, ProgressReport};
use crate::error::Result;
use crate::ffi;
use crate::filter::Scaler;
use crate::input::{Demuxer, Source};
use crate::media_error::Doing;
use crate::options::{CopyMode, Options};
use crate::probe::{self, Probe};
use crate::report::Rendition;
use crate::sink::MemorySink;
use crate::time::Paced;

/// A file and what will be made of it.
struct Opened<'a> {
    demuxer: Demuxer,
    probe: Probe,
    plan: Plan,
    options: &'a Options,
}

impl<'a> Opened<'a> {
    fn new(source: Source, options: &'a Options) -> Result<Self> {
        let demuxer = Demuxer::open(source, &options.limits, &CancelToken::new())?;
        let probe = probe::read(&demuxer, &options.limits)?;
        let mut plan = Plan::new(&probe, demuxer.len_bytes(), options)?;
        if options.copy == CopyMode::Auto
            && let Ok(copied) = Copied::prove(&demuxer, &probe, &plan, options)
        {
            plan = plan.with_copied(copied);
        }
        Ok(Self {
            demuxer,
            probe,
            plan,
            options,
        })
    }

    fn audio(&self) -> Result<Option<AudioPath>> {
        let limits = &self.options.limits;
        AudioPath::open(&self.demuxer, &self.probe, self.plan.audio, limits)
    }

    fn feed(&mut self, audio: Option<AudioPath>, queues: Queues) -> Result<()> {
        let kept = match audio {
            Some(_) => self.probe.stream_indexes(),
            None => vec![self.probe.video.index],
        };
        self.demuxer.keep_only(kept);
        let video = VideoPath::open(&self.demuxer, &self.probe, &self.plan, self.options)?;
        let control = Control::default();
        let mut progress = ProgressReport::new(&control);
        let packet_check = self.plan.copied.clone().map(PacketCheck::new);
        let limits = &self.options.limits;
        let subtitles = SubtitlePath::open(&self.demuxer, &self.probe, limits);
        let feed = Feed::new(
            video,
            audio,
            subtitles,
            packet_check,
            queues,
            &control.cancel,
        );
        match feed.run(&mut self.demuxer, &self.probe, limits, &mut progress) {
            Ok(_) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::NotCopied(reason)) => unreachable!("no clip for benches: {reason}"),
        }
    }
}

/// Reads a file, decodes its pictures, and makes them what the largest rung is encoded from.
///
/// # Errors
/// As [`transcode`](crate::transcode).
pub fn decode_pictures(source: Source, options: &Options) -> Result<()> {
    Opened::new(source, options)?.feed(None, Queues::default())
}

/// Reads a file, decodes its sound and encodes it.
///
/// # Errors
/// As [`transcode`](crate::transcode).
pub fn encode_sound(source: Source, options: &Options) -> Result<()> {
    let mut opened = Opened::new(source, options)?;
    let (Some(mut path), Some(stream)) = (opened.audio()?, &opened.probe.audio) else {
        return Ok(());
    };
    opened.demuxer.keep_only(vec![stream.index]);
    let queues = Queues::default();
    while let Some(packet) = opened.demuxer.read()? {
        path.decode(&packet, &queues)?;
    }
    let end_s = path.drain(&queues)?;
    path.finish(end_s, &queues)
}

/// A clip as it comes to its top rung.
pub struct Clip {
    plan: Plan,
    audio: Option<codec::Parameters>,
    items: Vec<Item>,
}

/// A rung's whole queue.
pub struct Queue(Receiver<Item>);

impl Clip {
    /// Keeps the whole clip in memory.
    ///
    /// # Errors
    /// As [`transcode`](crate::transcode).
    pub fn read(source: Source, options: &Options) -> Result<Self> {
        let mut opened = Opened::new(source, options)?;
        let audio = opened.audio()?;
        let parameters = audio.as_ref().map(AudioPath::parameters);
        let (queue, items) = unbounded();
        let mut queues = Queues::default();
        match opened.plan.copied {
            Some(_) => queues.copied = Some(queue),
            None => queues.encoded.push(queue),
        }
        opened.feed(audio, queues)?;
        Ok(Self {
            plan: opened.plan,
            audio: parameters,
            items: items.into_iter().collect(),
        })
    }

    fn pictures(&self) -> impl Iterator<Item = &Paced<frame::Video>> {
        self.items.iter().filter_map(|item| match item {
            Item::Picture(picture) => Some(picture),
            _ => None,
        })
    }

    /// How many pictures are to be encoded.
    #[must_use]
    pub fn picture_count(&self) -> usize {
        self.pictures().count()
    }

    /// What the top rung is made from.
    ///
    /// # Errors
    /// [`Error::Media`](crate::Error::Media).
    pub fn queue(&self) -> Result<Queue> {
        let (queue, items) = unbounded();
        for item in &self.items {
            let item = match item {
                Item::Picture(picture) => Item::Picture(share(picture)?),
                Item::Copy(passed) => Item::Copy(CopiedPacket {
                    packet: passed.packet.clone(),
                    ..*passed
                }),
                Item::Sound(packet) => Item::Sound(packet.clone()),
                Item::End(end) => Item::End(*end),
            };
            // Its other end is here.
            let _ = queue.send(item);
        }
        Ok(Queue(items))
    }

    /// Makes the top rung, as its thread does; pictures have its size already.
    ///
    /// # Errors
    /// As [`transcode`](crate::transcode).
    pub fn make(&self, Queue(items): Queue) -> Result<Rendition> {
        let making = match (&self.plan.copied, self.plan.rungs.last()) {
            (Some(copied), _) => Making::Copied(copied.clone()),
            (None, Some(settings)) => Making::Encoded(settings.clone()),
            (None, None) => unreachable!("a plan has one rung at least"),
        };
        let rung = Rung::new(making, &self.plan, self.audio.clone());
        rung.run(&items, &MemorySink::new(), &CancelToken::new())
    }

    /// Scales all pictures to the smallest rung's size.
    ///
    /// # Errors
    /// [`Error::Media`](crate::Error::Media).
    pub fn scale(&self) -> Result<()> {
        let target = self.plan.rungs[0].target;
        let mut scaler = Scaler::new(self.plan.top_size(), (target.width_px, target.height_px))?;
        self.pictures()
            .try_for_each(|picture| Ok(scaler.scale(&mut share(picture)?.frame)?))
    }
}

fn share(picture: &Paced<frame::Video>) -> Result<Paced<frame::Video>> {
    let frame = ffi::share(&picture.frame).doing("sharing a picture")?;
    Ok(picture.with_frame(frame))
}
