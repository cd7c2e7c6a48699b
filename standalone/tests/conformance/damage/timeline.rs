//! Time that does not add up, pictures that are not what they are marked as, and bytes that do not
//! decode.

use axum::http::Response;

use super::files::{Asked, Files};
use super::{Damage, every_damage_is_told, fetch, good};
use crate::rules;

type Path = &'static [(&'static str, usize)];

const TRUN: Path = &[("moof", 1), ("traf", 0), ("trun", 0)];
const AUDIO_TFHD: Path = &[("moof", 1), ("traf", 1), ("tfhd", 0)];
const AUDIO_TFDT: Path = &[("moof", 1), ("traf", 1), ("tfdt", 0)];
const VIDEO_EDIT: Path = &[("moov", 0), ("trak", 0), ("edts", 0), ("elst", 0)];
const AUDIO_EDIT: Path = &[("moov", 0), ("trak", 1), ("edts", 0), ("elst", 0)];
const VIDEO_MDHD: Path = &[("moov", 0), ("trak", 0), ("mdia", 0), ("mdhd", 0)];
const AUDIO_MDHD: Path = &[("moov", 0), ("trak", 1), ("mdia", 0), ("mdhd", 0)];
/// In an elst: version and flags, count, duration; then the media time.
const MEDIA_TIME: usize = 12;
/// In an mdhd: version and flags, two times; then the timescale.
const TIMESCALE: usize = 12;
/// In a tfhd: version and flags, track, duration, size; then the flags.
const DEFAULT_FLAGS: usize = 16;
/// A sample that depends on others and is no sync sample.
const NO_SYNC: [u8; 4] = [1, 1, 0, 0];

const DAMAGES: &[Damage] = &[
    (
        "track 1: the tfdt of fragment 1 is 20400, what is before it ends at 20000",
        |f| {
            f.add(&[("moof", 1), ("traf", 0), ("tfdt", 0)], 8, 400);
        },
    ),
    ("track 1: the tfdt of fragment 0 is 1", |f| {
        f.add(&[("moof", 0), ("traf", 0), ("tfdt", 0)], 8, 1);
    }),
    (
        "90p.m3u8, segment 1: the EXTINF before it add up to 4 s, its video tfdt is 4.04 s",
        |f| {
            f.add(&[("moof", 2), ("traf", 0), ("tfdt", 0)], 8, 400);
        },
    ),
    (
        "90p.m3u8, segment 1: the EXTINF before it add up to 4 s, it is shown from 4.08 s on",
        |f| f.add(&[("moof", 2), ("traf", 0), ("trun", 0)], 24, 800),
    ),
    ("track 2: fragment 1 has no sample of it", |f| {
        f.poke(AUDIO_TFHD, 4, &[0, 0, 0, 1]);
    }),
    ("track 1: its edits are [-1]", |f| {
        f.poke(VIDEO_EDIT, MEDIA_TIME, &[0xff; 4]);
    }),
    ("an edit plays at another rate", |f| {
        f.poke(VIDEO_EDIT, MEDIA_TIME + 4, &[0, 2]);
    }),
    ("the first picture is at", |f| {
        f.add(VIDEO_EDIT, MEDIA_TIME, 1);
    }),
    ("the IDR frame of fragment 0 is followed by none for", |f| {
        f.add(VIDEO_MDHD, TIMESCALE, -5000);
    }),
    ("track 2: in fragment 1 the sound starts at", |f| {
        f.add(AUDIO_TFDT, 8, -1024);
    }),
    ("track 2: in fragment 1 the sound starts at", |f| {
        f.add(AUDIO_TFDT, 8, 1024);
    }),
    (
        "track 2: in fragment 1 not every AAC frame is a sync sample",
        |f| {
            f.poke(AUDIO_TFHD, DEFAULT_FLAGS, &NO_SYNC);
        },
    ),
    ("track 2: its edit leaves out 2048 samples", |f| {
        f.add(AUDIO_EDIT, MEDIA_TIME, 1024);
    }),
    ("track 2: the sound lasts", |f| {
        f.add(AUDIO_MDHD, TIMESCALE, -2000);
    }),
    (
        "fragment 1, picture 0: that it is a sync sample is false",
        |f| f.poke(TRUN, 12, &NO_SYNC),
    ),
    (
        "fragment 1, picture 1: that it is a sync sample is true",
        |f| {
            f.poke(
                &[("moof", 1), ("traf", 0), ("tfhd", 0)],
                DEFAULT_FLAGS,
                &[2, 0, 0, 0],
            );
        },
    ),
    (
        "fragment 1, picture 0: its NAL units are [1], it must be an IDR picture",
        |f| {
            *nal_header(f, 1, 0) = 0x41;
        },
    ),
    (
        "fragment 1, picture 1: its NAL units are [5], it must be none",
        |f| {
            *nal_header(f, 1, 1) = 0x65;
        },
    ),
    ("fragment 1, picture 1: it holds parameter sets", |f| {
        *nal_header(f, 1, 1) = 0x67;
    }),
    ("fragment 1, picture 1: a NAL unit is cut short", |f| {
        let (bytes, at) = sample(f, 1, 1);
        bytes[at] = 1;
    }),
];

