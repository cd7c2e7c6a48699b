//! Tracks: what the `moov` says before any media.

use super::{Avcc, Fields, aac, boxes, inside, one};

#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: u32,
    /// Ticks per second.
    pub(crate) timescale: u32,
    /// As players are to show it: width and height in pixels, from 16.16 fixed point.
    pub(crate) shown_px: (f64, f64),
    /// Whether the picture is shown as it is coded, neither turned nor mirrored.
    pub(crate) is_upright: bool,
    /// Each edit's media time in ticks; -1 is an empty edit.
    pub(crate) edits: Vec<i64>,
    pub(crate) entry: SampleEntry,
    /// From `trex`: duration, size and flags of samples that do not say.
    pub(crate) defaults: [u32; 3],
}

#[derive(Debug)]
pub(crate) enum SampleEntry {
    Avc {
        avcc: Avcc,
        coded_px: (u16, u16),
        /// From `pasp`, where there is one.
        pixel_shape: Option<(u32, u32)>,
    },
    Aac {
        codec: String,
        sample_rate_hz: u32,
    },
}

impl Track {
    /// All tracks of a `moov`.
    pub(crate) fn read_all(moov: &[u8]) -> Result<Vec<Self>, String> {
        let top = boxes(moov)?;
        let mvex = boxes(one(&top, "mvex")?.content)?;
        let traks = top.iter().filter(|b| b.kind == "trak");
        traks
            .map(|trak| {
                let track = Self::read(trak.content)?;
                let defaults = mvex.iter().filter(|b| b.kind == "trex").find_map(|trex| {
                    let words: Vec<u32> = trex
                        .content
                        .chunks_exact(4)
                        .map(|word| u32::from_be_bytes(word.try_into().unwrap()))
                        .collect();
                    // Version and flags, track_ID, default sample description, and the three.
                    match words[..] {
                        [_, id, _, duration, size, flags] if id == track.id => {
                            Some([duration, size, flags])
                        }
                        _ => None,
                    }
                });
                let defaults = defaults.ok_or_else(|| format!("track {} has no trex", track.id))?;
                Ok(Self { defaults, ..track })
            })
            .collect()
    }

    fn read(trak: &[u8]) -> Result<Self, String> {
        let mut tkhd = Fields::new("the tkhd", inside(trak, &["tkhd"])?);
        let (version, _) = tkhd.version_and_flags()?;
        tkhd.by_version(version)?; // creation_time
        tkhd.by_version(version)?; // modification_time
        let id = tkhd.u32()?;
        tkhd.u32()?;
        tkhd.by_version(version)?; // duration
        tkhd.take(16)?; // layer, group, volume
        let mut matrix = [0; 9];
        for cell in &mut matrix {
            *cell = tkhd.u32()?;
        }
        let shown_px = (fixed_point(tkhd.u32()?), fixed_point(tkhd.u32()?));
        tkhd.end()?;

        let mut mdhd = Fields::new("the mdhd", inside(trak, &["mdia", "mdhd"])?);
        let (version, _) = mdhd.version_and_flags()?;
        mdhd.by_version(version)?; // creation_time
        mdhd.by_version(version)?; // modification_time
        let timescale = mdhd.u32()?;

        let mut stsd = Fields::new("the stsd", inside(trak, &["mdia", "minf", "stbl", "stsd"])?);
        stsd.version_and_flags()?;
        stsd.u32()?; // entry_count
        let entries = boxes(stsd.rest())?;
        let [entry] = entries[..] else {
            return Err(format!("track {id} has {} sample entries", entries.len()));
        };
        Ok(Self {
            id,
            timescale,
            shown_px,
            is_upright: matrix == [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000],
            edits: edits(trak)?,
            entry: SampleEntry::read(entry.kind, entry.content)?,
            defaults: [0; 3],
        })
    }

    pub(crate) fn avcc(&self) -> Option<&Avcc> {
        match &self.entry {
            SampleEntry::Avc { avcc, .. } => Some(avcc),
            SampleEntry::Aac { .. } => None,
        }
    }

    /// RFC 6381 name of its codec.
    pub(crate) fn codec(&self) -> &str {
        match &self.entry {
            SampleEntry::Avc { avcc, .. } => &avcc.codec,
            SampleEntry::Aac { codec, .. } => codec,
        }
    }

    pub(crate) fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.timescale)
    }
}

fn fixed_point(word: u32) -> f64 {
    f64::from(word) / 65536.0
}

/// Media times of the edit list (ISO/IEC 14496-12 §8.6.6).
fn edits(trak: &[u8]) -> Result<Vec<i64>, String> {
    if !boxes(trak)?.iter().any(|b| b.kind == "edts") {
        return Ok(Vec::new());
    }
    let mut elst = Fields::new("the elst", inside(trak, &["edts", "elst"])?);
    let (version, _) = elst.version_and_flags()?;
    let count = elst.u32()?;
    let mut edits = Vec::new();
    for _ in 0..count {
        elst.by_version(version)?; // segment_duration
        let media_time = elst.by_version(version)?;
        edits.push(match version {
            0 => i64::from(media_time as u32 as i32),
            _ => media_time as i64,
        });
        if elst.u32()? != 0x10000 {
            return Err("an edit plays at another rate than 1".into());
        }
    }
    elst.end()?;
    Ok(edits)
}

impl SampleEntry {
    fn read(kind: &str, content: &[u8]) -> Result<Self, String> {
        let mut fields = Fields::new("the sample entry", content);
        fields.take(8)?; // reserved, data_reference_index
        match kind {
            "avc1" => {
                fields.take(16)?;
                let coded_px = (fields.u16()?, fields.u16()?);
                fields.take(50)?; // resolution, frame count, compressor's name, depth
                let children = boxes(fields.rest())?;
                let pasp = one(&children, "pasp").ok();
                let pixel_shape = pasp.map(|pasp| {
                    let mut fields = Fields::new("the pasp", pasp.content);
                    Ok::<_, String>((fields.u32()?, fields.u32()?))
                });
                Ok(Self::Avc {
                    avcc: Avcc::read(one(&children, "avcC")?.content)?,
                    coded_px,
                    pixel_shape: pixel_shape.transpose()?,
                })
            }
            "mp4a" => {
                fields.take(16)?; // channels and sample size, which players take from the esds
                let sample_rate_hz = fields.u32()? >> 16;
                let children = boxes(fields.rest())?;
                Ok(Self::Aac {
                    codec: aac::codec(one(&children, "esds")?.content)?,
                    sample_rate_hz,
                })
            }
            other => Err(format!("a track is {other:?}, not avc1 or mp4a")),
        }
    }
}
