//! What has to be known of an H.264 stream to pass it on as it is: its parameter sets and the NAL
//! units of a picture (ITU-T H.264), as MP4 keeps them (ISO/IEC 14496-15 §5.3).

/// NAL unit types (H.264 table 7-1).
pub(crate) mod nal_type {
    pub(crate) const SLICE: u8 = 1;
    pub(crate) const IDR_SLICE: u8 = 5;
    pub(crate) const SEI: u8 = 6;
    pub(crate) const SPS: u8 = 7;
    pub(crate) const PPS: u8 = 8;
    pub(crate) const ACCESS_UNIT_DELIMITER: u8 = 9;
    pub(crate) const FILLER: u8 = 12;
}

/// Profiles that every player decodes, by `profile_idc`.
pub(crate) mod profile {
    pub(crate) const BASELINE: u8 = 66;
    pub(crate) const MAIN: u8 = 77;
    pub(crate) const HIGH: u8 = 100;
}

/// An `avcC` with one parameter set of each kind and lengths of four bytes, as nearly all have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterSets {
    /// With its NAL header.
    pub(crate) sps: Vec<u8>,
    pub(crate) pps: Vec<u8>,
}

impl ParameterSets {
    /// From an `AVCDecoderConfigurationRecord`.
    pub(crate) fn parse(avcc: &[u8]) -> Option<Self> {
        const ONE_SPS: u8 = 1;
        let [
            1,
            profile,
            constraints,
            level,
            lengths,
            sps_count,
            rest @ ..,
        ] = avcc
        else {
            return None;
        };
        if lengths & 0x3 != 3 || sps_count & 0x1f != ONE_SPS {
            return None;
        }
        let (sps, rest) = counted(rest)?;
        let (1, rest) = rest.split_first().map(|(count, rest)| (*count, rest))? else {
            return None;
        };
        let (pps, rest) = counted(rest)?;
        // What it says of itself is what players are told. High has three fields more, and sets of
        // a kind that is not used.
        let is_true = sps.get(1..4) == Some(&[*profile, *constraints, *level]);
        if !is_true || !matches!(rest, [] | [_, _, _, 0]) {
            return None;
        }
        Some(Self {
            sps: sps.to_vec(),
            pps: pps.to_vec(),
        })
    }
}

/// A field behind its length in 16 bits, and the rest.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*len).into())
}

/// The NAL units of a picture, each behind its length in four bytes; the last item is `None` where
/// they do not add up.
pub(crate) fn nal_units(mut picture: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if picture.is_empty() {
            return None;
        }
        let unit = picture.split_first_chunk().and_then(|(len, rest)| {
            rest.split_at_checked(u32::from_be_bytes(*len) as usize)
                // A NAL header's first bit is 0.
                .filter(|(unit, _)| unit.first().is_some_and(|header| header & 0x80 == 0))
        });
        picture = unit.map_or(&[], |(_, rest)| rest);
        Some(unit.map(|(unit, _)| unit))
    })
}

/// The type of a NAL unit that is not empty.
pub(crate) fn type_of(unit: &[u8]) -> u8 {
    unit[0] & 0x1f
}

/// Whether a slice is a picture's first: `first_mb_in_slice`, an Exp-Golomb number, is 0.
pub(crate) fn starts_picture(slice: &[u8]) -> bool {
    slice.get(1).is_some_and(|byte| byte & 0x80 != 0)
}

/// What a sequence parameter set says (H.264 §7.3.2.1.1 and annex E.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sps {
    pub(crate) profile_idc: u8,
    /// A Baseline stream that Main decoders take, too (`constraint_set1_flag`).
    pub(crate) is_constrained: bool,
    /// Ten times the level.
    pub(crate) level_idc: u8,
    /// 1: 4:2:0.
    pub(crate) chroma_format_idc: u32,
    pub(crate) is_eight_bit: bool,
    pub(crate) may_skip_frame_numbers: bool,
    pub(crate) is_progressive: bool,
    /// Pixels are square, or their shape is not said.
    pub(crate) is_square: bool,
    pub(crate) is_full_range: bool,
    /// Primaries, transfer and matrix (ISO/IEC 23091-2), where they are said.
    pub(crate) colour: Option<[u32; 3]>,
}

