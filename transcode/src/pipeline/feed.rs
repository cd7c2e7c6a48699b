//! The calling thread's part: reads, decodes, and hands on until the file ends.

use ffmpeg_next as ffmpeg;

use super::audio::AudioPath;
use super::decode::Decoder;
use super::subtitles::{SubtitlePath, Subtitles};
use super::video::VideoPath;
use super::{PacketCheck, Queues, Stop};
use crate::control::{CancelToken, ProgressReport};
use crate::error::{InputError, Result};
use crate::input::Demuxer;
use crate::options::Limits;
use crate::pictures::Made;
use crate::probe::{Probe, Promise};
use crate::report::Warning;

/// What the shortest clip may take to decode is what so many seconds may.
const START_UP_S: f64 = 2.0;

/// What the calling thread drives until the file ends.
pub(super) struct Feed {
    video: VideoPath,
    audio: Option<AudioPath>,
    subtitles: SubtitlePath,
    /// Where the top rung is copied.
    packet_check: Option<PacketCheck>,
    queues: Queues,
    cancel: CancelToken,
}

/// What the calling thread knows at the end.
pub(super) struct Fed {
    pub(super) duration_ms: u64,
    pub(super) warnings: Vec<Warning>,
    pub(super) pictures: Option<Made>,
    pub(super) subtitles: Vec<Subtitles>,
}

impl Feed {
    pub(super) fn new(
        video: VideoPath,
        audio: Option<AudioPath>,
        subtitles: SubtitlePath,
        packet_check: Option<PacketCheck>,
        queues: Queues,
        cancel: &CancelToken,
    ) -> Self {
        Self {
            cancel: cancel.clone(),
            video,
            audio,
            subtitles,
            packet_check,
            queues,
        }
    }

    pub(super) fn run(
        mut self,
        demuxer: &mut Demuxer,
        probe: &Probe,
        limits: &Limits,
        progress: &mut ProgressReport<'_>,
    ) -> Result<Fed, Stop> {
        while let Some(packet) = demuxer.read()? {
            self.check_memory()?;
            self.check_decoding_time(limits)?;
            if packet.stream() == probe.video.index {
                self.copy(&packet)?;
                self.video.decode(&packet, &self.queues)?;
                self.check_copied_picture()?;
                if let Some(audio) = &mut self.audio {
                    audio.keep_up(self.video.decoded_s(), &self.queues)?;
                }
                let position_s = self.video.decoded_s();
                let fraction = match probe.duration_ms {
                    Some(duration_ms) => position_s * 1000.0 / duration_ms as f64,
                    None => demuxer.fraction_read(),
                };
                progress.tell(position_s, fraction);
            } else if !self.subtitles.decode(&packet)
                && let Some(audio) = &mut self.audio
            {
                audio.decode(&packet, &self.queues)?;
                self.video.keep_up(audio.taken_s(), &self.queues)?;
            }
        }
        self.finish(demuxer, probe)
    }

    /// Passes a packet of the video on, where it is copied.
    fn copy(&mut self, packet: &ffmpeg::Packet) -> Result<(), Stop> {
        if let Some(packet_check) = &mut self.packet_check {
            let passed = packet_check.pass(packet).map_err(Stop::NotCopied)?;
            self.queues.send_copy(passed)?;
        }
        Ok(())
    }

    /// What our decoder has to mend is nothing to pass on.
    fn check_copied_picture(&self) -> Result<(), Stop> {
        match self.packet_check.is_some() && self.video.decoder.damaged() > 0 {
            true => Err(Stop::NotCopied("it is damaged")),
            false => Ok(()),
        }
    }

    fn decoders(&self) -> impl Iterator<Item = &Decoder> {
        let audio = self.audio.as_ref().map(|audio| &audio.decoder);
        std::iter::once(&self.video.decoder).chain(audio)
    }

    fn check_memory(&self) -> Result<()> {
        self.decoders().try_for_each(Decoder::check_memory)
    }

    /// A small file can ask for hours of work.
    fn check_decoding_time(&self, limits: &Limits) -> Result<()> {
        let spent_s: f64 = self.decoders().map(|decoder| decoder.spent.seconds()).sum();
        let s_per_s = spent_s / (self.video.decoded_s() + START_UP_S);
        let what = "the time to decode a second of it, in seconds,";
        limits.check(what, s_per_s.ceil() as u64, limits.decode_s_per_s.into())?;
        Ok(())
    }

    /// Drains every stage; sound and picture end together, at the later one's end.
    fn finish(mut self, demuxer: &Demuxer, probe: &Probe) -> Result<Fed, Stop> {
        self.video.drain(&self.queues)?;
        self.check_memory()?;
        self.check_copied_picture()?;
        let audio_end_s = match &mut self.audio {
            Some(audio) => audio.drain(&self.queues)?,
            None => 0.0,
        };
        self.check_memory()?;
        let damaged: u64 = self.decoders().map(Decoder::damaged).sum();
        let damaged = damaged + demuxer.damaged();
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
        let (end, onlooker) = self.video.finish(clock.ticks(audio_end_s), &self.queues)?;
        if let Some(packet_check) = self.packet_check {
            packet_check.finish(end).map_err(Stop::NotCopied)?;
        }
        if let Some(audio) = self.audio {
            audio.finish(clock.seconds(end), &self.queues)?;
        }
        self.queues.send_end(end)?;
        let duration_ms = (clock.seconds(end) * 1000.0).round() as u64;
        let (subtitles, missing) = self.subtitles.finish(duration_ms);
        warnings.extend(missing);
        Ok(Fed {
            duration_ms,
            warnings,
            subtitles,
            // Meanwhile the rungs encode what is left.
            pictures: onlooker.finish(duration_ms, &self.cancel),
        })
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
