//! Bitstreams that are not what they should be, or what is said of them.

use super::files::Files;
use super::{Damage, every_damage_is_told};
use crate::mp4::Sps;

type Path = &'static [(&'static str, usize)];

const TKHD: Path = &[("moov", 0), ("trak", 0), ("tkhd", 0)];
const MDHD: Path = &[("moov", 0), ("trak", 0), ("mdia", 0), ("mdhd", 0)];
const TIMESCALE: usize = 12;
/// In a tkhd of version 0: the matrix, then width and height.
const MATRIX: usize = 40;
const SHOWN_WIDTH: usize = 76;

#[rustfmt::skip]
const AVC1: Path = &[
    ("moov", 0), ("trak", 0), ("mdia", 0), ("minf", 0), ("stbl", 0), ("stsd", 0), ("avc1", 0),
];
#[rustfmt::skip]
const MP4A: Path = &[
    ("moov", 0), ("trak", 1), ("mdia", 0), ("minf", 0), ("stbl", 0), ("stsd", 0), ("mp4a", 0),
];
#[rustfmt::skip]
const AVCC: Path = &[
    ("moov", 0), ("trak", 0), ("mdia", 0), ("minf", 0), ("stbl", 0), ("stsd", 0), ("avc1", 0),
    ("avcC", 0),
];
#[rustfmt::skip]
const PASP: Path = &[
    ("moov", 0), ("trak", 0), ("mdia", 0), ("minf", 0), ("stbl", 0), ("stsd", 0), ("avc1", 0),
    ("pasp", 0),
];
#[rustfmt::skip]
const ESDS: Path = &[
    ("moov", 0), ("trak", 1), ("mdia", 0), ("minf", 0), ("stbl", 0), ("stsd", 0), ("mp4a", 0),
    ("esds", 0),
];
/// In an avcC: profile, constraints, level; the SPS, after its own header, says them again.
const NAMED: usize = 1;
const IN_SPS: usize = 9;

