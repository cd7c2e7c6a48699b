//! The stages of a transcode one at a time, for benches. Nothing here is promised to stay.

use crossbeam_channel::{Receiver, unbounded};
use ffmpeg_next as ffmpeg;
use ffmpeg_next::{codec, frame};

use super::audio::AudioPath;
use super::feed::Feed;
use super::file::File;
use super::plan::Plan;
use super::video::VideoPath;
use super::{Item, Queues, Stop};
use crate::control::{CancelToken, Control, ProgressReport};
use crate::encode::VideoEncoder;
use crate::error::{Error, Result};
use crate::ffi;
use crate::filter::Scaler;
use crate::input::{Demuxer, Source};
use crate::media_error::Doing;
use crate::mux::{Fragmenter, Muxer};
use crate::options::Options;
use crate::probe::{self, Probe};
use crate::sink::{MemorySink, RenditionPlan, Sink};
use crate::time::Paced;

/// A file and what will be made of it.
struct Opened {
    demuxer: Demuxer,
    probe: Probe,
    plan: Plan,
    options: Options,
}

impl Opened {
    fn new(source: Source) -> Result<Self> {
        let options = Options::default();
        let demuxer = Demuxer::open(source, &options.limits, &CancelToken::new())?;
        let probe = probe::read(&demuxer, &options.limits)?;
        let plan = Plan::new(&probe, demuxer.len_bytes(), &options)?;
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
        let video = VideoPath::open(&self.demuxer, &self.probe, &self.plan, &self.options)?;
        let control = Control::default();
        let mut progress = ProgressReport::new(&control);
        let feed = Feed::new(video, audio, None, queues);
        let limits = &self.options.limits;
        match feed.run(&mut self.demuxer, &self.probe, limits, &mut progress) {
            Ok(_) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::NotCopied(_)) => unreachable!("nothing is copied"),
        }
    }
}

/// Reads a file, decodes its pictures, and makes them what the largest rung is encoded from.
///
/// # Errors
/// As [`transcode`](crate::transcode).
pub fn decode_pictures(source: Source) -> Result<()> {
    Opened::new(source)?.feed(None, Queues::default())
}

/// Reads a file, decodes its sound and encodes it.
///
/// # Errors
/// As [`transcode`](crate::transcode).
pub fn encode_sound(source: Source) -> Result<()> {
    let mut opened = Opened::new(source)?;
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

/// A clip as it comes to the encoders.
pub struct Clip {
    plan: Plan,
    pictures: Vec<Paced<frame::Video>>,
    audio: Option<(codec::Parameters, u32)>,
    sound: Vec<ffmpeg::Packet>,
    end: i64,
}

/// A rung's pictures.
pub struct Scaled(Vec<Paced<frame::Video>>);

/// A rung's packets.
pub struct Encoded {
    parameters: codec::Parameters,
    packets: Vec<ffmpeg::Packet>,
}

impl Clip {
    /// Keeps the whole clip in memory.
    ///
    /// # Errors
    /// As [`transcode`](crate::transcode).
    pub fn read(source: Source) -> Result<Self> {
        let mut opened = Opened::new(source)?;
        let audio = opened.audio()?;
        let parameters = audio.as_ref().map(AudioPath::parameters);
        let (queue, items) = unbounded();
        let queues = Queues {
            encoded: vec![queue],
            copied: None,
        };
        opened.feed(audio, queues)?;
        let plan = opened.plan;
        let rate = plan.audio.map(|audio| audio.sample_rate_hz);
        let mut clip = Self {
            audio: parameters.zip(rate),
            plan,
            pictures: Vec::new(),
            sound: Vec::new(),
            end: 0,
        };
        clip.collect(&items);
        Ok(clip)
    }

    fn collect(&mut self, items: &Receiver<Item>) {
        for item in items {
            match item {
                Item::Picture(picture) => self.pictures.push(picture),
                Item::Sound(packet) => self.sound.push(packet),
                Item::End(end) => self.end = end,
                Item::Copy(_) => unreachable!("nothing is copied"),
            }
        }
    }

    /// How many pictures it has.
    #[must_use]
    pub fn pictures(&self) -> usize {
        self.pictures.len()
    }

    /// The rungs' names, from small to large.
    #[must_use]
    pub fn rungs(&self) -> Vec<String> {
        let targets = self.plan.rungs.iter().map(|rung| rung.target);
        targets.map(|target| target.name()).collect()
    }

    /// Scales all pictures to a rung's size.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub fn scale(&self, rung: usize) -> Result<Scaled> {
        let target = self.plan.rungs[rung].target;
        let (from, to) = (self.plan.top_size(), (target.width_px, target.height_px));
        let mut scaler = (from != to).then(|| Scaler::new(from, to)).transpose()?;
        let scaled = self.pictures.iter().map(|picture| {
            let mut frame = ffi::share(&picture.frame).doing("sharing a picture")?;
            if let Some(scaler) = &mut scaler {
                scaler.scale(&mut frame)?;
            }
            Ok(picture.with_frame(frame))
        });
        scaled.collect::<Result<_>>().map(Scaled)
    }

    /// Encodes a rung with so many threads.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub fn encode(&self, rung: usize, pictures: &Scaled, threads: usize) -> Result<Encoded> {
        let mut settings = self.plan.rungs[rung].clone();
        settings.threads = threads;
        let mut encoder = VideoEncoder::open(&settings)?;
        let mut packets = Vec::new();
        for picture in &pictures.0 {
            let mut frame = ffi::share(&picture.frame).doing("sharing a picture")?;
            encoder.send(&mut frame, picture.pts, picture.starts_fragment)?;
            while let Some(packet) = encoder.receive()? {
                packets.push(packet);
            }
        }
        encoder.finish()?;
        while let Some(packet) = encoder.receive()? {
            packets.push(packet);
        }
        Ok(Encoded {
            parameters: encoder.parameters(),
            packets,
        })
    }

    /// Makes fragments, indexes and so a whole file; gives its length in bytes.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub fn mux(&self, rung: usize, encoded: &Encoded) -> Result<u64> {
        let (target, timescale) = (self.plan.rungs[rung].target, self.plan.clock.timescale);
        let rate = self.audio.as_ref().map(|(_, rate)| *rate);
        let mut fragmenter = Fragmenter::new(timescale, rate);
        for packet in &self.sound {
            fragmenter.push_audio(packet.clone());
        }
        for packet in &encoded.packets {
            fragmenter.push_video(packet.clone(), packet.is_key());
        }
        fragmenter.finish(self.end);
        let plan = RenditionPlan {
            name: target.name(),
            width_px: target.width_px,
            height_px: target.height_px,
        };
        let sink = MemorySink::new().rendition(&plan).map_err(Error::Sink)?;
        let mut file = File::new(sink, timescale, rate, self.plan.expected_fragments);
        let mut muxer = Muxer::open(encoded.parameters.clone(), timescale, self.audio.clone())?;
        while let Some(mut fragment) = fragmenter.pop() {
            let bytes = muxer.write(&mut fragment)?;
            file.append(muxer.init(), &fragment, true, bytes)?;
        }
        Ok(file.finish(muxer.init())?.len_bytes)
    }
}
