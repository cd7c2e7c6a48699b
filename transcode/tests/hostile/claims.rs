//! Headers that announce more than the file holds: nothing is allocated on their word alone.

use tempfile::{TempDir, tempdir};

use crate::child::{Outcome, transcode};
use crate::mp4::{Coded, Track, boxed, full, movie, words};
use crate::{avi, matroska};

/// One allocation that libav is allowed, and what it needs besides.
pub(crate) const ONE_TABLE_MIB: u64 = 600;
const MAX_CPU_S: u32 = 300;

pub(crate) fn outcome(folder: &TempDir, name: &str, bytes: &[u8]) -> Outcome {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let outcome = transcode(&path, MAX_CPU_S);
    assert!(outcome.peak_mib < ONE_TABLE_MIB, "{name}: {outcome:?}");
    outcome
}

/// The file with the first box, chunk or element of a kind made to say something else.
pub(crate) fn changed(file: &[u8], kind: &[u8], at: isize, bytes: &[u8]) -> Vec<u8> {
    let found = file
        .windows(kind.len())
        .position(|window| window == kind)
        .unwrap();
    let from = found.checked_add_signed(at).unwrap();
    let mut changed = file.to_vec();
    changed[from..from + bytes.len()].copy_from_slice(bytes);
    changed
}

#[test]
fn boxes_of_hundreds_of_megabytes() {
    let folder = tempdir().unwrap();
    let honest = movie(&[Track::new(
        Coded::small_picture(folder.path()),
        10,
        vec![(10, 1)],
    )]);
    for kind in [
        b"moov", b"trak", b"stbl", b"stsd", b"avc1", b"avcC", b"ftyp", b"hdlr", b"mdat",
    ] {
        for len in [700_000_000_u32, 0x7fff_ffff, u32::MAX] {
            let bytes = changed(&honest, kind, -4, &len.to_be_bytes());
            outcome(
                &folder,
                &format!("{}-{len}.mp4", String::from_utf8_lossy(kind)),
                &bytes,
            );
        }
    }
    // Metadata, in front of the index.
    for len in [700_000_000_u32, 0x7fff_fff0] {
        let item = [
            words(&[len]),
            b"\xa9nam".to_vec(),
            words(&[len - 8]),
            b"data".to_vec(),
            words(&[1, 0]),
        ];
        let items = boxed(b"ilst", &item.concat());
        let handler = full(b"hdlr", b"\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
        let tags = boxed(b"udta", &full(b"meta", &[handler, items].concat()));
        let tail = boxed(b"moov", &[tags, words(&[0])].concat());
        outcome(
            &folder,
            &format!("tag-{len}.mp4"),
            &[tail, honest.clone()].concat(),
        );
    }
}

#[test]
fn boxes_in_boxes() {
    let folder = tempdir().unwrap();
    for (name, kind) in [
        ("moov", b"moov"),
        ("trak", b"trak"),
        ("udta", b"udta"),
        ("meta", b"meta"),
    ] {
        // Each is 8 bytes longer than the one inside: 100,000 of them in a megabyte.
        let depth = 100_000_u32;
        let nested = (1..=depth)
            .rev()
            .flat_map(|level| [words(&[level * 8]), kind.to_vec()].concat());
        let bytes = [boxed(b"ftyp", b"isom\0\0\x02\0"), nested.collect()].concat();
        assert!(outcome(&folder, &format!("nested-{name}.mp4"), &bytes).is_refused());
    }
}

#[test]
fn elements_without_end() {
    let folder = tempdir().unwrap();
    let jpegs = vec![avi::jpeg(folder.path(), "64x48"); 10];
    let honest = matroska::file(&jpegs, &[], &[]);
    assert!(outcome(&folder, "honest.mkv", &honest).is_done());
    // Title, private codec data, tags, an attachment, a void, an unknown one.
    let parents: [(&[u8], &[&[u8]]); 5] = [
        (&[0x15, 0x49, 0xa9, 0x66], &[&[0x7b, 0xa9]]),
        (&[0x16, 0x54, 0xae, 0x6b], &[&[0xae], &[0x63, 0xa2]]),
        (
            &[0x12, 0x54, 0xc3, 0x67],
            &[&[0x73, 0x73], &[0x67, 0xc8], &[0x44, 0x87]],
        ),
        (&[0x19, 0x41, 0xa4, 0x69], &[&[0x61, 0xa7], &[0x46, 0x5c]]),
        (&[0x1f, 0x43, 0xb6, 0x75], &[&[0xa3]]),
    ];
    for (parent, path) in parents {
        let inside = path
            .iter()
            .rev()
            .fold(vec![0; 100], |content, id| matroska::endless(id, &content));
        let rest = matroska::endless(parent, &inside);
        let bytes = matroska::file(&jpegs, &[], &rest);
        outcome(&folder, &format!("endless-{:02x}.mkv", parent[0]), &bytes);
    }
    // Segments in segments, and clusters in clusters.
    for id in [
        matroska::SEGMENT,
        &[0x1f, 0x43, 0xb6, 0x75],
        &[0xec],
        &[0x12, 0x54, 0xc3, 0x67],
    ] {
        let nested = matroska::endless(id, &[]).repeat(50_000);
        let bytes = [matroska::header(), nested].concat();
        assert!(outcome(&folder, &format!("nested-{:02x}.mkv", id[0]), &bytes).is_refused());
    }
}

#[test]
fn chunks_of_gigabytes() {
    let folder = tempdir().unwrap();
    let jpeg = avi::jpeg(folder.path(), "64x48");
    let chunks = vec![avi::chunk(b"00dc", &jpeg); 10];
    let honest = avi::file(&[avi::pictures_stream(b"MJPG")], &chunks);
    assert!(outcome(&folder, "honest.avi", &honest).is_done());
    for kind in [b"RIFF", b"LIST", b"avih", b"strh", b"strf", b"00dc"] {
        for len in [700_000_000_u32, 0x5555_5557, 0x7fff_ffff, u32::MAX] {
            let bytes = changed(&honest, kind, 4, &len.to_le_bytes());
            outcome(
                &folder,
                &format!("{}-{len}.avi", String::from_utf8_lossy(kind)),
                &bytes,
            );
        }
    }
    // A title of more than a gigabyte, for which libavformat once made room (found by fuzzing).
    let len = 0x5555_5557_u32.to_le_bytes();
    let title = avi::list(b"INFO", &[b"INAM".as_slice(), &len].concat());
    let bytes = [&honest[..12], &title, &honest[12..]].concat();
    outcome(&folder, "title.avi", &bytes);
}
