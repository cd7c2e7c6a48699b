//! Each packet is held against the proof while it passes.

use std::borrow::Cow;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::{Flags, side_data};

use super::{Copied, Reason, require};
use crate::h264::{ParameterSets, nal_type, nal_units, starts_picture, type_of};
use crate::time::{Grid, GridCursor};

/// A packet as the copied rung's muxer takes it: time stamps in ticks of the output.
pub(in crate::pipeline) struct CopiedPacket {
    pub(in crate::pipeline) packet: ffmpeg::Packet,
    pub(in crate::pipeline) starts_fragment: bool,
    pub(in crate::pipeline) starts_segment: bool,
}

/// The original's video packets on their way, in decode order.
pub(in crate::pipeline) struct PacketCheck {
    copied: Copied,
    cursor: GridCursor,
    /// Packets so far.
    count: i64,
    gop: Gop,
}

impl PacketCheck {
    pub(in crate::pipeline) fn new(copied: Copied) -> Self {
        Self {
            cursor: Grid::At(copied.grid.clone()).cursor(copied.clock),
            copied,
            count: 0,
            gop: Gop::default(),
        }
    }

    /// Takes the next packet; an error ends all copying.
    pub(in crate::pipeline) fn pass(
        &mut self,
        packet: &ffmpeg::Packet,
    ) -> Result<CopiedPacket, Reason> {
        let changes_parameters = |kind| {
            matches!(
                kind,
                side_data::Type::NewExtraData | side_data::Type::ParamChange
            )
        };
        require(
            !packet
                .side_data()
                .any(|data| changes_parameters(data.kind())),
            "its parameter sets change",
        )?;
        require(
            self.count < self.copied.pictures,
            "it has more pictures than its index",
        )?;
        let (shown, decoded) = self.place(packet)?;
        let (is_idr, picture) = picture(
            packet.data().unwrap_or_default(),
            &self.copied.parameter_sets,
        )?;
        let is_sync = self.copied.syncs.binary_search(&self.count).is_ok();
        require(is_idr == is_sync, "a sync sample is no IDR frame")?;
        if is_idr {
            require(
                shown == self.count,
                "a picture is shown after a later IDR frame",
            )?;
            self.gop.end()?;
            self.gop.first = shown;
        }
        self.gop.add(shown)?;
        self.count += 1;

        let frame_ticks = self.copied.frame_ticks;
        let mut passed = ffmpeg::Packet::copy(&picture);
        if is_idr {
            passed.set_flags(Flags::KEY);
        }
        passed.set_pts(Some(shown * frame_ticks));
        passed.set_dts(Some(decoded * frame_ticks));
        let (starts_fragment, starts_segment) = match is_idr {
            true => self.cursor.step(shown * frame_ticks),
            false => (false, false),
        };
        Ok(CopiedPacket {
            packet: passed,
            starts_fragment,
            starts_segment,
        })
    }

    /// When a packet is shown and when it is decoded, in pictures from the common zero.
    fn place(&self, packet: &ffmpeg::Packet) -> Result<(i64, i64), Reason> {
        const UNTIMED: Reason = "a packet has no time stamp";
        let (pts, dts) = (packet.pts().ok_or(UNTIMED)?, packet.dts().ok_or(UNTIMED)?);
        let Copied {
            zero,
            first_dts,
            step,
            ..
        } = self.copied;
        let place = |ticks: i64| {
            let ticks = ticks.saturating_sub(zero);
            (ticks % step == 0).then_some(ticks / step)
        };
        let due = first_dts.saturating_add(self.count.saturating_mul(step));
        let (shown, decoded) = place(pts)
            .zip(place(dts).filter(|_| dts == due))
            .ok_or("its time stamps are not those of a constant rate")?;
        require(decoded <= shown, "a picture is shown before it is decoded")?;
        Ok((shown, decoded))
    }

    /// All packets have passed; the last picture is to stand until `end`, in ticks.
    pub(in crate::pipeline) fn finish(mut self, end: i64) -> Result<(), Reason> {
        require(
            self.count == self.copied.pictures,
            "it has fewer pictures than its index",
        )?;
        self.gop.end()?;
        self.copied.check_end(end)
    }
}

/// The pictures from one IDR frame to the next: shown without a gap, none twice.
#[derive(Default)]
struct Gop {
    /// When its first picture is shown, in pictures.
    first: i64,
    shown: Vec<bool>,
    count: usize,
}

impl Gop {
    /// More than any four seconds hold.
    const MAX_LEN: usize = 256;

    fn add(&mut self, shown: i64) -> Result<(), Reason> {
        let at = usize::try_from(shown - self.first).ok();
        let at = at
            .filter(|at| *at < Self::MAX_LEN)
            .ok_or("a picture is shown out of its group")?;
        if self.shown.len() <= at {
            self.shown.resize(at + 1, false);
        }
        require(
            !std::mem::replace(&mut self.shown[at], true),
            "two pictures are shown at once",
        )?;
        self.count += 1;
        Ok(())
    }

