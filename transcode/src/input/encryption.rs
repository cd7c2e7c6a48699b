//! Finds out whether an MP4 that libav cannot open is encrypted.

use std::io::{self, Read, Seek, SeekFrom};

/// Containers on the way to the sample descriptions, each with the bytes before its children
/// (ISO/IEC 14496-12 §8.5.2; a `stsd` begins with version, flags and a count).
const PATH: [(&[u8; 4], u64); 6] = [
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"stsd", 8),
];

/// Sample entries of protected tracks: Common Encryption (ISO/IEC 23001-7) and iTunes.
const ENCRYPTED: [&[u8; 4]; 4] = [b"encv", b"enca", b"drmi", b"drms"];

/// Boxes looked at before giving up: the file is hostile until proven otherwise.
const MAX_BOXES: u32 = 10_000;

/// Whether any track's samples are encrypted, as far as its boxes can be read.
pub(super) fn is_encrypted_mp4(reader: &mut (impl Read + Seek), len_bytes: u64) -> bool {
    let mut boxes_left = MAX_BOXES;
    search(reader, 0, len_bytes, &PATH, &mut boxes_left).unwrap_or(false)
}

fn search(
    reader: &mut (impl Read + Seek),
    start: u64,
    end: u64,
    path: &[(&[u8; 4], u64)],
    boxes_left: &mut u32,
) -> io::Result<bool> {
    let mut at = start;
    while at + 8 <= end && *boxes_left > 0 {
        *boxes_left -= 1;
        reader.seek(SeekFrom::Start(at))?;
        let mut header = [0; 8];
        reader.read_exact(&mut header)?;
        let [a, b, c, d, kind @ ..] = header;
        let (header_len, len) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, end - at),
            1 => {
                let mut large = [0; 8];
                reader.read_exact(&mut large)?;
                (16, u64::from_be_bytes(large))
            }
            len => (8, u64::from(len)),
        };
        let box_end = at.saturating_add(len.max(header_len)).min(end);
        let found = match path {
            [] => ENCRYPTED.contains(&&kind),
            [(wanted, skip), rest @ ..] if **wanted == kind => {
                search(reader, at + header_len + skip, box_end, rest, boxes_left)?
            }
            _ => false,
        };
        if found {
            return Ok(true);
        }
        at = box_end;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn mp4_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [
            &(content.len() as u32 + 8).to_be_bytes(),
            &kind[..],
            content,
        ]
        .concat()
    }

    /// A film whose second track has this sample entry.
    fn film(entry: &[u8; 4]) -> Vec<u8> {
        let track = |entry| {
            let described = [&[0; 8][..], &mp4_box(entry, &[0; 78])].concat();
            let inner = [*b"stsd", *b"stbl", *b"minf", *b"mdia", *b"trak"];
            inner
                .iter()
                .fold(described, |content, kind| mp4_box(kind, &content))
        };
        let moov = mp4_box(b"moov", &[track(b"avc1"), track(entry)].concat());
        [mp4_box(b"ftyp", b"isom"), mp4_box(b"mdat", &[0; 100]), moov].concat()
    }

    fn is_encrypted(bytes: &[u8]) -> bool {
        is_encrypted_mp4(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn the_sample_entry_tells() {
        assert!(is_encrypted(&film(b"encv")));
        assert!(is_encrypted(&film(b"enca")));
        assert!(!is_encrypted(&film(b"mp4a")));
    }

    #[test]
    fn no_file_keeps_it_busy_or_breaks_it() {
        assert!(!is_encrypted(b""));
        assert!(!is_encrypted(&[0; 1000]));
        assert!(!is_encrypted(&mp4_box(b"moov", &[0xff; 100])));
        let mut empty_boxes = Vec::new();
        (0..50_000).for_each(|_| empty_boxes.extend(mp4_box(b"free", b"")));
        assert!(!is_encrypted(&[empty_boxes, film(b"encv")].concat()));
        for len in 0..film(b"encv").len() {
            is_encrypted(&film(b"encv")[..len]);
        }
    }
}
