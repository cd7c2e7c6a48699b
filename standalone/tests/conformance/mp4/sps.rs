//! Sequence parameter sets (ITU-T H.264 §7.3.2.1.1 and Annex E).

use super::bits::Bits;

/// What a decoder must know, and what our encoder must have said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sps {
    pub(crate) profile_idc: u8,
    pub(crate) constraints: u8,
    pub(crate) level_idc: u8,
    pub(crate) is_progressive: bool,
    pub(crate) width_mbs: u32,
    pub(crate) height_mbs: u32,
    /// Without what is cropped away.
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    /// Decoded pictures that must be kept.
    pub(crate) dpb_frames: u32,
    /// Sample aspect ratio's code; 1 is square.
    pub(crate) aspect_ratio_idc: Option<u32>,
    pub(crate) is_full_range: bool,
    /// Primaries, transfer and matrix; 1 is BT.709.
    pub(crate) colour: Option<[u32; 3]>,
}

/// Whose SPS tells the chroma format.
pub(crate) const HIGH: u8 = 100;
/// Baseline (x264's fastest preset leaves no more of High) and Main: always 4:2:0 with 8 bits.
const BELOW_HIGH: [u8; 2] = [66, 77];

impl Sps {
    /// Reads a NAL unit of type 7.
    pub(crate) fn read(nal: &[u8]) -> Result<Self, String> {
        let [header, profile_idc, constraints, level_idc, ..] = *nal else {
            return Err("the SPS is cut short".into());
        };
        if header & 0x1f != 7 {
            return Err("the avcC's first parameter set is no SPS".into());
        }
        let mut bits = Bits::of_nal(&nal[4..]);
        bits.ue()?; // seq_parameter_set_id
        match profile_idc {
            HIGH => {
                let formats = [bits.ue()?, bits.ue()?, bits.ue()?];
                bits.flag()?; // qpprime_y_zero_transform_bypass_flag
                if formats != [1, 0, 0] || bits.flag()? {
                    return Err("the picture is not 4:2:0 with 8 bits and flat matrices".into());
                }
            }
            below if BELOW_HIGH.contains(&below) => {}
            other => return Err(format!("profile {other} is not High, nor below it")),
        }
        bits.ue()?; // log2_max_frame_num_minus4
        match bits.ue()? {
            0 => drop(bits.ue()?), // log2_max_pic_order_cnt_lsb_minus4
            2 => {}
            other => return Err(format!("pic_order_cnt_type is {other}")),
        }
        let max_num_ref_frames = bits.ue()?;
        bits.flag()?; // gaps_in_frame_num_value_allowed_flag
        let (width_mbs, map_height) = (bits.ue()? + 1, bits.ue()? + 1);
        let is_progressive = bits.flag()?;
        let height_mbs = if is_progressive {
            map_height
        } else {
            bits.flag()?; // mb_adaptive_frame_field_flag
            map_height * 2
        };
        bits.flag()?; // direct_8x8_inference_flag
        let crop = match bits.flag()? {
            true => [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?],
            false => [0; 4],
        };
        let mut sps = Self {
            profile_idc,
            constraints,
            level_idc,
            is_progressive,
            width_mbs,
            height_mbs,
            width_px: (width_mbs * 16).saturating_sub(2 * (crop[0] + crop[1])),
            height_px: (height_mbs * 16).saturating_sub(2 * (crop[2] + crop[3])),
            dpb_frames: max_num_ref_frames,
            aspect_ratio_idc: None,
            is_full_range: false,
            colour: None,
        };
        if bits.flag()? {
            sps.read_vui(&mut bits)?;
        }
        Ok(sps)
    }

    /// Annex E.1.1.
    fn read_vui(&mut self, bits: &mut Bits) -> Result<(), String> {
        if bits.flag()? {
            let code = bits.u(8)?;
            self.aspect_ratio_idc = Some(code);
            if code == 255 {
                bits.u(32)?; // sar_width, sar_height
            }
        }
        if bits.flag()? {
            bits.flag()?; // overscan_appropriate_flag
        }
        if bits.flag()? {
            bits.u(3)?; // video_format
            self.is_full_range = bits.flag()?;
            if bits.flag()? {
                self.colour = Some([bits.u(8)?, bits.u(8)?, bits.u(8)?]);
            }
        }
        if bits.flag()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
        if bits.flag()? {
            bits.u(32)?; // num_units_in_tick
            bits.u(32)?; // time_scale
            bits.flag()?; // fixed_frame_rate_flag
        }
        if bits.flag()? || bits.flag()? {
            // Hypothetical reference decoders: nothing here asks for them.
            return Ok(());
        }
        bits.flag()?; // pic_struct_present_flag
        if bits.flag()? {
            bits.flag()?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..5 {
                // max_bytes_per_pic_denom to max_num_reorder_frames
                bits.ue()?;
            }
            self.dpb_frames = bits.ue()?;
        }
        Ok(())
    }
}
