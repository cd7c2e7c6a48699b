//! The top rung without encoding: where a file proves that its own video plays and switches as
//! well as one of ours, its packets are passed on as they are.
//!
//! What the container's index and the parameter sets say is looked at before the start
//! ([`Copied::prove`]), what each packet is while it passes ([`PacketCheck`]). What is not proven is
//! encoded; and should a packet break the proof, the transcode starts anew and encodes.

mod packets;
mod picture;

use ffmpeg_next::codec;

use super::plan::{FRAGMENT_MS, Plan};
use crate::ffi::{self, IndexedPacket};
use crate::h264::ParameterSets;
use crate::input::Demuxer;
use crate::ladder::Target;
use crate::options::Options;
use crate::probe::{Probe, VideoStream, in_time_base};
use crate::report::{Segment, peak_bandwidth_bps};
use crate::time::{Clock, MAX_FPS, Start};
pub(super) use packets::{CopiedPacket, PacketCheck};

/// Why the top rung is encoded.
pub(super) type Reason = &'static str;

/// Farthest that IDR frames may lie apart, in milliseconds: players switch at them.
const MAX_IDR_GAP_MS: u32 = 4000;
/// With fewer pictures a second, each is shown for so long that our own rungs repeat it.
const MIN_FPS: f64 = 10.0;
/// How much longer than its own time the last picture may stand, in seconds.
const MAX_TAIL_S: f64 = 0.1;
/// How many pictures may be decoded before the first is shown (H.264 A.3.1: `MaxDpbFrames`).
const MAX_DELAY: i64 = 16;

/// A top rung whose packets are the original's.
#[derive(Clone)]
pub(super) struct Copied {
    pub(super) target: Target,
    /// The stream's, for the muxer.
    pub(super) parameters: codec::Parameters,
    /// The IDR frames that start fragments, in every rung.
    pub(super) grid: Vec<Start>,
    parameter_sets: ParameterSets,
    /// Which pictures, in decode order, the index calls sync samples. (Packets say what libav's
    /// parser makes of them.)
    syncs: Vec<i64>,
    clock: Clock,
    /// Ticks of the output from one picture to the next.
    frame_ticks: i64,
    /// Ticks of the stream from one picture to the next.
    step: i64,
    /// The common zero, and the first packet's decode time, in ticks of the stream.
    zero: i64,
    first_dts: i64,
    pictures: i64,
}

impl Copied {
    /// Whether the file's index and parameter sets prove that the plan's top rung can be copied.
    pub(super) fn prove(
        demuxer: &Demuxer,
        probe: &Probe,
        plan: &Plan,
        options: &Options,
    ) -> Result<Self, Reason> {
        let input = demuxer.input();
        let video = &probe.video;
        require(input.format().name().starts_with("mov"), "it is no MP4")?;
        let stream = input.stream(video.index).ok_or("its video is gone")?;
        let target = plan.rungs.last().ok_or("there is no rung")?.target;
        picture::check_shape(
            video,
            ffi::pixel_aspect(input, &stream),
            (target.width_px, target.height_px),
        )?;
        let mut parameters = stream.parameters().clone();
        let parameter_sets = picture::check_bitstream(&parameters)?;
        ffi::forget_codec_tag(&mut parameters);

        let clock = plan.clock;
        let index: Vec<IndexedPacket> = ffi::index(&stream).collect();
        require(
            stream.frames() > 0 && index.len() as i64 == stream.frames(),
            "its index does not list every picture, or an edit list leaves some out",
        )?;
        let step = constant_step(&index, video, clock)?;
        let frame_ticks = clock.frame_ticks.ok_or("its frame rate is not constant")?;
        let zero = in_time_base(probe.zero_s, video.time_base);
        require(
            stream.start_time() == zero,
            "its first picture is not at zero",
        )?;
        let grid = grid(&index, frame_ticks, clock, options.segment_ms)?;
        let first_dts = index.first().map_or(zero, |packet| packet.dts);
        require(
            zero.saturating_sub(first_dts) <= step.saturating_mul(MAX_DELAY),
            "its pictures are decoded too long before they are shown",
        )?;
        require(
            index
                .iter()
                .all(|packet| packet.end_bytes <= demuxer.len_bytes()),
            "its pictures are not all in the file",
        )?;
        let cap_bps = target.cap_bps(video.cadence.frame_rate().as_f64());
        require(
            peak_bps(&index, &grid, frame_ticks, clock) <= cap_bps,
            "its bitrate is higher than the rung's",
        )?;
        let copied = Self {
            target,
            parameters,
            grid,
            parameter_sets,
            syncs: syncs(&index).collect(),
            clock,
            frame_ticks,
            step,
            zero,
            first_dts,
            pictures: index.len() as i64,
        };
        copied.check_end(clock.ticks(stream.duration() as f64 * f64::from(video.time_base)))?;
        if let Some(audio) = &probe.audio
            && let Some(sound) = input.stream(audio.index)
        {
            let end = sound.start_time().saturating_add(sound.duration());
            let end_s = end as f64 * f64::from(sound.time_base()) - probe.zero_s;
            copied.check_end(clock.ticks(end_s))?;
        }
        Ok(copied)
    }

