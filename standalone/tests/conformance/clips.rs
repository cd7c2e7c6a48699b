//! Clips of every shape that has an effect on a package, drawn by the ffmpeg CLI.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A clip, and what must come of it.
pub(crate) struct Clip {
    pub(crate) name: &'static str,
    /// What ffmpeg is told, separated by spaces.
    arguments: &'static str,
    pub(crate) rungs: &'static [&'static str],
    pub(crate) segments: usize,
    pub(crate) has_sound: bool,
}

/// For small pictures a small ladder: two rungs of most clips, and the default top one.
pub(crate) const LADDER: &str = "90:23:200k,180:23:500k,1080:23:6500k";

pub(crate) const CLIPS: [Clip; 17] = [
    Clip {
        name: "film.mp4",
        arguments: "-f lavfi -i testsrc2=s=1920x1080:r=24:d=5 -f lavfi -i sine=r=48000:d=5 -ac 6 -c:a aac",
        rungs: &["90p", "180p", "1080p"],
        segments: 2,
        has_sound: true,
    },
    Clip {
        name: "ntsc.mov",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=9 -f lavfi -i sine=r=48000:d=9 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 3,
        has_sound: true,
    },
    // Nothing falls on the grid: after every 13 pictures the 13th stands for 0.37 s more.
    Clip {
        name: "freezes.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=7 -f lavfi -i sine=r=48000:d=12 \
            -vf settb=1/600,setpts=PTS+floor(N/13)*222 -vsync vfr -enc_time_base:v 1/600 -bf 0 \
            -video_track_timescale 600 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 3,
        has_sound: true,
    },
    // Gaps differ by less than a factor of two, so B-frames stay.
    Clip {
        name: "jitter.mkv",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=9 -f lavfi -i sine=r=48000:d=9 \
            -vf settb=1/1000,setpts=PTS+mod(N\\,3)*6 -vsync vfr -enc_time_base:v 1/1000 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 3,
        has_sound: true,
    },
    Clip {
        name: "silent.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=5",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: false,
    },
    Clip {
        name: "portrait.mp4",
        arguments: "-f lavfi -i testsrc2=s=180x320:r=30:d=3 -f lavfi -i sine=r=48000:d=3 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 1,
        has_sound: true,
    },
    Clip {
        name: "fifty.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=50:d=5 -f lavfi -i sine=r=48000:d=5 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: true,
    },
    Clip {
        name: "sixty.webm",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=60000/1001:d=5 -f lavfi -i sine=r=48000:d=5 \
            -c:v libvpx -deadline realtime -c:a libopus",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: true,
    },
    Clip {
        name: "odd_tail.ts",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=13.36 -f lavfi -i sine=r=48000:d=13.36 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 4,
        has_sound: true,
    },
    // One picture more than a segment: a last segment that is nearly nothing.
    Clip {
        name: "tail_of_one_picture.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=4.04",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: false,
    },
    Clip {
        name: "mono_44100.avi",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=6 -f lavfi -i sine=r=44100:d=6 -ac 1 -c:a pcm_s16le",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: true,
    },
    Clip {
        name: "sound_outlasts_picture.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -f lavfi -i sine=r=48000:d=6.5 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: true,
    },
    Clip {
        name: "late_and_short_sound.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=7 -itsoffset 0.7 -f lavfi -i sine=r=48000:d=2 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: true,
    },
    Clip {
        name: "one_picture_a_second.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=1:d=9",
        rungs: &["90p", "180p"],
        segments: 3,
        has_sound: false,
    },
    Clip {
        name: "wide_pixels.mpg",
        arguments: "-f lavfi -i testsrc2=s=352x288:r=25:d=3 -vf setsar=16/11 -c:v mpeg2video",
        rungs: &["90p", "180p", "288p"],
        segments: 1,
        has_sound: false,
    },
    Clip {
        name: "one_picture.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25 -frames:v 1",
        rungs: &["90p", "180p"],
        segments: 1,
        has_sound: false,
    },
    Clip {
        name: "moment.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=30:d=0.3 -f lavfi -i sine=r=48000:d=0.3 -c:a aac",
        rungs: &["90p", "180p"],
        segments: 1,
        has_sound: true,
    },
];

/// Clips whose own pictures are the top rung.
pub(crate) const COPIED: [Clip; 4] = [
    Clip {
        name: "b_frames.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=24:d=9 -f lavfi -i sine=r=48000:d=9 -c:a aac \
            -c:v libx264 -preset veryfast -crf 30 -g 48 -keyint_min 48 -sc_threshold 0 -bf 3 \
            -color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709",
        rungs: &["90p", "180p"],
        segments: 3,
        has_sound: true,
    },
    Clip {
        name: "idr_frame_a_second.mov",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=7 -f lavfi -i sine=r=44100:d=7 \
            -c:a pcm_s16le -c:v libx264 -preset veryfast -crf 30 -g 30 -keyint_min 30 \
            -sc_threshold 0 -bf 0 -profile:v main -bsf:v dump_extra \
            -color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709",
        rungs: &["90p", "180p"],
        segments: 2,
        has_sound: true,
    },
    Clip {
        name: "irregular.mp4",
        arguments: "-f lavfi -i testsrc2=s=320x180:r=25:d=12 -f lavfi -i sine=r=48000:d=12.05 \
            -c:a aac -c:v libx264 -preset veryfast -crf 30 -g 250 -keyint_min 1 -sc_threshold 0 \
            -force_key_frames 0,1.2,1.8,3.2,3.6,7.4,8.6,8.64,11 \
            -color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709",
        rungs: &["90p", "180p"],
        segments: 4,
        has_sound: true,
    },
    // Not tagged, as many cameras leave it; of one rung's height, above the ladder's others.
    Clip {
        name: "hd.mp4",
        arguments: "-f lavfi -i testsrc2=s=1280x720:r=60:d=5 -c:v libx264 -preset ultrafast \
            -crf 30 -maxrate 3M -bufsize 2M -g 120 -keyint_min 120 -sc_threshold 0",
        rungs: &["90p", "180p", "720p"],
        segments: 2,
        has_sound: false,
    },
];

impl Clip {
    /// Draws it in `folder`.
    pub(crate) fn make(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.name);
        draw(self.arguments, &path);
        path
    }
}

/// Has ffmpeg make a file; H.264 if its arguments do not say otherwise.
pub(crate) fn draw(arguments: &str, path: &Path) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error"]);
    let (before, after) = match arguments.contains("-c:v") {
        true => (arguments, ""),
        false => (arguments, "-c:v libx264 -preset ultrafast"),
    };
    ffmpeg.args(before.split_whitespace());
    ffmpeg.args(after.split_whitespace()).arg(path);
    let output = ffmpeg.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {complaint}");
}