/// The first rung's file, and where a picture of a fragment begins.
fn sample(files: &mut Files, fragment: usize, number: usize) -> (&mut Vec<u8>, usize) {
    let (bytes, trun) = files.mp4(&[("moof", fragment), ("traf", 0), ("trun", 0)]);
    // Size and composition offset of each sample follow the four words at the start.
    let sizes = (0..number).map(|before| {
        let at = trun + 16 + 8 * before;
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    });
    let before: usize = sizes.sum();
    let (bytes, mdat) = files.mp4(&[("mdat", fragment)]);
    (bytes, mdat + before)
}

/// The header of a picture's first NAL unit, which follows its length.
fn nal_header(files: &mut Files, fragment: usize, number: usize) -> &mut u8 {
    let (bytes, at) = sample(files, fragment, number);
    &mut bytes[at + 4]
}

#[tokio::test]
async fn time_that_is_wrong_is_told() {
    every_damage_is_told(DAMAGES).await;
}

/// What is wrong with the damaged package if the first rung's pictures are an original's.
async fn told_of_copied(how: impl Fn(&mut Files)) -> Vec<String> {
    let mut files = good();
    how(&mut files);
    let mut package = fetch(files).await.copied("90p.m3u8");
    rules::without_decoding(&mut package).into_sentences()
}

#[tokio::test]
async fn a_copied_rungs_own_idr_frames_are_held_against_rules_of_their_own() {
    let none: Vec<String> = Vec::new();
    assert_eq!(told_of_copied(|_| {}).await, none);
    let far = told_of_copied(|f| f.add(VIDEO_MDHD, TIMESCALE, -8000)).await;
    let tells = "90p.m3u8: the IDR frame of fragment 0 is followed by none for 10";
    assert!(far.iter().any(|told| told.contains(tells)), "{far:#?}");
    let unmarked = told_of_copied(|f| *nal_header(f, 1, 1) = 0x65).await;
    let tells = "fragment 1, picture 1: that it is a sync sample is false";
    assert!(
        unmarked.iter().any(|told| told.contains(tells)),
        "{unmarked:#?}"
    );
}

async fn is_told(files: Files, tells: &str) {
    let told = rules::check(fetch(files).await).await;
    let found = told.iter().any(|sentence| sentence.contains(tells));
    assert!(found, "{tells:?} is not in {told:#?}");
}

#[tokio::test]
async fn pictures_that_do_not_decode_are_told() {
    let mut spoilt = good();
    let (bytes, at) = sample(&mut spoilt, 1, 0);
    bytes[at + 40..at + 400].fill(0);
    is_told(spoilt, "90p.m3u8: ffmpeg complains: ").await;

    let mut spoilt = good();
    let (bytes, at) = sample(&mut spoilt, 1, 5);
    bytes[at] = 1;
    is_told(spoilt, "90p.m3u8: ffmpeg decodes 124 of 125 pictures").await;
}

#[tokio::test]
async fn an_iframe_range_one_byte_short_is_told_by_the_decoder() {
    let mut spoilt = good();
    spoilt.manners = |name, asked, answer: &mut Response<Vec<u8>>| {
        // Segments are larger, and what comes before them begins otherwise.
        let body = answer.body_mut();
        let is_iframe = body.len() < 10_000 && body.get(4..8) == Some(b"moof");
        if name == "90p.mp4" && asked == Asked::Range && is_iframe {
            body.pop();
        }
    };
    is_told(
        spoilt,
        "90p-iframes.m3u8, I-frame 1: alone it gives 0 pictures",
    )
    .await;
}
