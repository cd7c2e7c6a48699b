//! What only the packets show, while they are copied.

use std::fs;
use std::path::{Path, PathBuf};

use crate::drawing::{PICTURE, SOUND, draw};
use crate::oracle::make;
use crate::patches::{SAMPLE_TABLE, edit_box, nal_headers, patch, pictures, put_u32, u32_at};

use super::{DRAWN, NearMiss, all_are_encoded};

const NEAR_MISSES: [NearMiss; 12] = [
    NearMiss {
        name: "open GOPs, each I frame a sync sample",
        why: "no IDR frame",
        encoding: "-x264-params open-gop=1",
        ..DRAWN
    },
    NearMiss {
        name: "parameter sets that change in mid-stream",
        why: "parameter sets change",
        then: joined_with_another,
        ..DRAWN
    },
    NearMiss {
        name: "a second sample entry",
        why: "parameter sets change",
        then: with_two_sample_entries,
        ..DRAWN
    },
    NearMiss {
        name: "intra refresh instead of IDR frames",
        why: "no IDR frame",
        encoding: "-x264-params intra-refresh=1",
        ..DRAWN
    },
    NearMiss {
        name: "a picture marked as a sync sample that is none",
        why: "no IDR frame",
        then: |clip| {
            patch(clip, "marked.mp4", |bytes| {
                edit_sync_table(bytes, |table| put_u32(table, 12, 58));
            })
        },
        ..DRAWN
    },
    NearMiss {
        name: "every picture marked as a sync sample",
        why: "no IDR frame",
        then: |clip| {
            patch(clip, "all_marked.mp4", |bytes| {
                rename(bytes, b"stss", b"free");
            })
        },
        ..DRAWN
    },
    NearMiss {
        name: "an IDR frame whose NAL type says that it is none",
        why: "no IDR frame",
        then: |clip| with_slice(clip, "no_idr.mp4", 100, 5, 1),
        least_ssim: 0.3,
        ..DRAWN
    },
    NearMiss {
        name: "a picture whose NAL type says that it is an IDR frame",
        why: "IDR frame",
        then: |clip| with_slice(clip, "an_idr.mp4", 124, 1, 5),
        least_ssim: 0.3,
        ..DRAWN
    },
    NearMiss {
        name: "a damaged slice",
        why: "damaged",
        then: |clip| damaged(clip, 110),
        least_ssim: 0.3,
        ..DRAWN
    },
    NearMiss {
        name: "a damaged last slice",
        why: "damaged",
        then: |clip| damaged(clip, 124),
        least_ssim: 0.3,
        ..DRAWN
    },
    NearMiss {
        name: "a picture that is filler only",
        why: "one whole picture",
        then: |clip| with_slice(clip, "filler.mp4", 110, 1, 12),
        least_ssim: 0.3,
        ..DRAWN
    },
    NearMiss {
        name: "NAL units that do not add up",
        why: "add up",
        then: |clip| {
            let at = pictures(clip)[110].start;
            patch(clip, "too_long.mp4", |bytes| put_u32(bytes, at, 1 << 20))
        },
        least_ssim: 0.3,
        ..DRAWN
    },
];

#[test]
fn what_turns_out_while_copying_is_encoded() {
    all_are_encoded(&NEAR_MISSES);
}

fn rename(bytes: &mut [u8], from: &[u8; 4], to: &[u8; 4]) {
    let at = bytes.windows(4).position(|kind| kind == from).unwrap();
    bytes[at..at + 4].copy_from_slice(to);
}

/// `stss`: version and flags, the number of entries, the numbers of the sync samples from 1.
fn edit_sync_table(bytes: &mut Vec<u8>, change: impl Fn(&mut Vec<u8>)) {
    let path = [&SAMPLE_TABLE[..], &[b"stss"]].concat();
    edit_box(bytes, &path, &mut |table| change(table));
}

/// Followed by a clip whose parameter sets ffmpeg leaves among its pictures.
fn joined_with_another(clip: &Path) -> PathBuf {
    let folder = clip.parent().unwrap();
    let other = draw(
        folder,
        "other.mp4",
        PICTURE,
        SOUND,
        "-refs 1 -bf 2 -x264-params weightp=0",
    );
    let list = folder.join("list");
    let lines = [clip, &other].map(|path| format!("file '{}'\n", path.display()));
    fs::write(&list, lines.concat()).unwrap();
    let arguments = format!("-f concat -safe 0 -i {} -c copy", list.display());
    make(folder, "joined.mp4", &arguments)
}

/// The last chunks' pictures have an entry of their own, whose SPS differs in its level only.
fn with_two_sample_entries(clip: &Path) -> PathBuf {
    patch(clip, "two_entries.mp4", |bytes| {
        let entries = [&SAMPLE_TABLE[..], &[b"stsd"]].concat();
        edit_box(bytes, &entries, &mut |entries| {
            let mut second = entries[8..].to_vec();
            let avcc = second.windows(4).position(|kind| kind == b"avcC").unwrap() + 4;
            // In the record, and in the SPS in it.
            for level in [avcc + 3, avcc + 11] {
                assert_eq!(second[level], 30);
                second[level] = 31;
            }
            entries.extend(second);
            put_u32(entries, 4, 2);
        });
        let chunks = [&SAMPLE_TABLE[..], &[b"stsc"]].concat();
        edit_box(bytes, &chunks, &mut |runs| {
            let count = u32_at(runs, 4) as usize;
            let last = 8 + 12 * (count - 1);
            put_u32(runs, last + 8, 2);
        });
    })
}

/// A picture, counted in decode order, whose NAL unit of one type says that it is of another.
fn with_slice(clip: &Path, name: &str, picture: usize, from: u8, to: u8) -> PathBuf {
    let picture = pictures(clip)[picture].clone();
    patch(clip, name, |bytes| {
        let headers = nal_headers(bytes, picture);
        let slice = headers.into_iter().find(|at| bytes[*at] & 0x1f == from);
        let slice = slice.expect("the picture has a slice of the type");
        bytes[slice] = bytes[slice] & 0xe0 | to;
    })
}

/// Wrong bytes in the middle of a picture.
fn damaged(clip: &Path, picture: usize) -> PathBuf {
    let picture = pictures(clip)[picture].clone();
    patch(clip, "damaged.mp4", |bytes| {
        let middle = (picture.start + picture.end) / 2;
        bytes[middle..picture.end].fill(0x55);
    })
}
