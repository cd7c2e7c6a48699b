//! Fragments: a `moof` and the samples it finds in its `mdat` (ISO/IEC 14496-12 §8.8).

use super::{Fields, Mp4Box, Track, boxes, inside, one};

#[derive(Debug)]
pub(crate) struct Fragment {
    /// Where the `moof` begins in the file.
    pub(crate) start: usize,
    /// Where the `mdat` ends.
    pub(crate) end: usize,
    /// Where the `mdat`'s content begins.
    pub(crate) data_start: usize,
    pub(crate) sequence_number: u32,
    pub(crate) tracks: Vec<TrackFragment>,
}

#[derive(Debug)]
pub(crate) struct TrackFragment {
    pub(crate) track_id: u32,
    /// The decode time of its first sample, in ticks.
    pub(crate) tfdt: u64,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Where it lies in the file.
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) duration_ticks: u32,
    pub(crate) composition_offset_ticks: i64,
    flags: u32,
}

impl Sample {
    /// `sample_is_non_sync_sample` (§8.8.3.1) says otherwise.
    pub(crate) fn is_sync(&self) -> bool {
        self.flags & 0x1_0000 == 0
    }

    pub(crate) fn end(&self) -> usize {
        self.start + self.len
    }
}

impl TrackFragment {
    pub(crate) fn duration_ticks(&self) -> u64 {
        let durations = self.samples.iter().map(|s| u64::from(s.duration_ticks));
        durations.sum()
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        self.samples.iter().map(|s| s.len as u64).sum()
    }
}

impl Fragment {
    pub(crate) fn read(
        moof: Mp4Box<'_>,
        mdat: Mp4Box<'_>,
        known: &[Track],
    ) -> Result<Self, String> {
        let children = boxes(moof.content)?;
        let mut mfhd = Fields::new("the mfhd", one(&children, "mfhd")?.content);
        mfhd.version_and_flags()?;
        let trafs = children.iter().filter(|b| b.kind == "traf");
        let tracks = trafs.map(|traf| TrackFragment::read(moof.start, traf.content, known));
        Ok(Self {
            start: moof.start,
            end: mdat.start + mdat.len,
            data_start: mdat.start + mdat.len - mdat.content.len(),
            sequence_number: mfhd.u32()?,
            tracks: tracks.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn track(&self, id: u32) -> Option<&TrackFragment> {
        self.tracks.iter().find(|track| track.track_id == id)
    }
}

impl TrackFragment {
    fn read(moof_start: usize, traf: &[u8], known: &[Track]) -> Result<Self, String> {
        let mut tfhd = Fields::new("the tfhd", inside(traf, &["tfhd"])?);
        let (_, flags) = tfhd.version_and_flags()?;
        // Anything else breaks the "movie fragment relative addressing" that MSE demands.
        if flags & 0x1 != 0 || flags & 0x2_0000 == 0 {
            return Err("its tfhd does not count from the moof (default-base-is-moof)".into());
        }
        let track_id = tfhd.u32()?;
        let track = known.iter().find(|track| track.id == track_id);
        let track = track.ok_or_else(|| format!("its traf is of track {track_id}: unknown"))?;
        if flags & 0x2 != 0 {
            tfhd.u32()?; // sample_description_index
        }
        let mut defaults = track.defaults;
        for (flag, default) in [0x8, 0x10, 0x20].into_iter().zip(&mut defaults) {
            if flags & flag != 0 {
                *default = tfhd.u32()?;
            }
        }
        tfhd.end()?;

        let mut tfdt = Fields::new("the tfdt", inside(traf, &["tfdt"])?);
        let (version, _) = tfdt.version_and_flags()?;
        let time = tfdt.by_version(version)?;
        tfdt.end()?;
        let mut samples = Vec::new();
        for trun in boxes(traf)?.iter().filter(|b| b.kind == "trun") {
            read_trun(trun.content, moof_start, defaults, &mut samples)?;
        }
        Ok(Self {
            track_id,
            tfdt: time,
            samples,
        })
    }
}

/// §8.8.8.
fn read_trun(
    content: &[u8],
    moof_start: usize,
    [duration, size, flags_default]: [u32; 3],
    samples: &mut Vec<Sample>,
) -> Result<(), String> {
    let mut trun = Fields::new("the trun", content);
    let (version, flags) = trun.version_and_flags()?;
    let count = trun.u32()?;
    let has = |flag: u32| flags & flag != 0;
    let mut start = match has(0x1) {
        true => moof_start.checked_add_signed(trun.u32()? as i32 as isize),
        false => samples.last().map(Sample::end),
    }
    .ok_or("its trun does not say where its data lie")?;
    let first_flags = has(0x4).then(|| trun.u32()).transpose()?;
    for number in 0..count {
        let mut or = |flag, default| match has(flag) {
            true => trun.u32(),
            false => Ok(default),
        };
        let duration_ticks = or(0x100, duration)?;
        let len = or(0x200, size)? as usize;
        let own_flags = or(0x400, flags_default)?;
        let offset = or(0x800, 0)?;
        samples.push(Sample {
            start,
            len,
            duration_ticks,
            composition_offset_ticks: match version {
                0 => i64::from(offset),
                _ => i64::from(offset as i32),
            },
            flags: first_flags.filter(|_| number == 0).unwrap_or(own_flags),
        });
        start += len;
    }
    trun.end()
}
