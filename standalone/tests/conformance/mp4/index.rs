//! Segment indexes (ISO/IEC 14496-12 §8.16.3).

use super::Fields;

#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) track_id: u32,
    pub(crate) timescale: u32,
    pub(crate) earliest_presentation_ticks: u64,
    /// From the end of the box to what the first reference leads to.
    pub(crate) first_offset: u64,
    pub(crate) references: Vec<Reference>,
}

#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) len: usize,
    pub(crate) duration_ticks: u32,
    /// Whether it leads to media, and those begin with a closed GOP's IDR frame (SAP type 1).
    pub(crate) starts_closed: bool,
}

impl Index {
    pub(crate) fn read(content: &[u8]) -> Result<Self, String> {
        let mut fields = Fields::new("the sidx", content);
        let (version, _) = fields.version_and_flags()?;
        let (track_id, timescale) = (fields.u32()?, fields.u32()?);
        let earliest_presentation_ticks = fields.by_version(version)?;
        let first_offset = fields.by_version(version)?;
        fields.u16()?;
        let count = fields.u16()?;
        let mut references = Vec::new();
        for _ in 0..count {
            let (size, duration_ticks, sap) = (fields.u32()?, fields.u32()?, fields.u32()?);
            references.push(Reference {
                len: (size & 0x7fff_ffff) as usize,
                duration_ticks,
                starts_closed: size >> 31 == 0 && sap == 0x9000_0000,
            });
        }
        fields.end()?;
        Ok(Self {
            track_id,
            timescale,
            earliest_presentation_ticks,
            first_offset,
            references,
        })
    }
}
