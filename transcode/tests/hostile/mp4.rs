//! Writes MP4 files that no muxer would (ISO/IEC 14496-12).

use std::path::Path;

use crate::oracle::make;

/// A sample entry and one coded sample that fits it.
#[derive(Clone)]
pub(crate) struct Coded {
    pub(crate) entry: Vec<u8>,
    pub(crate) sample: Vec<u8>,
}

impl Coded {
    /// One picture, coded by ffmpeg from its arguments.
    pub(crate) fn picture(folder: &Path, arguments: &str) -> Self {
        let arguments = format!("{arguments} -frames:v 1 -an");
        let file = std::fs::read(make(folder, "one-picture.mp4", &arguments)).unwrap();
        let media = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"];
        let entries = media
            .iter()
            .fold(&file[..], |within, kind| find(within, kind));
        Self {
            // After version, flags and the number of entries.
            entry: entries[8..].to_vec(),
            sample: find(&file, b"mdat").to_vec(),
        }
    }

    /// A small one for where the picture does not matter.
    pub(crate) fn small_picture(folder: &Path) -> Self {
        let clip = "-f lavfi -i testsrc2=s=64x48:r=10 -c:v libx264 -preset ultrafast";
        Self::picture(folder, clip)
    }
}

/// The content of the first box of a kind.
fn find<'a>(mut bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    loop {
        let len = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        if &bytes[4..8] == kind {
            return &bytes[8..len];
        }
        bytes = &bytes[len..];
    }
}

/// A track whose samples are all the same bytes, at the start of the media data.
pub(crate) struct Track {
    pub(crate) coded: Coded,
    pub(crate) timescale: u32,
    /// Runs of samples, and the ticks from each to the next.
    pub(crate) times: Vec<(u32, u32)>,
    /// What the header says of its length, if not the truth.
    pub(crate) claimed_ticks: Option<u32>,
    /// Boxes of the data reference table, if not the file itself.
    pub(crate) references: Option<Vec<u8>>,
}

impl Track {
    pub(crate) fn new(coded: Coded, timescale: u32, times: Vec<(u32, u32)>) -> Self {
        Self {
            coded,
            timescale,
            times,
            claimed_ticks: None,
            references: None,
        }
    }
}

pub(crate) fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let len = content.len() as u32 + 8;
    [&len.to_be_bytes(), kind.as_slice(), content].concat()
}

/// With a version and flags, all zero.
pub(crate) fn full(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[0; 4], content].concat())
}

pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A file of these tracks, which share the first one's sample.
pub(crate) fn movie(tracks: &[Track]) -> Vec<u8> {
    let brand = boxed(b"ftyp", b"isom\0\0\x02\0isommp41");
    let media = boxed(b"mdat", &tracks[0].coded.sample);
    let offset = brand.len() as u32 + 8;
    let header = full(
        b"mvhd",
        &[words(&[0, 0, 1000, 0, 0x1_0000]), vec![0; 76]].concat(),
    );
    let tracks = (1..)
        .zip(tracks)
        .flat_map(|(id, track)| track_box(id, track, offset));
    let index = boxed(
        b"moov",
        &header.into_iter().chain(tracks).collect::<Vec<_>>(),
    );
    [brand, media, index].concat()
}

const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

fn track_box(id: u32, track: &Track, offset: u32) -> Vec<u8> {
    let count: u32 = track.times.iter().map(|(count, _)| count).sum();
    let ticks = track
        .times
        .iter()
        .map(|(count, delta)| count.saturating_mul(*delta))
        .sum();
    let ticks = track.claimed_ticks.unwrap_or(ticks);
    let references = track.references.clone();
    let references = references.unwrap_or_else(|| boxed(b"url ", &[0, 0, 0, 1]));
    let times: Vec<u32> = track.times.iter().flat_map(|run| [run.0, run.1]).collect();
    let table = [
        full(b"stsd", &[words(&[1]), track.coded.entry.clone()].concat()),
        full(
            b"stts",
            &words(&[&[track.times.len() as u32], &times[..]].concat()),
        ),
        full(b"stsz", &words(&[track.coded.sample.len() as u32, count])),
        // One sample a chunk, and all chunks at the same place.
        full(b"stsc", &words(&[1, 1, 1, 1])),
        full(
            b"stco",
            &words(&[&[count], &vec![offset; count as usize][..]].concat()),
        ),
    ];
    let data = boxed(b"dinf", &full(b"dref", &[words(&[1]), references].concat()));
    let information = [
        full(b"vmhd", &[0; 8]),
        data,
        boxed(b"stbl", &table.concat()),
    ];
    let media = [
        full(
            b"mdhd",
            &words(&[0, 0, track.timescale, ticks, 0x55c4_0000]),
        ),
        full(b"hdlr", b"\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        boxed(b"minf", &information.concat()),
    ];
    let place = [
        &[0, 0, id, 0, ticks, 0, 0, 0, 0],
        &MATRIX[..],
        &[64 << 16, 48 << 16],
    ]
    .concat();
    let track = [
        full(b"tkhd", &words(&place)),
        boxed(b"mdia", &media.concat()),
    ];
    boxed(b"trak", &track.concat())
}
