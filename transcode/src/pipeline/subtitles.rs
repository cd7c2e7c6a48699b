//! From packets of subtitles to WebVTT: a few hundred kilobytes for a film, kept until its length is known.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::decoder::Opened;
use ffmpeg_next::{Rational, codec};

use super::decode::Spent;
use crate::ffi;
use crate::input::Demuxer;
use crate::options::Limits;
use crate::probe::{Probe, SubtitleCodec, SubtitleStream};
use crate::report::Warning;
use crate::subtitles::{
    Braces, Cue, Cues, Excess, MAX_PACKET_LEN, Styles, SubtitleTrack, payload_of, samples,
};

/// Most bytes of text in all tracks of a video together.
const MAX_LEN: u64 = 16 << 20;
/// Most seconds for reading all tracks: those of a film take one hundredth of one.
const MAX_SPENT_S: u64 = 60;

/// A track of the result.
pub(super) struct Subtitles {
    pub(super) track: SubtitleTrack,
    /// A document whose time 0 is the renditions'.
    pub(super) webvtt: String,
}

/// The tracks of a file; most have none.
pub(super) struct SubtitlePath {
    tracks: Vec<Track>,
    limits: Limits,
    zero_s: f64,
    spent: Spent,
    unreadable: usize,
}

struct Track {
    track: SubtitleTrack,
    stream: usize,
    time_base: Rational,
    reader: Reader,
    cues: Result<Cues, Excess>,
    /// Packets of which nothing could be made.
    damaged: u64,
}

/// What makes payloads of a packet.
enum Reader {
    Libav {
        decoder: Opened,
        styles: Styles,
        braces: Braces,
        /// Of which a packet without a duration is one that is never shown.
        states_durations: bool,
    },
    WebVtt,
    WebVttInMp4,
}

impl SubtitlePath {
    pub(super) fn open(demuxer: &Demuxer, probe: &Probe, limits: &Limits) -> Self {
        let mut unreadable = probe.unreadable_subtitles;
        let tracks = probe.subtitles.iter().filter_map(|subtitles| {
            let track = Track::open(demuxer, subtitles);
            unreadable += usize::from(track.is_none());
            track
        });
        Self {
            tracks: tracks.collect(),
            limits: limits.clone(),
            zero_s: probe.zero_s,
            spent: Spent::default(),
            unreadable,
        }
    }

    /// Takes a packet, if it belongs to a track.
    pub(super) fn decode(&mut self, packet: &ffmpeg::Packet) -> bool {
        let of_stream = |track: &&mut Track| track.stream == packet.stream();
        let Some(track) = self.tracks.iter_mut().find(of_stream) else {
            return false;
        };
        if let Ok(cues) = &mut track.cues {
            let time = packet.pts().map(|pts| {
                let seconds = |ticks: i64| ticks as f64 * f64::from(track.time_base);
                (seconds(pts) - self.zero_s, seconds(packet.duration()))
            });
            let sane = time.filter(|(start_s, _)| !self.limits.is_wild(*start_s));
            let taken = self.spent.on(|| track.reader.read(packet, sane, cues));
            let spent_s = self.spent.seconds() as u64;
            let taken = taken.and_then(|read| {
                Excess::check("the time to read it, in seconds,", spent_s, MAX_SPENT_S)?;
                Ok(read)
            });
            match taken {
                Ok(read) => track.damaged += u64::from(!read),
                Err(excess) => track.cues = Err(excess),
            }
            self.check_len(packet.stream());
        }
        true
    }

    /// The track that takes what there is for all is the one that goes.
    fn check_len(&mut self, stream: usize) {
        let kept = self
            .tracks
            .iter()
            .filter_map(|track| track.cues.as_ref().ok());
        let len_bytes = kept.map(Cues::len_bytes).sum();
        let what = "the length of all subtitles in bytes";
        if let Err(excess) = Excess::check(what, len_bytes, MAX_LEN) {
            let mut last = self
                .tracks
                .iter_mut()
                .filter(|track| track.stream == stream);
            last.by_ref().for_each(|track| track.cues = Err(excess));
        }
    }

