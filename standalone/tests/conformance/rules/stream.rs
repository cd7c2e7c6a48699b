//! What the master says of a stream, and what the stream itself says.

use super::frame_rate::FrameRate;
use crate::mp4::{Avcc, File, HIGH, Level, Load, SampleEntry, Sps};
use crate::package::{Pictures, Rung};
use crate::violations::Violations;

/// Every device that plays H.264 at all plays this level; x264 may name it for a smaller picture.
const ANY_DEVICE_IDC: u8 = 30;
const BT709: [u32; 3] = [1; 3];
/// Short side of the smallest HD picture.
const HD_PX: u32 = 720;

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
    frame_rate.check(name, rung.variant.frame_rate, violations);
    if let Some(avcc) = file.video.avcc() {
        picture(rung, &avcc.sps, violations);
        level(rung, avcc, file, frame_rate, violations);
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

fn picture(rung: &Rung, sps: &Sps, violations: &mut Violations) {
    let name = &rung.name;
    violations.require(sps.is_progressive, name, || {
        "its pictures are interlaced".into()
    });
    // Players take HD that is not tagged for BT.709.
    let is_hd = sps.width_px.min(sps.height_px) >= HD_PX;
    let may_be_untagged = rung.pictures == Pictures::Copied && is_hd;
    let is_bt709 = sps.colour == Some(BT709) || (sps.colour.is_none() && may_be_untagged);
    violations.require(is_bt709 && !sps.is_full_range, name, || {
        let (colour, full) = (sps.colour, sps.is_full_range);
        format!("its colour is {colour:?} and full range {full}, not limited BT.709")
    });
}

/// A level that the stream keeps to, and none of our own that shuts out devices without need.
fn level(
    rung: &Rung,
    avcc: &Avcc,
    file: &File,
    frame_rate: FrameRate,
    violations: &mut Violations,
) {
    let (name, sps) = (&rung.name, &avcc.sps);
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
        frame_rate: frame_rate.sustained,
        peak_bits,
        peak_s,
        is_high_profile: sps.profile_idc == HIGH,
    };
    let idc = sps.level_idc;
    let carries = Level::of(idc).is_some_and(|level| level.carries(&load));
    violations.require(carries, name, || {
        format!("level {idc} does not carry {load:?}")
    });
    let most = Load {
        frame_rate: frame_rate.in_a_second,
        ..load
    };
    let needed = Level::needed(&most).map_or(u8::MAX, |level| level.idc);
    let is_ours = rung.pictures != Pictures::Copied;
    let is_low = !is_ours || idc <= needed.max(ANY_DEVICE_IDC);
    violations.require(is_low, name, || {
        format!("its level is {idc}, {needed} carries {most:?}")
    });
}
