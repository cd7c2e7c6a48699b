//! What the master says of a stream, and what the stream itself says.

use crate::mp4::{Avcc, File, HIGH, Level, Load, SampleEntry, Sps};
use crate::package::Rung;
use crate::violations::Violations;

/// Every device that plays H.264 at all plays this level; x264 may name it for a smaller picture.
const ANY_DEVICE_IDC: u8 = 30;
const MAX_FPS: f64 = 60.0;
const BT709: [u32; 3] = [1; 3];

pub(super) fn check(rung: &Rung, file: &File, violations: &mut Violations) {
    let name = &rung.name;
    let names: Vec<&str> = file.tracks().map(|track| track.codec()).collect();
    let variants = [(name, &rung.variant, names.join(","))];
    let iframes = rung.iframes.iter();
    let iframes = iframes.map(|i| (&i.name, &i.variant, names[0].to_owned()));
    for (name, variant, codecs) in variants.into_iter().chain(iframes) {
        violations.require(variant.codecs == codecs, name, || {
            format!(
                "CODECS is {:?}, the bitstream's are {codecs:?}",
                variant.codecs
            )
        });
        resolution(name, variant.resolution, file, violations);
    }
    let frame_rate = FrameRate::of(file);
    check_frame_rate(name, rung.variant.frame_rate, frame_rate, violations);
    if let Some(avcc) = file.video.avcc() {
        picture(name, &avcc.sps, violations);
        level(name, avcc, file, frame_rate, violations);
    }
    if let Some(track) = &file.audio
        && let SampleEntry::Aac {
            codec,
            sample_rate_hz,
        } = &track.entry
    {
        violations.require(codec == "mp4a.40.2", name, || {
            format!("its sound is {codec}, not AAC-LC")
        });
        violations.require(*sample_rate_hz == track.timescale, name, || {
            let timescale = track.timescale;
            format!("its sound has {sample_rate_hz} Hz in a timescale of {timescale}")
        });
    }
}

fn resolution(name: &str, said: (u64, u64), file: &File, violations: &mut Violations) {
    let SampleEntry::Avc {
        avcc,
        coded_px,
        pixel_shape,
    } = &file.video.entry
    else {
        return;
    };
    let in_sps = (avcc.sps.width_px.into(), avcc.sps.height_px.into());
    violations.require(said == in_sps, name, || {
        format!("RESOLUTION is {said:?}, the SPS says {in_sps:?}")
    });
    let in_entry = (coded_px.0.into(), coded_px.1.into());
    let shown = file.video.shown_px;
    let shown_as_coded = shown == (in_sps.0 as f64, in_sps.1 as f64);
    violations.require(in_entry == in_sps && shown_as_coded, name, || {
        format!("SPS, sample entry and tkhd say {in_sps:?}, {in_entry:?} and {shown:?}")
    });
    let square = pixel_shape.is_none_or(|(width, height)| width == height);
    let sps_square = matches!(avcc.sps.aspect_ratio_idc, None | Some(0 | 1));
    violations.require(square && sps_square, name, || {
        format!(
            "its pixels are not square: pasp {pixel_shape:?}, SPS {:?}",
            avcc.sps.aspect_ratio_idc
        )
    });
    violations.require(file.video.is_upright, name, || {
        "its matrix turns the picture".into()
    });
}

/// How fast pictures follow one another.
#[derive(Debug, Clone, Copy)]
struct FrameRate {
    fps: f64,
    is_constant: bool,
}

impl FrameRate {
    /// The constant rate; else that of the busiest stretch between two IDR frames, the last and
    /// shorter one aside.
    fn of(file: &File) -> Self {
        let video = &file.video;
        let durations: Vec<u32> = file
            .parts(video)
            .flat_map(|(_, part)| part.samples.iter().map(|s| s.duration_ticks))
            .collect();
        // The last one may stand a little longer.
        if let [first, .., _] | [first] = durations[..]
            && durations[..durations.len() - 1]
                .iter()
                .all(|ticks| *ticks == first)
        {
            return Self {
                fps: f64::from(video.timescale) / f64::from(first),
                is_constant: true,
            };
        }
        let rate = |(number, part): (usize, &crate::mp4::TrackFragment)| {
            let is_last = number > 0 && number + 1 == file.fragments.len();
            let seconds = video.seconds(part.duration_ticks() as i64);
            (!is_last).then(|| part.samples.len() as f64 / seconds)
        };
        Self {
            fps: file.parts(video).filter_map(rate).fold(0.0, f64::max),
            is_constant: false,
        }
    }
}

/// §4.4.6.2: the largest frame rate, rounded to three decimal places.
fn check_frame_rate(
    name: &str,
    said: Option<f64>,
    measured: FrameRate,
    violations: &mut Violations,
) {
    let said = said.unwrap_or(0.0);
    let fps = measured.fps;
    let holds = match measured.is_constant {
        true => (said - fps).abs() <= 0.001,
        false => said >= fps * 0.99 && said <= MAX_FPS * 1.01,
    };
    violations.require(holds, name, || {
        let how = if measured.is_constant {
            "constantly"
        } else {
            "up to"
        };
        format!("FRAME-RATE is {said}, the pictures come {how} {fps:.3} times a second")
    });
    violations.require(fps <= MAX_FPS * 1.01, name, || {
        format!("{fps:.3} pictures a second are more than {MAX_FPS}")
    });
}

fn picture(name: &str, sps: &Sps, violations: &mut Violations) {
    violations.require(sps.is_progressive, name, || {
        "its pictures are interlaced".into()
    });
    violations.require(
        sps.colour == Some(BT709) && !sps.is_full_range,
        name,
        || {
            let (colour, full) = (sps.colour, sps.is_full_range);
            format!("its colour is {colour:?} and full range {full}, not limited BT.709")
        },
    );
}

/// A level that the stream keeps to, and none that shuts out devices without need.
fn level(name: &str, avcc: &Avcc, file: &File, frame_rate: FrameRate, violations: &mut Violations) {
    let sps = &avcc.sps;
    let parts = file.parts(&file.video);
    let peak = parts.map(|(_, part)| {
        let seconds = file.video.seconds(part.duration_ticks() as i64);
        (part.len_bytes() * 8, seconds)
    });
    let (peak_bits, peak_s) = peak.max_by_key(|(bits, _)| *bits).unwrap_or_default();
    let load = Load {
        width_mbs: sps.width_mbs.into(),
        height_mbs: sps.height_mbs.into(),
        dpb_frames: sps.dpb_frames.into(),
        frame_rate: frame_rate.fps,
        peak_bits,
        peak_s,
        is_high_profile: sps.profile_idc == HIGH,
    };
    let idc = sps.level_idc;
    let carries = Level::of(idc).is_some_and(|level| level.carries(&load));
    violations.require(carries, name, || {
        format!("level {idc} does not carry {load:?}")
    });
    let needed = Level::needed(&load).map_or(u8::MAX, |level| level.idc);
    violations.require(idc <= needed.max(ANY_DEVICE_IDC), name, || {
        format!("its level is {idc}, {needed} carries {load:?}")
    });
}
