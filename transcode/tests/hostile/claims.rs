//! Headers that announce more than the file holds: nothing is allocated on their word alone.

use std::fs::File;

use tempfile::{TempDir, tempdir};

use crate::child::{Outcome, transcode};
use crate::mp4::{Coded, Track, boxed, full, movie, words};
use crate::{avi, matroska};

/// One allocation that libav is allowed, and what it needs besides.
const ONE_TABLE_MIB: u64 = 900;
const MAX_CPU_S: u32 = 300;

fn outcome(folder: &TempDir, name: &str, bytes: &[u8]) -> Outcome {
    let outcome = any_outcome(folder, name, bytes);
    assert!(outcome.peak_mib < ONE_TABLE_MIB, "{name}: {outcome:?}");
    outcome
}

/// Of a file that may take all memory there is.
fn any_outcome(folder: &TempDir, name: &str, bytes: &[u8]) -> Outcome {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    transcode(&path, MAX_CPU_S)
}

/// The file with the first box, chunk or element of a kind made to say something else.
fn changed(file: &[u8], kind: &[u8], at: isize, bytes: &[u8]) -> Vec<u8> {
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
fn tables_of_billions() {
    let folder = tempdir().unwrap();
    let track = |times| Track::new(Coded::small_picture(folder.path()), 10, times);
    let honest = movie(&[track(vec![(10, 1)])]);
    assert!(outcome(&folder, "honest.mp4", &honest).is_done());
    // A table's length stands after its version and flags, in stsz after the common size.
    for (kind, at) in [
        (b"stsz", 12),
        (b"stts", 8),
        (b"stsc", 8),
        (b"stco", 8),
        (b"stsd", 8),
    ] {
        for count in [u32::MAX, 0x7fff_ffff, 200_000_000, 20_000_000] {
            let bytes = changed(&honest, kind, at, &count.to_be_bytes());
            let name = format!("{}-{count}.mp4", String::from_utf8_lossy(kind));
            outcome(&folder, &name, &bytes);
        }
    }
    // All of one accord: one chunk of all samples, of one length, for one tick each.
    for count in [20_000_000_u32, 80_000_000] {
        let count_bytes = count.to_be_bytes();
        let one = movie(&[track(vec![(1, 1)])]);
        let bytes = changed(&one, b"stsz", 12, &count_bytes);
        let bytes = changed(&bytes, b"stsz", 8, &1_u32.to_be_bytes());
        let bytes = changed(&bytes, b"stts", 12, &count_bytes);
        let bytes = changed(&bytes, b"stsc", 16, &count_bytes);
        outcome(&folder, &format!("agreed-{count}.mp4"), &bytes);
    }
}

#[test]
fn tables_of_billions_in_every_track() {
    let folder = tempdir().unwrap();
    let picture = Coded::small_picture(folder.path());
    let count_bytes = 20_000_000_u32.to_be_bytes();
    let tracks = (0..32).map(|_| Track::new(picture.clone(), 10, vec![(1, 1)]));
    let mut bytes = movie(&tracks.collect::<Vec<_>>());
    for (kind, at) in [(b"stsz", 12_usize), (b"stts", 12), (b"stsc", 16)] {
        for from in 0..bytes.len() - 4 {
            if &bytes[from..from + 4] == kind {
                bytes[from + at..from + at + 4].copy_from_slice(&count_bytes);
            }
        }
    }
    outcome(&folder, "every-track.mp4", &bytes);
}

#[test]
fn fragments_of_billions() {
    let folder = tempdir().unwrap();
    let picture = Coded::small_picture(folder.path());
    for (tracks, count) in [(1, u32::MAX), (1, 20_000_000), (32, 20_000_000)] {
        let of_each = (0..tracks).map(|_| Track::new(picture.clone(), 10, vec![(10, 1)]));
        let mut bytes = movie(&of_each.collect::<Vec<_>>());
        // All samples have the defaults of one tick and one byte: none takes a byte of the table.
        let defaults = (1..=tracks).map(|id| full(b"trex", &words(&[id, 1, 1, 1, 0])));
        let extends = boxed(b"mvex", &defaults.collect::<Vec<_>>().concat());
        let index_at = bytes.windows(4).position(|kind| kind == b"moov").unwrap() - 4;
        let len = (bytes.len() - index_at + extends.len()) as u32;
        bytes[index_at..index_at + 4].copy_from_slice(&len.to_be_bytes());
        bytes.extend(extends);
        let runs = (1..=tracks).map(|id| {
            let run = full(b"trun", &words(&[count]));
            boxed(b"traf", &[full(b"tfhd", &words(&[id])), run].concat())
        });
        let fragment = [
            full(b"mfhd", &words(&[1])),
            runs.collect::<Vec<_>>().concat(),
        ];
        bytes.extend(boxed(b"moof", &fragment.concat()));
        bytes.extend(boxed(b"mdat", &picture.sample));
        // Where fragments lie is known only when the file is read; what stops them is where
        // memory ends, and that is refused by name, too.
        let name = format!("fragment-{tracks}-{count}.mp4");
        assert!(any_outcome(&folder, &name, &bytes).is_refused());
    }
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
fn an_index_of_real_megabytes() {
    let folder = tempdir().unwrap();
    let honest = movie(&[Track::new(
        Coded::small_picture(folder.path()),
        10,
        vec![(10, 1)],
    )]);
    let path = folder.path().join("sparse.mp4");
    // 900 MB of sample sizes, all zero: a hole in the file, and bytes to whoever reads it.
    let count = 200_000_000_u32;
    let bytes = changed(&honest, b"stsz", 12, &count.to_be_bytes());
    let bytes = changed(&bytes, b"stsz", 8, &[0; 4]);
    std::fs::write(&path, bytes).unwrap();
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(900_000_000)
        .unwrap();
    let outcome = transcode(&path, MAX_CPU_S);
    assert!(outcome.peak_mib < ONE_TABLE_MIB, "{outcome:?}");
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