const DAMAGES: &[Damage] = &[
    ("90p.m3u8: its level is 52", |f| set_level(f, 52)),
    ("90p.m3u8: level 10 does not carry", |f| set_level(f, 10)),
    ("90p.m3u8: level 14 does not carry", |f| set_level(f, 14)),
    (
        "90p.m3u8: CODECS is \"avc1.64000b,mp4a.40.2\", the bitstream's are \"avc1.640034",
        |f| {
            set_level(f, 52);
        },
    ),
    (
        "90p-iframes.m3u8: CODECS is \"avc1.64000b\", the bitstream's are \"avc1.640034\"",
        |f| {
            set_level(f, 52);
        },
    ),
    ("its SPS another profile and level", |f| {
        f.poke(AVCC, NAMED + 2, &[52]);
    }),
    ("profile 110 is not High", |f| {
        f.poke(AVCC, NAMED, &[110]);
        f.poke(AVCC, IN_SPS, &[110]);
    }),
    ("the avcC's first parameter set is no SPS", |f| {
        f.poke(AVCC, IN_SPS - 1, &[0x68]);
    }),
    ("the avcC holds 0 sequence parameter sets", |f| {
        f.poke(AVCC, 5, &[0xe0]);
    }),
    ("SPS, sample entry and tkhd say", |f| {
        f.add(TKHD, SHOWN_WIDTH, 1 << 16);
    }),
    ("SPS, sample entry and tkhd say", |f| {
        f.poke(AVC1, 24, &[0, 162]);
    }),
    ("its matrix turns the picture", |f| {
        f.poke(TKHD, MATRIX, &[0xff]);
    }),
    ("its pixels are not square", |f| f.add(PASP, 0, 1)),
    (
        "90p.m3u8: FRAME-RATE is 25, the pictures come constantly 75.000 times",
        |f| {
            f.add(MDHD, TIMESCALE, 20_000);
        },
    ),
    ("75.000 pictures a second are more than 60", |f| {
        f.add(MDHD, TIMESCALE, 20_000);
    }),
    // The last but one of the first fragment's pictures stands longer: the rate varies.
    ("90p.m3u8: FRAME-RATE is 20, the pictures come up to", |f| {
        f.add(&[("moof", 1), ("traf", 0), ("tfhd", 0)], 8, 1);
        f.replace("master.m3u8", "RATE=25", "RATE=20");
    }),
    ("its pictures are interlaced", |f| {
        flip_one_bit(f, |sps| !sps.is_progressive);
    }),
    ("its colour is Some([1, 1, 9])", |f| {
        flip_one_bit(f, |sps| sps.colour == Some([1, 1, 9]));
    }),
    ("full range true, not limited BT.709", |f| {
        flip_one_bit(f, |sps| sps.is_full_range);
    }),
    (
        "its pixels are not square: pasp Some((1, 1)), SPS Some(3)",
        |f| {
            flip_one_bit(f, |sps| sps.aspect_ratio_idc == Some(3));
        },
    ),
    (
        "90p.m3u8: RESOLUTION is (160, 90), the SPS says (160, ",
        |f| {
            flip_one_bit(f, |sps| sps.width_px == 160 && sps.height_px < 90);
        },
    ),
    ("its sound is mp4a.40.5, not AAC-LC", |f| {
        audio_object_type(f, 5);
    }),
    ("\"avc1.64000b,mp4a.40.5\"", |f| audio_object_type(f, 5)),
    ("its sound has 44100 Hz in a timescale of 48000", |f| {
        f.poke(MP4A, 24, &44_100_u16.to_be_bytes());
    }),
    ("stands where 0x03 must", |f| f.poke(ESDS, 4, &[6])),
    ("the ES descriptor depends on others", |f| {
        let (bytes, at) = descriptor(f, 3);
        bytes[at + 2] = 0x80;
    }),
    ("a track is \"hvc1\", not avc1 or mp4a", |f| {
        let (bytes, at) = f.mp4(AVC1);
        bytes[at - 4..at].copy_from_slice(b"hvc1");
    }),
    ("it has 0 video and 1 audio tracks", |f| {
        let (bytes, at) = f.mp4(&[("moov", 0), ("trak", 0)]);
        bytes[at - 4..at].copy_from_slice(b"skip");
    }),
];

fn set_level(files: &mut Files, level_idc: u8) {
    files.poke(AVCC, NAMED + 2, &[level_idc]);
    files.poke(AVCC, IN_SPS + 2, &[level_idc]);
}

/// Flips the first bit of the SPS that makes it say this.
fn flip_one_bit(files: &mut Files, says: fn(&Sps) -> bool) {
    let (bytes, avcc) = files.mp4(AVCC);
    let len = usize::from(bytes[avcc + 7]);
    let start = avcc + IN_SPS - 1;
    let damaged = (8..8 * len).find_map(|bit| {
        let mut damaged = bytes[start..start + len].to_vec();
        damaged[bit / 8] ^= 0x80 >> (bit % 8);
        Sps::read(&damaged)
            .is_ok_and(|sps| says(&sps))
            .then_some(damaged)
    });
    bytes[start..start + len].copy_from_slice(&damaged.unwrap());
}

/// The first rung's file, and where the content of the descriptor with a tag begins in its esds:
/// libavformat writes each length in four bytes.
fn descriptor(files: &mut Files, tag: u8) -> (&mut Vec<u8>, usize) {
    let (bytes, esds) = files.mp4(ESDS);
    let header = [tag, 0x80, 0x80, 0x80];
    let found = bytes[esds..].windows(4).position(|w| w == header).unwrap();
    (bytes, esds + found + 5)
}

fn audio_object_type(files: &mut Files, object_type: u8) {
    let (bytes, at) = descriptor(files, 5);
    bytes[at] = object_type << 3 | bytes[at] & 7;
}

#[tokio::test]
async fn a_stream_that_is_not_what_is_said_is_told() {
    every_damage_is_told(DAMAGES).await;
}
