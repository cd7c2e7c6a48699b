//! The head of a rendition: `ftyp moov free sidx(video) sidx(audio)`.
//!
//! The indexes are known only when the last fragment is, but stand before the first: room for
//! them is reserved at the start and what is not used becomes a `free` box. Order matters to
//! players: the `free` box stands before the indexes, and nothing between the last of them and
//! the first `moof`, because Chromium reads on from where an index ends.

/// How one fragment appears in the indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// `moof` and `mdat`, in bytes.
    pub(crate) len_bytes: u32,
    /// Duration in each track's own timescale, in the order of [`IndexTrack`]s.
    pub(crate) duration_ticks: [u32; 2],
}

/// A track that gets an index of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexTrack {
    /// `track_ID` in the `moov`.
    pub(crate) id: u32,
    /// Ticks per second.
    pub(crate) timescale: u32,
}

/// Full box header, reference_ID, timescale, times, counts (ISO/IEC 14496-12 §8.16.3, version 0).
const SIDX_HEADER_LEN: usize = 32;
const SIDX_ENTRY_LEN: usize = 12;
const FREE_HEADER_LEN: usize = 8;
/// `reference_count` has 16 bits.
const MAX_ENTRIES: usize = u16::MAX as usize;

/// Length in bytes of a head with room to index `entries` fragments, the `free` box at its least.
pub(crate) fn head_len(init_len: usize, tracks: usize, entries: usize) -> usize {
    init_len + FREE_HEADER_LEN + tracks * sidx_len(entries.min(MAX_ENTRIES))
}

fn sidx_len(entries: usize) -> usize {
    SIDX_HEADER_LEN + SIDX_ENTRY_LEN * entries
}

/// Renders a head of exactly `head_len` bytes. With more fragments than room, a reference
/// covers several.
pub(crate) fn render(
    init: &[u8],
    tracks: &[IndexTrack],
    fragments: &[IndexEntry],
    head_len: usize,
) -> Vec<u8> {
    let room = head_len - init.len() - FREE_HEADER_LEN - tracks.len() * SIDX_HEADER_LEN;
    let most = (room / (tracks.len() * SIDX_ENTRY_LEN)).clamp(1, MAX_ENTRIES);
    let per_entry = fragments.len().div_ceil(most).max(1);
    let entries: Vec<IndexEntry> = fragments.chunks(per_entry).map(merge).collect();

    let index_len = sidx_len(entries.len());
    let free_len = head_len - init.len() - tracks.len() * index_len;
    let mut head = Vec::with_capacity(head_len);
    head.extend_from_slice(init);
    head.extend_from_slice(&(free_len as u32).to_be_bytes());
    head.extend_from_slice(b"free");
    head.resize(head_len - tracks.len() * index_len, 0);
    for (number, track) in tracks.iter().enumerate() {
        // Counted from the end of this index to the first fragment.
        let first_offset = (tracks.len() - 1 - number) * index_len;
        write_sidx(&mut head, number, *track, first_offset as u32, &entries);
    }
    debug_assert_eq!(head.len(), head_len);
    head
}

fn merge(fragments: &[IndexEntry]) -> IndexEntry {
    let sum = |track: usize| fragments.iter().map(|f| f.duration_ticks[track]).sum();
    IndexEntry {
        len_bytes: fragments.iter().map(|f| f.len_bytes).sum(),
        duration_ticks: [sum(0), sum(1)],
    }
}

fn write_sidx(
    out: &mut Vec<u8>,
    number: usize,
    track: IndexTrack,
    first_offset: u32,
    entries: &[IndexEntry],
) {
    let mut word = |value: u32| out.extend_from_slice(&value.to_be_bytes());
    word(sidx_len(entries.len()) as u32);
    word(u32::from_be_bytes(*b"sidx"));
    word(0); // version and flags
    word(track.id);
    word(track.timescale);
    word(0); // earliest_presentation_time
    word(first_offset);
    word(entries.len() as u32); // 16 reserved bits, then reference_count
    for entry in entries {
        word(entry.len_bytes); // reference_type 0: media
        word(entry.duration_ticks[number]);
        word(0x9000_0000); // starts_with_SAP, SAP_type 1: a closed GOP
    }
}

#[cfg(test)]
mod tests {
    use super::super::boxes::{boxes, u32_at};
    use super::*;

    const TRACKS: [IndexTrack; 2] = [
        IndexTrack {
            id: 1,
            timescale: 24000,
        },
        IndexTrack {
            id: 2,
            timescale: 48000,
        },
    ];

    fn fragments(count: u32) -> Vec<IndexEntry> {
        (0..count)
            .map(|i| IndexEntry {
                len_bytes: 1000 + i,
                duration_ticks: [48000, 96000 + i],
            })
            .collect()
    }

    fn init() -> Vec<u8> {
        [&16u32.to_be_bytes()[..], b"ftypiso5\0\0\0\0"].concat()
    }

    /// (kind, length) of each box of a rendered head.
    fn layout(head: &[u8]) -> Vec<(String, usize)> {
        let name = |kind: [u8; 4]| String::from_utf8_lossy(&kind).into_owned();
        boxes(head).map(|b| (name(b.kind), b.len)).collect()
    }

    #[test]
    fn the_free_box_stands_before_the_indexes_and_takes_the_slack() {
        let len = head_len(16, 2, 20);
        let head = render(&init(), &TRACKS, &fragments(15), len);
        assert_eq!(head.len(), len);
        let names: Vec<_> = layout(&head).into_iter().collect();
        let expected = [
            ("ftyp", 16),
            ("free", 8 + 2 * 5 * 12),
            ("sidx", 212),
            ("sidx", 212),
        ];
        assert_eq!(names, expected.map(|(name, len)| (name.to_owned(), len)));
    }

    #[test]
    fn every_index_leads_to_the_first_fragment() {
        let head = render(&init(), &TRACKS, &fragments(3), head_len(16, 2, 3));
        let sidx: Vec<_> = boxes(&head).filter(|b| b.kind == *b"sidx").collect();
        assert_eq!(u32_at(sidx[0].content, 16), Some(sidx[1].len as u32));
        assert_eq!(u32_at(sidx[1].content, 16), Some(0));
        assert_eq!(u32_at(sidx[1].content, 24 + 2 * 12 + 4), Some(96002));
    }

    #[test]
    fn with_too_little_room_a_reference_covers_several_fragments() {
        for count in [4, 9, 10, 11, 100, 1001] {
            let head = render(&init(), &TRACKS, &fragments(count), head_len(16, 2, 10));
            let sidx = boxes(&head).find(|b| b.kind == *b"sidx").unwrap();
            let entries = u32_at(sidx.content, 20).unwrap() as usize;
            assert!(entries <= 10);
            let bytes: u32 = (0..entries)
                .map(|i| u32_at(sidx.content, 24 + i * 12).unwrap())
                .sum();
            assert_eq!(
                bytes,
                fragments(count).iter().map(|f| f.len_bytes).sum::<u32>()
            );
        }
    }
}