    /// No more pictures.
    fn end(&mut self) -> Result<(), Reason> {
        require(
            self.count == self.shown.len(),
            "a picture is missing from its group",
        )?;
        self.shown.clear();
        self.count = 0;
        Ok(())
    }
}

/// Whether a packet is an IDR frame, and its NAL units without parameter sets, which `avc1` tracks
/// have in their head alone (ISO/IEC 14496-15 §5.4.2.1). An error if it holds more than slices and
/// what players skip, or other parameter sets.
fn picture<'a>(packet: &'a [u8], sets: &ParameterSets) -> Result<(bool, Cow<'a, [u8]>), Reason> {
    let (mut has_idr, mut has_other, mut has_sets) = (false, false, false);
    let mut pictures = 0;
    for unit in nal_units(packet) {
        let unit = unit.ok_or("a packet's NAL units do not add up")?;
        match type_of(unit) {
            nal_type::SLICE | nal_type::IDR_SLICE => {
                has_idr |= type_of(unit) == nal_type::IDR_SLICE;
                has_other |= type_of(unit) == nal_type::SLICE;
                pictures += u32::from(starts_picture(unit));
                require(pictures == 1, "a packet is not one whole picture")?;
            }
            nal_type::SPS | nal_type::PPS => {
                let is_known = unit == sets.sps || unit == sets.pps;
                require(is_known, "its parameter sets change")?;
                has_sets = true;
            }
            nal_type::SEI | nal_type::ACCESS_UNIT_DELIMITER | nal_type::FILLER => {}
            _ => return Err("a packet holds more than a picture"),
        }
    }
    require(has_idr != has_other, "a packet is not one whole picture")?;
    let picture = match has_sets {
        true => Cow::Owned(without_parameter_sets(packet)),
        false => Cow::Borrowed(packet),
    };
    Ok((has_idr, picture))
}

fn without_parameter_sets(packet: &[u8]) -> Vec<u8> {
    let is_set = |unit: &[u8]| matches!(type_of(unit), nal_type::SPS | nal_type::PPS);
    let units = nal_units(packet).flatten().filter(|unit| !is_set(unit));
    let counted = units.flat_map(|unit| [&(unit.len() as u32).to_be_bytes(), unit].concat());
    counted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_idr_or_not_and_brings_no_other_parameters() {
        let sets = ParameterSets {
            sps: vec![0x67, 1],
            pps: vec![0x68, 2],
        };
        let packet = |units: &[&[u8]]| -> Vec<u8> {
            let counted = |unit: &&[u8]| [&(unit.len() as u32).to_be_bytes(), *unit].concat();
            units.iter().flat_map(counted).collect()
        };
        let check = |units: &[&[u8]]| {
            let (is_idr, left) =
                picture(&packet(units), &sets).map(|(is_idr, left)| (is_idr, left.into_owned()))?;
            Ok((is_idr, left))
        };
        let idr = check(&[&[0x67, 1], &[0x68, 2], &[0x06], &[0x65, 0x80]]);
        assert_eq!(idr, Ok((true, packet(&[&[0x06], &[0x65, 0x80]]))));
        let other: [&[u8]; 4] = [&[0x09], &[0x41, 0x80], &[0x01, 0x40], &[0x0c]];
        assert_eq!(check(&other), Ok((false, packet(&other))));
        let changed = Err("its parameter sets change");
        assert_eq!(check(&[&[0x67, 2], &[0x65, 0x80]]), changed);
        assert_eq!(check(&[&[0x68, 3], &[0x41, 0x80]]), changed);
        let not_whole = Err("a packet is not one whole picture");
        assert_eq!(check(&[&[0x65, 0x80], &[0x41, 0x40]]), not_whole);
        assert_eq!(check(&[&[0x06]]), not_whole);
        assert_eq!(check(&[&[0x65, 0x80], &[0x65, 0x80]]), not_whole);
        assert_eq!(check(&[&[0x41, 0x40]]), not_whole);
        assert!(check(&[&[0x42], &[0x41]]).is_err(), "a data partition");
    }

    #[test]
    fn a_group_has_each_picture_once() {
        let fill = |pictures: &[i64]| {
            let mut gop = Gop {
                first: 10,
                ..Gop::default()
            };
            pictures.iter().try_for_each(|shown| gop.add(*shown))?;
            gop.end()
        };
        assert_eq!(fill(&[10, 13, 11, 12]), Ok(()));
        assert!(fill(&[10, 13, 11]).is_err(), "one is missing");
        assert!(fill(&[10, 11, 11]).is_err(), "one is there twice");
        assert!(fill(&[10, 9]).is_err(), "one leads the IDR frame");
        assert!(fill(&[10, 10 + 256]).is_err(), "one is far too late");
    }
}