    /// The tracks in which there are cues, and what is missing.
    pub(super) fn finish(self, duration_ms: u64) -> (Vec<Subtitles>, Vec<Warning>) {
        let (mut made, mut warnings) = (Vec::new(), Vec::new());
        for Track {
            track,
            cues,
            damaged,
            ..
        } in self.tracks
        {
            let name = track.name.clone();
            match cues {
                Ok(cues) => {
                    let duration_ms = i64::try_from(duration_ms).unwrap_or(i64::MAX);
                    let document = cues.document(duration_ms);
                    made.extend(document.map(|webvtt| Subtitles { track, webvtt }));
                    if damaged > 0 {
                        warnings.push(Warning::SubtitlesDamaged {
                            name,
                            places: damaged,
                        });
                    }
                }
                Err(Excess { what, limit }) => {
                    warnings.push(Warning::SubtitlesLimit { name, what, limit });
                }
            }
        }
        if self.unreadable > 0 {
            warnings.push(Warning::SubtitlesUnreadable {
                tracks: self.unreadable,
            });
        }
        (made, warnings)
    }
}

impl Track {
    fn open(demuxer: &Demuxer, subtitles: &SubtitleStream) -> Option<Self> {
        let stream = demuxer.input().stream(subtitles.index)?;
        let reader = match subtitles.codec {
            SubtitleCodec::WebVtt => Reader::WebVtt,
            SubtitleCodec::WebVttInMp4 => Reader::WebVttInMp4,
            SubtitleCodec::Libav(id) => {
                let context = codec::Context::from_parameters(stream.parameters()).ok()?;
                let mut decoder = context.decoder();
                decoder.set_packet_time_base(subtitles.time_base);
                let opened = decoder.open_as(codec::decoder::find(id));
                let cannot = |error| tracing::debug!(%error, "subtitles cannot be decoded");
                let decoder = opened.map_err(cannot).ok()?;
                let is_script = matches!(id, codec::Id::ASS | codec::Id::SSA);
                Reader::Libav {
                    styles: Styles::parse(&String::from_utf8_lossy(ffi::subtitle_header(&decoder))),
                    decoder,
                    braces: match is_script {
                        true => Braces::Comment,
                        false => Braces::Text,
                    },
                    states_durations: is_script || id == codec::Id::MOV_TEXT,
                }
            }
        };
        Some(Self {
            track: subtitles.track.clone(),
            stream: subtitles.index,
            time_base: subtitles.time_base,
            reader,
            cues: Ok(Cues::default()),
            damaged: 0,
        })
    }
}

impl Reader {
    /// Makes cues of a packet, whose start and duration are in seconds. False if it cannot be read.
    fn read(
        &mut self,
        packet: &ffmpeg::Packet,
        time: Option<(f64, f64)>,
        cues: &mut Cues,
    ) -> Result<bool, Excess> {
        let Some(bytes) = packet.data() else {
            return Ok(true);
        };
        let what = "the length of one packet in bytes";
        Excess::check(what, bytes.len() as u64, MAX_PACKET_LEN)?;
        let Some(payloads) = self.payloads(packet, bytes) else {
            return Ok(false);
        };
        let Some((start_s, duration_s)) = time else {
            return Ok(payloads.iter().all(String::is_empty));
        };
        let in_ms = |seconds: f64| (seconds * 1000.0).round() as i64;
        let is_stated = duration_s > 0.0 || self.states_durations();
        for text in payloads {
            cues.push(Cue {
                start_ms: in_ms(start_s),
                end_ms: is_stated.then(|| in_ms(start_s + duration_s)),
                text,
            })?;
        }
        Ok(true)
    }

    fn states_durations(&self) -> bool {
        match self {
            Self::Libav {
                states_durations, ..
            } => *states_durations,
            Self::WebVtt => false,
            Self::WebVttInMp4 => true,
        }
    }

    fn payloads(&mut self, packet: &ffmpeg::Packet, bytes: &[u8]) -> Option<Vec<String>> {
        let plain = |bytes| Some(payload_of(std::str::from_utf8(bytes).ok()?));
        match self {
            Self::Libav {
                decoder,
                styles,
                braces,
                ..
            } => {
                let events = ffi::decode_subtitle(decoder, packet)
                    .inspect_err(|error| tracing::debug!(%error, "a subtitle cannot be decoded"));
                let payload = |event: &String| styles.payload(event, *braces);
                Some(events.ok()?.iter().map(payload).collect())
            }
            Self::WebVtt => Some(vec![plain(bytes)?]),
            Self::WebVttInMp4 => samples(bytes).map(plain).collect(),
        }
    }
}
