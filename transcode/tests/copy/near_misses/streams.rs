//! What the stream is: its codec, profile, colours, fields, size and rate.

use super::{DRAWN, NearMiss, all_are_encoded};

const NEAR_MISSES: [NearMiss; 15] = [
    NearMiss {
        name: "over the cap in one segment",
        why: "bitrate",
        picture: "s=640x360:r=25:d=12,noise=alls=60:allf=t:enable='between(t,5,5.5)'",
        sound: "",
        encoding: "-maxrate 20M -bufsize 20M",
        least_ssim: 0.8,
        ..DRAWN
    },
    NearMiss {
        name: "ten bits",
        why: "profile",
        encoding: "-pix_fmt yuv420p10le",
        ..DRAWN
    },
    NearMiss {
        name: "4:2:2",
        why: "profile",
        encoding: "-pix_fmt yuv422p",
        ..DRAWN
    },
    NearMiss {
        name: "High 4:4:4 Predictive, though 4:2:0",
        why: "profile",
        picture: "s=640x360:r=25:d=5,gblur=sigma=30",
        encoding: "-qp 0 -crf -1 -maxrate 0 -bufsize 0",
        ..DRAWN
    },
    NearMiss {
        name: "full range",
        why: "limited range",
        encoding: "-pix_fmt yuvj420p -color_range pc",
        ..DRAWN
    },
    NearMiss {
        name: "BT.601",
        why: "BT.709",
        encoding: "-colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m",
        ..DRAWN
    },
    NearMiss {
        name: "untagged SD, which is BT.601",
        why: "BT.709",
        encoding: "-color_range unspecified -colorspace unspecified \
            -color_primaries unspecified -color_trc unspecified",
        ..DRAWN
    },
    NearMiss {
        name: "HLG in eight bits",
        why: "BT.709",
        encoding: "-colorspace bt2020nc -color_primaries bt2020 -color_trc arib-std-b67",
        least_ssim: 0.3,
        ..DRAWN
    },
    NearMiss {
        name: "interlaced",
        why: "interlaced",
        picture: "s=640x360:r=50:d=5,tinterlace=interleave_top,fieldorder=tff",
        encoding: "-flags +ilme+ildct -x264-params tff=1",
        least_ssim: 0.5,
        ..DRAWN
    },
    NearMiss {
        name: "progressive pictures in a stream of fields",
        why: "interlaced",
        encoding: "-x264-params fake-interlaced=1",
        ..DRAWN
    },
    NearMiss {
        name: "wide pixels in the bitstream",
        why: "not square",
        picture: "s=480x360:r=25:d=5,setsar=4/3",
        ..DRAWN
    },
    NearMiss {
        name: "larger than the ladder",
        why: "size",
        picture: "s=854x480:r=25:d=5",
        ..DRAWN
    },
    NearMiss {
        name: "a little larger than a rung",
        why: "size",
        picture: "s=672x378:r=25:d=5",
        ..DRAWN
    },
    NearMiss {
        name: "HEVC",
        why: "H.264",
        encoding: "-c:v libx265 -x265-params log-level=error:keyint=50:open-gop=0",
        ..DRAWN
    },
    NearMiss {
        name: "MPEG-4",
        why: "H.264",
        encoding: "-c:v mpeg4",
        ..DRAWN
    },
];

#[test]
fn what_not_every_player_takes_is_encoded() {
    all_are_encoded(&NEAR_MISSES);
}
