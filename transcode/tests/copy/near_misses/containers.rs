//! What the container says: its kind, its index, its times, and how to show the pictures.

use std::path::{Path, PathBuf};

use crate::oracle::make;
use crate::patches::{SAMPLE_TABLE, edit_box, patch, put_u32, u32_at};

use super::{DRAWN, NearMiss, all_are_encoded};

const NEAR_MISSES: [NearMiss; 24] = [
    NearMiss {
        name: "an edit list that begins in mid-GOP",
        why: "edit list",
        then: |clip| copied(clip, "trimmed.mp4", "-ss 0.6", ""),
        ..DRAWN
    },
    NearMiss {
        name: "an edit list that leaves out the middle",
        why: "edit list",
        sound: "",
        then: without_the_middle,
        ..DRAWN
    },
    NearMiss {
        name: "no edit list over the delay of B-frames",
        why: "not at zero",
        encoding: "-use_editlist 0",
        ..DRAWN
    },
    NearMiss {
        name: "IDR frames 4.4 s apart",
        why: "too far apart",
        picture: "s=640x360:r=25:d=9",
        sound: "-f lavfi -i sine=r=48000:d=9",
        encoding: "-g 110 -keyint_min 110",
        ..DRAWN
    },
    NearMiss {
        name: "sparse IDR frames",
        why: "too far apart",
        picture: "s=640x360:r=25:d=12",
        sound: "",
        encoding: "-g 250 -keyint_min 250",
        ..DRAWN
    },
    NearMiss {
        name: "no IDR frame in the last 4.4 s",
        why: "too far apart",
        picture: "s=640x360:r=25:d=6.4",
        sound: "",
        encoding: "-g 250 -keyint_min 1 -force_key_frames 0,2",
        ..DRAWN
    },
    NearMiss {
        name: "Matroska with an index",
        why: "no MP4",
        container: "mkv",
        ..DRAWN
    },
    NearMiss {
        name: "Matroska without an index",
        why: "no MP4",
        container: "mkv",
        encoding: "-seekable 0",
        ..DRAWN
    },
    NearMiss {
        name: "MPEG-TS",
        why: "no MP4",
        container: "ts",
        ..DRAWN
    },
    NearMiss {
        name: "FLV",
        why: "no MP4",
        container: "flv",
        encoding: "-ar 44100",
        ..DRAWN
    },
    NearMiss {
        name: "fragmented MP4",
        why: "index",
        encoding: "-movflags +frag_keyframe+empty_moov",
        ..DRAWN
    },
    NearMiss {
        name: "turned by its display matrix",
        why: "turned",
        then: |clip| copied(clip, "turned.mp4", "", "-metadata:s:v rotate=90"),
        ..DRAWN
    },
    NearMiss {
        name: "wide pixels in the container",
        why: "not square",
        then: |clip| copied(clip, "wide.mp4", "", "-aspect 2:1"),
        ..DRAWN
    },
    NearMiss {
        name: "one gap twice as long",
        why: "not constant",
        picture: "s=640x360:r=25:d=5,setpts='if(gte(N,70),PTS+0.04/TB,PTS)'",
        encoding: "-vsync vfr",
        ..DRAWN
    },
    NearMiss {
        name: "29.97 fps in milliseconds",
        why: "not constant",
        picture: "s=640x360:r=30000/1001:d=5",
        encoding: "-video_track_timescale 1000",
        ..DRAWN
    },
    NearMiss {
        name: "5 fps",
        why: "frame rate",
        picture: "s=640x360:r=5:d=5",
        encoding: "-g 10 -keyint_min 10",
        ..DRAWN
    },
    NearMiss {
        name: "120 fps",
        why: "frame rate",
        picture: "s=640x360:r=120:d=3",
        sound: "",
        encoding: "-g 240 -keyint_min 240",
        ..DRAWN
    },
    NearMiss {
        name: "a picture later than its sound",
        why: "not at zero",
        then: |clip| {
            let shifted = format!("-itsoffset 0.5 -i {}", clip.display());
            copied(clip, "late.mp4", &shifted, "-map 0:v -map 1:a")
        },
        ..DRAWN
    },
    NearMiss {
        name: "sound longer by half a second",
        why: "stand too long",
        sound: "-f lavfi -i sine=r=48000:d=5.5",
        ..DRAWN
    },
    NearMiss {
        name: "sound longer by an eighth of a second",
        why: "stand too long",
        sound: "-f lavfi -i sine=r=48000:d=5.125",
        ..DRAWN
    },
    NearMiss {
        name: "cut off in its last pictures",
        why: "not all in the file",
        encoding: "-movflags +faststart",
        then: |clip| {
            patch(clip, "cut.mp4", |bytes| {
                bytes.truncate(bytes.len() * 95 / 100);
            })
        },
        least_ssim: 0.3,
        ..DRAWN
    },
    NearMiss {
        name: "a last picture that stands four times as long",
        why: "stand too long",
        picture: "s=640x360:r=25:d=8",
        // An edit would end before.
        encoding: "-bf 0 -use_editlist 0",
        sound: "",
        then: with_a_long_end,
        ..DRAWN
    },
    NearMiss {
        name: "pictures decoded five seconds before they are shown",
        why: "too long before",
        then: five_seconds_ahead,
        ..DRAWN
    },
    NearMiss {
        name: "a head that tells of another profile than the parameter sets",
        why: "parameter set",
        then: |clip| {
            patch(clip, "other_head.mp4", |bytes| {
                let avcc = bytes.windows(4).position(|kind| kind == b"avcC").unwrap() + 4;
                bytes[avcc + 1..avcc + 4].copy_from_slice(&[66, 0, 10]);
            })
        },
        ..DRAWN
    },
];

