//! The top rung without encoding: where a file proves that its own video plays and switches as
//! well as one of ours, its packets are passed on as they are.
//!
//! What the container's index and the parameter sets say is looked at before the start
//! ([`Copied::prove`]), what each packet is while it passes ([`Passage`]). What is not proven is
//! encoded; and should a packet break the proof, the transcode starts anew and encodes.

mod passage;

use ffmpeg_next::{Rational, codec, color, format};

use super::plan::{FRAGMENT_MS, Plan};
use crate::ffi::{self, IndexedPacket};
use crate::h264::{ParameterSets, Sps, profile};
use crate::input::Demuxer;
use crate::ladder::Target;
use crate::options::Options;
use crate::orientation::Orientation;
use crate::probe::{Probe, VideoStream, in_time_base};
use crate::time::{Clock, MAX_FPS, Start};
pub(super) use passage::{Passage, Passed};

/// Why the top rung is encoded.
pub(super) type Reason = &'static str;

/// Farthest that IDR frames may lie apart, in milliseconds: players switch at them.
const MAX_IDR_GAP_MS: u32 = 4000;
/// With fewer pictures a second, each is shown for so long that our own rungs repeat it.
const MIN_FPS: f64 = 10.0;
/// Devices refuse what claims to be more, whatever it is.
const MAX_LEVEL_IDC: u8 = 52;
/// What is not tagged is BT.709 from this short side on.
const MIN_HD_PX: u32 = 720;
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
        check_shape(
            video,
            ffi::pixel_aspect(input, &stream),
            (target.width_px, target.height_px),
        )?;
        let mut parameters = stream.parameters().clone();
        let parameter_sets = check_bitstream(&parameters)?;
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
            peak_bps(&index, &grid, frame_ticks, clock) <= cap_bps as f64,
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

/// Upright, of the rung's size, of square pixels.
fn check_shape(
    video: &VideoStream,
    pixel_aspect: Rational,
    size: (u32, u32),
) -> Result<(), Reason> {
    require(
        video.orientation == Orientation::Upright,
        "it has to be turned",
    )?;
    let is_square =
        pixel_aspect.numerator() == pixel_aspect.denominator() || pixel_aspect.numerator() == 0;
    require(is_square, "its pixels are not square")?;
    require(
        (video.coded_width_px, video.coded_height_px) == size,
        "its size is no rung's",
    )
}

/// H.264 that every player decodes, of the colours that our own rungs have.
fn check_bitstream(parameters: &codec::Parameters) -> Result<ParameterSets, Reason> {
    require(parameters.id() == codec::Id::H264, "it is not H.264")?;
    let sets = ParameterSets::parse(ffi::extradata(parameters))
        .ok_or("it has not one parameter set of each kind")?;
    let sps = Sps::parse(&sets.sps).ok_or("its parameter set is damaged")?;
    let is_common = match sps.profile_idc {
        profile::BASELINE => sps.is_constrained,
        profile::MAIN | profile::HIGH => true,
        _ => false,
    };
    let is_simple = is_common && sps.is_eight_bit && sps.chroma_format_idc == 1;
    require(
        is_simple && !sps.may_skip_frame_numbers && sps.level_idc <= MAX_LEVEL_IDC,
        "its profile is not one that plays everywhere",
    )?;
    require(sps.is_progressive, "it is interlaced")?;
    require(
        sps.pixel_aspect
            .is_none_or(|(width, height)| width == height),
        "its pixels are not square",
    )?;

    let video = codec::Context::from_parameters(parameters.clone())
        .and_then(|context| context.decoder().video())
        .map_err(|_| "its parameters cannot be read")?;
    require(
        video.format() == format::Pixel::YUV420P
            && !sps.is_full_range
            && video.color_range() != color::Range::JPEG,
        "its pixels are not 8-bit 4:2:0 of limited range",
    )?;
    use color::{Primaries, Space, TransferCharacteristic};
    const BT709: u32 = 1;
    const UNSPECIFIED: u32 = 2;
    let in_container = (
        video.color_primaries(),
        video.color_transfer_characteristic(),
        video.color_space(),
    );
    let is_hd = video.width().min(video.height()) >= MIN_HD_PX;
    let is_bt709 = match in_container {
        (Primaries::BT709, TransferCharacteristic::BT709, Space::BT709) => true,
        (
            Primaries::BT709 | Primaries::Unspecified,
            TransferCharacteristic::BT709 | TransferCharacteristic::Unspecified,
            Space::BT709 | Space::Unspecified,
        ) => is_hd,
        _ => false,
    };
    let agrees = sps.colour.is_none_or(|codes| {
        codes
            .iter()
            .all(|code| matches!(*code, BT709 | UNSPECIFIED))
    });
    require(is_bt709 && agrees, "its colours are not BT.709")?;
    Ok(sets)
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

/// The highest video bitrate of any segment, in bit/s.
fn peak_bps(index: &[IndexedPacket], grid: &[Start], frame_ticks: i64, clock: Clock) -> f64 {
    let starts = grid.iter().filter(|start| start.starts_segment);
    let firsts: Vec<usize> = starts
        .map(|start| (start.pts / frame_ticks) as usize)
        .chain(std::iter::once(index.len()))
        .collect();
    let rates = firsts.windows(2).map(|pair| {
        let packets = &index[pair[0]..pair[1]];
        let len_bytes: u64 = packets.iter().map(|packet| packet.len_bytes).sum();
        len_bytes as f64 * 8.0 / clock.seconds(packets.len() as i64 * frame_ticks)
    });
    rates.fold(0.0, f64::max)
}
