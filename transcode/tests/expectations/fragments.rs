//! How long a fragmented MP4's tracks are, added up from its fragments (ISO/IEC 14496-12 §8.8):
//! ffprobe does not tell how long the last picture is shown.

/// (kind, content) of each box.
fn boxes(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 8 {
        let len = u32_at(bytes, 0) as usize;
        assert!((8..=bytes.len()).contains(&len), "a box of {len} bytes");
        found.push((&bytes[4..8], &bytes[8..len]));
        bytes = &bytes[len..];
    }
    found
}

/// All boxes that lie at a path.
fn at_path<'a>(bytes: &'a [u8], path: &[&[u8]]) -> Vec<&'a [u8]> {
    let Some((kind, rest)) = path.split_first() else {
        return vec![bytes];
    };
    let inside = boxes(bytes).into_iter().filter(|(found, _)| found == kind);
    inside
        .flat_map(|(_, content)| at_path(content, rest))
        .collect()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Seconds that the samples of each track add up to, in the order of the tracks.
pub(crate) fn track_durations_s(file: &[u8]) -> Vec<f64> {
    let tracks = at_path(file, &[b"moov", b"trak"]);
    let durations = tracks.iter().map(|track| {
        let header = at_path(track, &[b"tkhd"])[0];
        let id = u32_at(header, if header[0] == 1 { 20 } else { 12 });
        let media = at_path(track, &[b"mdia", b"mdhd"])[0];
        let timescale = u32_at(media, if media[0] == 1 { 20 } else { 12 });
        let fragments = at_path(file, &[b"moof", b"traf"]);
        let ticks: u64 = fragments.iter().map(|traf| ticks_of(traf, id)).sum();
        ticks as f64 / f64::from(timescale)
    });
    durations.collect()
}

/// What one `traf` adds to a track: zero if it is another's.
fn ticks_of(traf: &[u8], id: u32) -> u64 {
    let header = at_path(traf, &[b"tfhd"])[0];
    if u32_at(header, 4) != id {
        return 0;
    }
    let flags = u32_at(header, 0);
    // base-data-offset and sample-description-index stand before the default duration.
    let before = 8 * usize::from(flags & 0x01 != 0) + 4 * usize::from(flags & 0x02 != 0);
    let default = (flags & 0x08 != 0).then(|| u32_at(header, 8 + before));
    let runs = at_path(traf, &[b"trun"]);
    runs.iter().map(|run| ticks_of_run(run, default)).sum()
}

fn ticks_of_run(run: &[u8], default: Option<u32>) -> u64 {
    let (flags, count) = (u32_at(run, 0), u32_at(run, 4) as usize);
    let has = |flag: u32| usize::from(flags & flag != 0);
    let first = 8 + 4 * (has(0x01) + has(0x04));
    let per_sample = 4 * (has(0x100) + has(0x200) + has(0x400) + has(0x800));
    let durations = (0..count).map(|sample| match has(0x100) {
        1 => u32_at(run, first + sample * per_sample),
        _ => default.expect("each sample has a duration"),
    });
    durations.map(u64::from).sum()
}