impl Sps {
    /// From a NAL unit with its header; `None` if it is cut short.
    pub(crate) fn parse(unit: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(unit.get(1..)?);
        let mut sps = Self {
            profile_idc: bits.take(8)? as u8,
            chroma_format_idc: 1,
            is_eight_bit: true,
            is_square: true,
            ..Self::default()
        };
        sps.is_constrained = bits.take(8)? & 0x40 != 0;
        sps.level_idc = bits.take(8)? as u8;
        bits.ue()?; // seq_parameter_set_id
        if !matches!(
            sps.profile_idc,
            profile::BASELINE | profile::MAIN | 88 /* Extended */
        ) {
            sps.chroma_format_idc = bits.ue()?;
            if sps.chroma_format_idc == 3 {
                bits.flag()?; // separate_colour_plane_flag
            }
            let depths_minus8 = (bits.ue()?, bits.ue()?);
            sps.is_eight_bit = depths_minus8 == (0, 0);
            bits.flag()?; // qpprime_y_zero_transform_bypass_flag
            if bits.flag()? {
                for list in 0..if sps.chroma_format_idc == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        bits.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.ue()?; // log2_max_frame_num_minus4
        match bits.ue()? {
            0 => drop(bits.ue()?), // log2_max_pic_order_cnt_lsb_minus4
            1 => {
                bits.flag()?; // delta_pic_order_always_zero_flag
                bits.ue()?; // offset_for_non_ref_pic, signed: the length is the same
                bits.ue()?; // offset_for_top_to_bottom_field
                for _ in 0..bits.ue()?.min(255) {
                    bits.ue()?; // offset_for_ref_frame
                }
            }
            _ => {}
        }
        bits.ue()?; // max_num_ref_frames
        sps.may_skip_frame_numbers = bits.flag()?;
        bits.ue()?; // pic_width_in_mbs_minus1
        bits.ue()?; // pic_height_in_map_units_minus1
        sps.is_progressive = bits.flag()?;
        if !sps.is_progressive {
            bits.flag()?; // mb_adaptive_frame_field_flag
        }
        bits.flag()?; // direct_8x8_inference_flag
        if bits.flag()? {
            for _side in 0..4 {
                bits.ue()?; // frame_crop_…_offset
            }
        }
        if bits.flag()? {
            sps.read_usability(&mut bits)?;
        }
        Some(sps)
    }

    fn read_usability(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        /// Values of `aspect_ratio_idc` (table E-1).
        const UNSPECIFIED: u32 = 0;
        const SQUARE: u32 = 1;
        const EXTENDED: u32 = 255;
        if bits.flag()? {
            self.is_square = match bits.take(8)? {
                UNSPECIFIED | SQUARE => true,
                EXTENDED => bits.take(16)? == bits.take(16)?,
                _ => false,
            };
        }
        if bits.flag()? {
            bits.flag()?; // overscan_appropriate_flag
        }
        if bits.flag()? {
            bits.take(3)?; // video_format
            self.is_full_range = bits.flag()?;
            if bits.flag()? {
                self.colour = Some([bits.take(8)?, bits.take(8)?, bits.take(8)?]);
            }
        }
        Some(())
    }
}

/// The bits of a NAL unit, most significant first, without its emulation prevention (§7.3.1).
struct Bits<'a> {
    bytes: &'a [u8],
    zeros: u32,
    byte: u8,
    bits_left: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            zeros: 0,
            byte: 0,
            bits_left: 0,
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        if byte == 3 && self.zeros >= 2 {
            self.zeros = 0;
            return self.next_byte();
        }
        self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
        Some(byte)
    }

    fn flag(&mut self) -> Option<bool> {
        if self.bits_left == 0 {
            self.byte = self.next_byte()?;
            self.bits_left = 8;
        }
        self.bits_left -= 1;
        Some(self.byte >> self.bits_left & 1 != 0)
    }

    /// A number of at most 32 bits.
    fn take(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0, |number, _| Some(number << 1 | u32::from(self.flag()?)))
    }

    /// An Exp-Golomb number (§9.1).
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros > 31 {
            return None;
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    fn se(&mut self) -> Option<i64> {
        let code = i64::from(self.ue()?);
        Some(if code % 2 == 0 {
            -code / 2
        } else {
            (code + 1) / 2
        })
    }

    /// §7.3.2.1.1.1: a list ends early where the next scale would be 0.
    fn skip_scaling_list(&mut self, len: u32) -> Option<()> {
        let mut last = 8;
        for _ in 0..len {
            last = (last + self.se()?).rem_euclid(256);
            if last == 0 {
                break;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