    /// Whether the last picture can stand until `end`, in ticks.
    fn check_end(&self, end: i64) -> Result<(), Reason> {
        let own_end = self.pictures * self.frame_ticks;
        let is_short = end.saturating_sub(own_end) <= self.clock.ticks(MAX_TAIL_S);
        require(is_short, "its last picture would stand too long")
    }
}

fn require(holds: bool, reason: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(reason) }
}

/// Ticks of the stream between any two pictures.
fn constant_step(
    index: &[IndexedPacket],
    video: &VideoStream,
    clock: Clock,
) -> Result<i64, Reason> {
    let [first, second, ..] = index else {
        return Err("it has too few pictures");
    };
    let step = second.dts.saturating_sub(first.dts);
    let is_even = index
        .windows(2)
        .all(|pair| pair[1].dts.saturating_sub(pair[0].dts) == step);
    let rate = video.cadence.frame_rate();
    let (num, den) = (i128::from(rate.num), i128::from(rate.den));
    let time_base = video.time_base;
    let (tick_num, tick_den) = (time_base.numerator(), time_base.denominator());
    // A step is exactly what the clock takes a picture's time for.
    let is_exact = i128::from(step) * i128::from(tick_num) * num == i128::from(tick_den) * den;
    require(
        step > 0 && is_even && is_exact && clock.frame_ticks == Some(clock.nominal_ticks()),
        "its frame rate is not constant",
    )?;
    require(
        (MIN_FPS..=f64::from(MAX_FPS)).contains(&rate.as_f64()),
        "its frame rate is too low or too high",
    )?;
    Ok(step)
}

fn syncs(index: &[IndexedPacket]) -> impl Iterator<Item = i64> {
    let numbered = (0..).zip(index);
    numbered.filter_map(|(at, packet)| packet.is_sync.then_some(at))
}

/// Where fragments and segments start.
fn grid(
    index: &[IndexedPacket],
    frame_ticks: i64,
    clock: Clock,
    segment_ms: u32,
) -> Result<Vec<Start>, Reason> {
    require(
        index.iter().all(|packet| !packet.is_discarded),
        "an edit list leaves out some of its pictures",
    )?;
    require(
        index.first().is_some_and(|packet| packet.is_sync),
        "its first picture is no sync sample",
    )?;
    let end = index.len() as i64 * frame_ticks;
    let idrs: Vec<i64> = syncs(index).map(|at| at * frame_ticks).collect();
    let most_ms = i64::from(MAX_IDR_GAP_MS.min(segment_ms));
    let nexts = idrs.iter().skip(1).chain(std::iter::once(&end));
    let is_close = idrs
        .iter()
        .zip(nexts)
        .all(|(idr, next)| (next - idr) * 1000 <= most_ms * i64::from(clock.timescale));
    require(is_close, "its sync samples lie too far apart")?;
    Ok(clock.starts_over(&idrs, end, FRAGMENT_MS, segment_ms))
}

/// The highest video bitrate in bit/s, by the rule by which it is told to players.
fn peak_bps(index: &[IndexedPacket], grid: &[Start], frame_ticks: i64, clock: Clock) -> u64 {
    let starts = grid.iter().filter(|start| start.starts_segment);
    let firsts: Vec<usize> = starts
        .map(|start| (start.pts / frame_ticks) as usize)
        .chain(std::iter::once(index.len()))
        .collect();
    let segments = firsts.windows(2).map(|pair| {
        let packets = &index[pair[0]..pair[1]];
        Segment {
            start_s: clock.seconds(pair[0] as i64 * frame_ticks),
            duration_s: clock.seconds(packets.len() as i64 * frame_ticks),
            offset_bytes: 0,
            len_bytes: packets.iter().map(|packet| packet.len_bytes).sum(),
        }
    });
    peak_bandwidth_bps(&segments.collect::<Vec<_>>())
}
