//! Reorders the chunks of an MP4: muxers interleave well, some cameras and editors do not.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

/// Picture and sound in turns of `turn_s` seconds; one turn as long as the film puts all sound
/// after all pictures. The file has one `mdat`, its `moov` at the end, and 32-bit offsets.
pub(crate) fn in_turns(mp4: &[u8], duration_s: f64, turn_s: f64) -> Vec<u8> {
    let tables: Vec<(usize, usize)> = boxes_named(mp4, b"stco").collect();
    let moov = boxes_named(mp4, b"moov").next().unwrap().0 - 8;
    // Offset, the place it is written at, and the turn it goes to.
    let mut chunks = Vec::new();
    for (track, &(table, _)) in tables.iter().enumerate() {
        let count = number(mp4, table + 4);
        for index in 0..count {
            let entry = table + 8 + 4 * index;
            let turn = (duration_s / turn_s * index as f64 / count as f64) as usize;
            chunks.push((number(mp4, entry), entry, (turn, track)));
        }
    }
    chunks.sort_unstable();
    let ends: Vec<usize> = chunks[1..].iter().map(|c| c.0).chain([moov]).collect();
    let mut moves: Vec<_> = chunks.iter().zip(ends).collect();
    moves.sort_by_key(|((offset, _, turn), _)| (*turn, *offset));
    let mut out = mp4.to_vec();
    let mut at = chunks[0].0;
    for (&(offset, entry, _), end) in moves {
        out[entry..entry + 4].copy_from_slice(&u32::try_from(at).unwrap().to_be_bytes());
        out[at..at + end - offset].copy_from_slice(&mp4[offset..end]);
        at += end - offset;
    }
    out
}

fn number(mp4: &[u8], at: usize) -> usize {
    u32::from_be_bytes(mp4[at..at + 4].try_into().unwrap()) as usize
}

/// Where the content of each box of this name begins, and its end; at any depth of `moov`.
fn boxes_named(mp4: &[u8], name: &'static [u8; 4]) -> impl Iterator<Item = (usize, usize)> {
    let mut found = Vec::new();
    walk(mp4, 0, mp4.len(), name, &mut found);
    found.into_iter()
}

fn walk(mp4: &[u8], mut at: usize, end: usize, name: &[u8; 4], found: &mut Vec<(usize, usize)>) {
    while at + 8 <= end {
        let box_end = at + number(mp4, at);
        let kind = &mp4[at + 4..at + 8];
        if kind == name {
            found.push((at + 8, box_end));
        }
        if [b"moov", b"trak", b"mdia", b"minf", b"stbl"]
            .iter()
            .any(|of| kind == *of)
        {
            walk(mp4, at + 8, box_end, name, found);
        }
        at = box_end.max(at + 8);
    }
}
