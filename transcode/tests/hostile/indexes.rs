//! Indexes that stand for more than any file holds: few bytes, and libav makes an entry of 24 for
//! every sample they speak of.

use std::fs::File;

use tempfile::{TempDir, tempdir};

use crate::child::{Outcome, transcode};
use crate::claims::{ONE_TABLE_MIB, changed, outcome};
use crate::mp4::{Coded, Track, boxed, full, movie, words};

/// Not yet more than libav may allocate at once.
const ONE_TABLE_ENTRIES: u32 = 6_000_000;
const MAX_CPU_S: u32 = 300;

/// Of a file that may take all memory there is.
fn unbounded(folder: &TempDir, name: &str, bytes: &[u8]) -> Outcome {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    transcode(&path, MAX_CPU_S)
}

/// What lies before a movie's index, and what is in its index.
fn apart(movie: &[u8]) -> (&[u8], &[u8]) {
    let kind = movie.windows(4).position(|kind| kind == b"moov").unwrap();
    (&movie[..kind - 4], &movie[kind + 4..])
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

/// A table in each of as many tracks as are allowed.
fn thirty_two_tables(folder: &TempDir) -> Vec<u8> {
    let picture = Coded::small_picture(folder.path());
    let tracks = (0..32).map(|_| Track::new(picture.clone(), 10, vec![(1, 1)]));
    let mut bytes = movie(&tracks.collect::<Vec<_>>());
    for (kind, at) in [(b"stsz", 12_usize), (b"stts", 12), (b"stsc", 16)] {
        for from in 0..bytes.len() - 4 {
            if &bytes[from..from + 4] == kind {
                let count = &mut bytes[from + at..from + at + 4];
                count.copy_from_slice(&ONE_TABLE_ENTRIES.to_be_bytes());
            }
        }
    }
    bytes
}

#[test]
fn tables_of_millions_in_every_track() {
    let folder = tempdir().unwrap();
    let bytes = thirty_two_tables(&folder);
    assert!(outcome(&folder, "every-track.mp4", &bytes).is_refused());
}

/// The same where a reader of the index that is less thorough than libav's would not see it.
#[test]
fn tables_behind_odd_boxes() {
    let folder = tempdir().unwrap();
    let plain = thirty_two_tables(&folder);
    let (front, index) = apart(&plain);
    let (brand, media) = front.split_at(front[3].into());
    let moov = |content: &[u8]| boxed(b"moov", content);
    let header_len = 108;
    let (header, tracks) = index.split_at(header_len);
    let renamed = |from: &[u8; 4], to: &[u8; 4]| {
        let mut bytes = plain.clone();
        for at in 0..bytes.len() - 4 {
            if &bytes[at..at + 4] == from {
                bytes[at..at + 4].copy_from_slice(to);
            }
        }
        bytes
    };
    let files = [
        (
            "many",
            [
                brand,
                &boxed(b"free", &[]).repeat(10_001),
                media,
                &moov(index),
            ]
            .concat(),
        ),
        ("junk", [&boxed(b"junk", &[]), front, &moov(index)].concat()),
        (
            "moof",
            [brand, &boxed(b"moof", &[]), media, &moov(index)].concat(),
        ),
        (
            "mvex",
            [front, &moov(&[header, &boxed(b"mvex", tracks)].concat())].concat(),
        ),
        ("dinf", renamed(b"minf", b"dinf")),
        ("cmov", [front, &moov(&compressed(&moov(index)))].concat()),
    ];
    let outcomes = files.map(|(name, bytes)| {
        (
            name,
            unbounded(&folder, &format!("behind-{name}.mp4"), &bytes),
        )
    });
    let mut large = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.peak_mib >= ONE_TABLE_MIB);
    assert!(large.next().is_none(), "{outcomes:?}");
}

/// A compressed index (QuickTime File Format, "Compressed Movie Resources"), in blocks of RFC 1950
/// and RFC 1951 that hold it as it is.
fn compressed(index: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = index.chunks(0xffff);
    let last = blocks.len() - 1;
    for (at, block) in blocks.enumerate() {
        let len = block.len() as u16;
        stream.push(u8::from(at == last));
        stream.extend([len.to_le_bytes(), (!len).to_le_bytes()].concat());
        stream.extend(block);
    }
    let sum = index.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((sum.1 << 16 | sum.0).to_be_bytes());
    let data = [words(&[index.len() as u32]), stream].concat();
    let parts = [boxed(b"dcom", b"zlib"), boxed(b"cmvd", &data)];
    boxed(b"cmov", &parts.concat())
}

#[test]
fn fragments_of_billions() {
    let folder = tempdir().unwrap();
    let picture = Coded::small_picture(folder.path());
    for (tracks, count) in [
        (1, u32::MAX),
        (1, ONE_TABLE_ENTRIES),
        (32, ONE_TABLE_ENTRIES),
    ] {
        let tracks_of_one = (0..tracks).map(|_| Track::new(picture.clone(), 10, vec![(10, 1)]));
        let movie = movie(&tracks_of_one.collect::<Vec<_>>());
        let (front, index) = apart(&movie);
        // All samples have the defaults of one tick and one byte: none takes a byte of the table.
        let defaults = (1..=tracks).map(|id| full(b"trex", &words(&[id, 1, 1, 1, 0])));
        let extends = boxed(b"mvex", &defaults.collect::<Vec<_>>().concat());
        let runs = (1..=tracks).map(|id| {
            let run = full(b"trun", &words(&[count]));
            boxed(b"traf", &[full(b"tfhd", &words(&[id])), run].concat())
        });
        let fragment = [
            full(b"mfhd", &words(&[1])),
            runs.collect::<Vec<_>>().concat(),
        ];
        let bytes = [
            front.to_vec(),
            boxed(b"moov", &[index, &extends].concat()),
            boxed(b"moof", &fragment.concat()),
            boxed(b"mdat", &picture.sample),
        ]
        .concat();
        // Where fragments lie is known only when the file is read; what stops them is where
        // memory ends, and that is refused by name, too.
        let name = format!("fragment-{tracks}-{count}.mp4");
        assert!(unbounded(&folder, &name, &bytes).is_refused());
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
