//! Files whose boxes are not where, or what, players look for.

use super::files::Files;
use super::{Damage, every_damage_is_told};

type Path = &'static [(&'static str, usize)];

const VIDEO_INDEX: Path = &[("sidx", 0)];
/// Version and flags, track, timescale, two times, counts; then each reference.
const FIRST_REFERENCE: usize = 24;
const REFERENCE_LEN: usize = 12;
const VIDEO_TFHD: Path = &[("moof", 1), ("traf", 0), ("tfhd", 0)];
const VIDEO_TRUN: Path = &[("moof", 1), ("traf", 0), ("trun", 0)];
const AUDIO_TRUN: Path = &[("moof", 1), ("traf", 1), ("trun", 0)];
/// In a trun: version and flags, count, data offset, first flags; then each sample.
const DATA_OFFSET: usize = 8;
const FIRST_SAMPLE: usize = 16;

const DAMAGES: &[Damage] = &[
    (
        "its first boxes are [\"ftyp\", \"moov\", \"sidx\", \"sidx\", \"free\"]",
        |f| {
            let (bytes, free) = f.mp4(&[("free", 0)]);
            let start = free - 8;
            let len = u32::from_be_bytes(bytes[start..free - 4].try_into().unwrap());
            let first_fragment = start_of(bytes, b"moof");
            bytes[start..first_fragment].rotate_left(len as usize);
        },
    ),
    ("its first boxes are", |f| {
        rename(f, &[("sidx", 1)], b"free");
    }),
    ("its indexes are of tracks [2, 2]", |f| {
        f.poke(VIDEO_INDEX, 4, &[0, 0, 0, 2]);
    }),
    ("not moof and mdat in turns", |f| {
        f.bytes("90p.mp4").extend(*b"\0\0\0\x08mfra");
        let lengthen = |range: &str| {
            let (len, offset) = range.split_once('@').unwrap();
            format!("{}@{offset}", len.parse::<u64>().unwrap() + 8)
        };
        f.rewrite("90p.m3u8", "#EXT-X-BYTERANGE:", 1, lengthen);
    }),
    ("sidx of track 1: its timescale and its track's are", |f| {
        f.add(VIDEO_INDEX, 8, 1);
    }),
    ("sidx of track 1: it says that the track begins at 3", |f| {
        f.add(VIDEO_INDEX, 12, 3);
    }),
    ("sidx of track 1: reference 0 leads to byte", |f| {
        f.add(VIDEO_INDEX, 16, 4);
    }),
    ("sidx of track 1: reference 1 leads to byte", |f| {
        f.add(VIDEO_INDEX, FIRST_REFERENCE, 1);
    }),
    ("sidx of track 1: its references end at byte", |f| {
        f.add(VIDEO_INDEX, FIRST_REFERENCE + 2 * REFERENCE_LEN, -1);
    }),
    (
        "reference 0 lasts 20001 ticks, its fragments last 20000",
        |f| {
            f.add(VIDEO_INDEX, FIRST_REFERENCE + 4, 1);
        },
    ),
    ("reference 0 does not say that it begins with an IDR", |f| {
        f.poke(VIDEO_INDEX, FIRST_REFERENCE + 8, &[0]);
    }),
    ("its fragments are numbered [1, 1, 3]", |f| {
        f.add(&[("moof", 1), ("mfhd", 0)], 4, -1);
    }),
    ("its tfhd does not count from the moof", |f| {
        f.poke(VIDEO_TFHD, 1, &[0]);
    }),
    ("fragment 1: sample 0 of track 1 lies at byte", |f| {
        f.add(VIDEO_TRUN, DATA_OFFSET, 1);
    }),
    ("fragment 1: sample 0 of track 2 lies at byte", |f| {
        f.add(AUDIO_TRUN, DATA_OFFSET, -1);
    }),
    ("fragment 1: its samples end at byte", |f| {
        let (bytes, at) = f.mp4(AUDIO_TRUN);
        let count = u32::from_be_bytes(bytes[at + 4..at + 8].try_into().unwrap());
        // Sound has a size a sample, and no flags of its own.
        f.add(AUDIO_TRUN, 12 + 4 * (count as usize - 1), -1);
    }),
    ("sample 0 has a composition offset of -1", |f| {
        f.poke(VIDEO_TRUN, 0, &[1]);
        f.poke(VIDEO_TRUN, FIRST_SAMPLE + 4, &[0xff; 4]);
    }),
    ("90p.m3u8: no mdat follows the moof", |f| {
        rename(f, &[("mdat", 0)], b"skip");
    }),
    ("90p.m3u8: there is no moov", |f| {
        rename(f, &[("moov", 0)], b"skip");
    }),
    ("90p.m3u8: there is no fragment", |f| {
        for number in [2, 1, 0] {
            rename(f, &[("moof", number)], b"skip");
        }
    }),
    ("does not fit", |f| f.add_to_len(&[("mdat", 2)], 1)),
    ("moov: track 1 has no trex", |f| {
        f.add(&[("moov", 0), ("mvex", 0), ("trex", 0)], 4, 7);
    }),
    ("its traf is of track 9: unknown", |f| {
        f.poke(VIDEO_TFHD, 4, &[0, 0, 0, 9]);
    }),
    ("there is no tfdt", |f| {
        rename(f, &[("moof", 1), ("traf", 0), ("tfdt", 0)], b"skip");
    }),
    ("the trun is cut short", |f| f.add(VIDEO_TRUN, 4, 1)),
    ("bytes longer than it says", |f| f.add(VIDEO_TRUN, 4, -1)),
];

fn start_of(bytes: &[u8], kind: &[u8; 4]) -> usize {
    bytes.windows(4).position(|w| w == kind).unwrap() - 4
}

/// Makes a box another one, which players skip.
fn rename(files: &mut Files, path: &[(&str, usize)], kind: &[u8; 4]) {
    let (bytes, at) = files.mp4(path);
    bytes[at - 4..at].copy_from_slice(kind);
}

#[tokio::test]
async fn boxes_that_are_wrong_are_told() {
    every_damage_is_told(DAMAGES).await;
}