#[test]
fn what_the_container_does_not_prove_is_encoded() {
    all_are_encoded(&NEAR_MISSES);
}

/// Written anew by ffmpeg without encoding.
fn copied(clip: &Path, name: &str, before: &str, after: &str) -> PathBuf {
    let arguments = format!("{before} -i {} -c copy {after}", clip.display());
    make(clip.parent().unwrap(), name, &arguments)
}

/// Two edits of two seconds: from the start, and from the third second on.
fn without_the_middle(clip: &Path) -> PathBuf {
    patch(clip, "edited.mp4", |bytes| {
        edit_box(bytes, &[b"moov", b"trak", b"edts", b"elst"], &mut |edits| {
            let (duration, media_time) = (u32_at(edits, 8), u32_at(edits, 12));
            let per_second = duration / 5;
            put_u32(edits, 4, 2);
            put_u32(edits, 8, 2 * per_second);
            let second = [2 * per_second, media_time + 3 * 12_800, 1 << 16];
            edits.extend(second.iter().flat_map(|field| field.to_be_bytes()));
        });
    })
}

/// Shown when it was before, by later composition times and an edit that begins later.
fn five_seconds_ahead(clip: &Path) -> PathBuf {
    patch(clip, "ahead.mp4", |bytes| {
        const FIVE_SECONDS: u32 = 5 * 12_800;
        let path = [&SAMPLE_TABLE[..], &[b"ctts"]].concat();
        edit_box(bytes, &path, &mut |runs| {
            for run in 0..u32_at(runs, 4) as usize {
                let offset = 8 + 8 * run + 4;
                let later = u32_at(runs, offset) + FIVE_SECONDS;
                put_u32(runs, offset, later);
            }
        });
        edit_box(bytes, &[b"moov", b"trak", b"edts", b"elst"], &mut |edits| {
            let later = u32_at(edits, 12) + FIVE_SECONDS;
            put_u32(edits, 12, later);
        });
    })
}

/// By the table of durations, and by the track's own.
fn with_a_long_end(clip: &Path) -> PathBuf {
    patch(clip, "long_end.mp4", |bytes| {
        let mut longer = 0;
        let path = [&SAMPLE_TABLE[..], &[b"stts"]].concat();
        edit_box(bytes, &path, &mut |runs| {
            let [count, step] = [8, 12].map(|at| u32_at(runs, at));
            put_u32(runs, 4, 2);
            put_u32(runs, 8, count - 1);
            runs.extend(
                [1, 4 * step]
                    .iter()
                    .flat_map(|field: &u32| field.to_be_bytes()),
            );
            longer = 3 * step;
        });
        edit_box(
            bytes,
            &[b"moov", b"trak", b"mdia", b"mdhd"],
            &mut |header| {
                let duration = u32_at(header, 16) + longer;
                put_u32(header, 16, duration);
            },
        );
    })
}
