//! H.264 in MP4 (ISO/IEC 14496-15 §5).

use super::{Fields, Sps};

/// The `avcC` box: how samples are cut into NAL units, and the parameter sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Avcc {
    /// RFC 6381 name: `avc1.64001f`.
    pub(crate) codec: String,
    pub(crate) sps: Sps,
    nal_len_len: usize,
}

impl Avcc {
    pub(crate) fn read(content: &[u8]) -> Result<Self, String> {
        let mut fields = Fields::new("the avcC", content);
        if fields.u8()? != 1 {
            return Err("the avcC has another version than 1".into());
        }
        let named = [fields.u8()?, fields.u8()?, fields.u8()?];
        let nal_len_len = usize::from(fields.u8()? & 3) + 1;
        let sets = fields.u8()? & 0x1f;
        if sets != 1 {
            return Err(format!("the avcC holds {sets} sequence parameter sets"));
        }
        let len = fields.u16()?;
        let sps = Sps::read(fields.take(len.into())?)?;
        if named != [sps.profile_idc, sps.constraints, sps.level_idc] {
            return Err(format!(
                "the avcC says {named:02x?}, its SPS another profile and level"
            ));
        }
        let [profile, constraints, level] = named;
        Ok(Self {
            codec: format!("avc1.{profile:02x}{constraints:02x}{level:02x}"),
            sps,
            nal_len_len,
        })
    }
}

/// The types of a sample's NAL units, which must fill it.
pub(crate) fn nal_types(avcc: &Avcc, mut sample: &[u8]) -> Result<Vec<u8>, String> {
    let mut types = Vec::new();
    while !sample.is_empty() {
        let mut fields = Fields::new("a NAL unit's length", sample);
        let len = fields.take(avcc.nal_len_len)?;
        let len = len.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
        let mut nal = Fields::new("a NAL unit", fields.rest());
        let first = nal.take(len)?.first().copied();
        types.push(first.ok_or("a NAL unit is empty")? & 0x1f);
        sample = nal.rest();
    }
    Ok(types)
}
