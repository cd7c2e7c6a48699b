//! Clips of the kinds that cameras and exports write.

use crate::drawing::{LADDER, PICTURE, SOUND};

/// What is drawn, and what must come of it.
pub(super) struct Clip {
    pub(super) name: &'static str,
    /// As `drawing::draw` takes them.
    pub(super) picture: &'static str,
    pub(super) sound: &'static str,
    pub(super) encoding: &'static str,
    pub(super) ladder: &'static str,
    /// Where the fragments start; `|` stands before those that start a segment.
    pub(super) fragments: &'static str,
}

/// Five seconds with sound in the ladder's top rung.
const PLAIN: Clip = Clip {
    name: "",
    picture: PICTURE,
    sound: SOUND,
    encoding: "",
    ladder: LADDER,
    fragments: "|0 2 |4",
};

pub(super) const CLIPS: [Clip; 20] = [
    Clip {
        name: "index last.mp4",
        ..PLAIN
    },
    Clip {
        name: "index first.mp4",
        encoding: "-movflags +faststart",
        ..PLAIN
    },
    Clip {
        name: "Baseline without sound.mp4",
        sound: "",
        encoding: "-profile:v baseline -bf 0",
        ..PLAIN
    },
    Clip {
        name: "Main in several slices.mov",
        encoding: "-profile:v main -bf 0 -slices 4 -aud 1",
        ..PLAIN
    },
    Clip {
        name: "film with deep B-frames.mp4",
        picture: "s=640x360:r=24:d=5",
        encoding: "-g 48 -keyint_min 48 -bf 5 -b_strategy 2 -x264-params b-pyramid=normal",
        ..PLAIN
    },
    Clip {
        name: "29.97 fps with an IDR frame a second.mov",
        picture: "s=640x360:r=30000/1001:d=5",
        encoding: "-g 30 -keyint_min 30",
        fragments: "|0 2.002 |4.004",
        ..PLAIN
    },
    Clip {
        name: "59.94 fps at a rate for 60.mp4",
        picture: "s=640x360:r=60000/1001:d=5,noise=alls=20:allf=t",
        encoding: "-g 120 -keyint_min 120 -crf 18 -maxrate 1000k -bufsize 250k",
        fragments: "|0 2.002 |4.004",
        ..PLAIN
    },
    Clip {
        name: "IDR frames four seconds apart.mp4",
        picture: "s=640x360:r=25:d=9",
        sound: "-f lavfi -i sine=r=48000:d=9",
        encoding: "-g 100 -keyint_min 100",
        fragments: "|0 |4 |8",
        ..PLAIN
    },
    Clip {
        name: "IDR frames here and there.mp4",
        picture: "s=640x360:r=25:d=12",
        sound: "-f lavfi -i sine=r=48000:d=12",
        encoding: "-g 250 -keyint_min 1 -force_key_frames 0,1.2,1.8,3.2,3.6,7.4,8.6,8.64,11",
        fragments: "|0 1.8 |3.6 |7.4 8.64 |11",
        ..PLAIN
    },
    Clip {
        name: "one IDR frame.mp4",
        picture: "s=640x360:r=25:d=3",
        sound: "-f lavfi -i sine=r=48000:d=3",
        encoding: "-g 250",
        fragments: "|0",
        ..PLAIN
    },
    Clip {
        name: "an IDR frame just before the end.mp4",
        picture: "s=640x360:r=25:d=4.12",
        sound: "-f lavfi -i sine=r=48000:d=4.12",
        ..PLAIN
    },
    Clip {
        name: "untagged HD.mp4",
        picture: "s=1280x720:r=30:d=4",
        sound: "",
        encoding: "-g 60 -keyint_min 60 -color_range unspecified -colorspace unspecified \
            -color_primaries unspecified -color_trc unspecified -maxrate 2M -bufsize 1M",
        ladder: "180:23:300k,720:23:3500k",
        fragments: "|0 2",
    },
    Clip {
        name: "portrait of a ladder's middle.mp4",
        picture: "s=360x640:r=25:d=4",
        sound: "-f lavfi -i sine=r=44100:d=4",
        ladder: "180:23:200k,360:23:800k,720:23:3500k",
        fragments: "|0 2",
        ..PLAIN
    },
    Clip {
        name: "between rungs.mp4",
        picture: "s=480x270:r=25:d=4",
        sound: "-f lavfi -i sine=r=48000:d=4",
        fragments: "|0 2",
        ..PLAIN
    },
    Clip {
        name: "sound just longer.mp4",
        sound: "-f lavfi -i sine=r=48000:d=5.08",
        ..PLAIN
    },
    Clip {
        name: "sound late and short.mp4",
        sound: "-itsoffset 0.7 -f lavfi -i sine=r=48000:d=2",
        ..PLAIN
    },
    Clip {
        name: "10 fps in a coarse timescale.mov",
        picture: "s=640x360:r=10:d=5",
        encoding: "-g 20 -keyint_min 20 -video_track_timescale 600",
        ..PLAIN
    },
    Clip {
        name: "both tracks a second late.mp4",
        encoding: "-output_ts_offset 1",
        ..PLAIN
    },
    Clip {
        name: "parameter sets among the pictures.mp4",
        encoding: "-bsf:v dump_extra",
        ..PLAIN
    },
    Clip {
        name: "surround.mov",
        encoding: "-ac 6 -c:a pcm_s16le",
        ..PLAIN
    },
];
