//! What is uploaded: a handful of distinct clips, drawn by the ffmpeg CLI, and what is no video at all.

use std::collections::HashMap;
use std::path::Path;

use crate::clips::draw;

/// Two rungs for small pictures, and one whose files are far beyond a part of a multipart upload.
pub(crate) const LADDER: &str = "90:26:200k,180:26:600k,360:10:30M";

/// What must become of an upload that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// It is no video.
    Refused,
    /// Its uploader deletes it, at a moment that is drawn.
    Deleted,
}

/// A file, and what must become of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) extension: &'static str,
    /// What ffmpeg is told, separated by spaces; none for what is no video.
    arguments: Option<&'static str>,
    pub(crate) fate: Fate,
    /// Pictures in it, and in each of its renditions; 0 where it is no video.
    pub(crate) pictures: usize,
    pub(crate) duration_ms: u64,
    pub(crate) rungs: &'static [&'static str],
}

const fn no_video(extension: &'static str) -> Source {
    Source {
        extension,
        arguments: None,
        fate: Fate::Refused,
        pictures: 0,
        duration_ms: 0,
        rungs: &[],
    }
}

const MOMENT: Source = Source {
    extension: "mp4",
    arguments: Some("-f lavfi -i testsrc2=s=256x144:r=24:d=1"),
    fate: Fate::Done,
    pictures: 24,
    duration_ms: 1000,
    rungs: &["90p", "144p"],
};
const FILM: Source = Source {
    extension: "mov",
    arguments: Some(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=2 -f lavfi -i sine=r=48000:d=2 -c:a aac",
    ),
    fate: Fate::Done,
    pictures: 50,
    duration_ms: 2000,
    rungs: &["90p", "180p"],
};
const RECORDING: Source = Source {
    extension: "webm",
    arguments: Some(
        "-f lavfi -i testsrc2=s=320x180:r=30:d=3 -f lavfi -i sine=r=48000:d=3 \
         -c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus",
    ),
    fate: Fate::Done,
    pictures: 90,
    duration_ms: 3000,
    rungs: &["90p", "180p"],
};
const PORTRAIT: Source = Source {
    extension: "mkv",
    arguments: Some(
        "-f lavfi -i testsrc2=s=144x256:r=25:d=5 -f lavfi -i sine=r=44100:d=5 -ac 1 -c:a aac",
    ),
    fate: Fate::Done,
    pictures: 125,
    duration_ms: 5000,
    rungs: &["90p", "144p"],
};
/// Its own pictures are the top rung.
const COPIED: Source = Source {
    extension: "mp4",
    arguments: Some(
        "-f lavfi -i testsrc2=s=320x180:r=24:d=4 -f lavfi -i sine=r=48000:d=4 -c:a aac \
         -c:v libx264 -preset veryfast -crf 30 -g 48 -keyint_min 48 -sc_threshold 0 \
         -color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709",
    ),
    fate: Fate::Done,
    pictures: 96,
    duration_ms: 4000,
    rungs: &["90p", "180p"],
};
/// Nothing can be left out of noise: several parts of an upload come, and several go.
const NOISE: Source = Source {
    extension: "avi",
    arguments: Some(
        "-f lavfi -i nullsrc=s=640x360:r=25:d=5,noise=alls=60:allf=t -c:v mpeg4 -qscale:v 8",
    ),
    fate: Fate::Done,
    pictures: 125,
    duration_ms: 5000,
    rungs: &["90p", "180p", "360p"],
};
const DELETED_FILM: Source = Source {
    fate: Fate::Deleted,
    ..FILM
};
const DELETED_NOISE: Source = Source {
    fate: Fate::Deleted,
    ..NOISE
};
const TEXT: Source = no_video("txt");
const BYTES: Source = no_video("mp4");

/// All of them, so often as they come.
const CYCLE: [Source; 24] = [
    MOMENT,
    FILM,
    COPIED,
    NOISE,
    DELETED_FILM,
    RECORDING,
    MOMENT,
    PORTRAIT,
    FILM,
    TEXT,
    COPIED,
    MOMENT,
    DELETED_NOISE,
    RECORDING,
    FILM,
    DELETED_FILM,
    PORTRAIT,
    MOMENT,
    COPIED,
    FILM,
    BYTES,
    RECORDING,
    DELETED_FILM,
    PORTRAIT,
];
/// Half a cycle of uploads holds what any fail point may wait for.
pub(crate) const CYCLE_LEN: usize = CYCLE.len();

/// The files by their place in the cycle.
pub(crate) struct Sources(Vec<Vec<u8>>);

impl Sources {
    /// Draws them in `folder`.
    pub(crate) fn make(folder: &Path) -> Self {
        let mut drawn: HashMap<&str, Vec<u8>> = HashMap::new();
        let files = CYCLE.iter().enumerate().map(|(place, source)| {
            let Some(arguments) = source.arguments else {
                return match source.extension {
                    // Plain text would be refused by its first bytes.
                    "txt" => b"\0This is no film. ".repeat(500),
                    _ => (0..20_000u32).map(|n| (n.pow(2) >> 7) as u8).collect(),
                };
            };
            let draw = || {
                let path = folder.join(format!("{place}.{}", source.extension));
                draw(arguments, &path);
                std::fs::read(path).unwrap()
            };
            drawn.entry(arguments).or_insert_with(draw).clone()
        });
        Self(files.collect())
    }

    /// What the upload of a number is made of.
    pub(crate) fn bytes(&self, number: usize) -> &[u8] {
        &self.0[number % CYCLE.len()]
    }
}

/// The source that a number stands for.
pub(crate) fn source(number: usize) -> Source {
    CYCLE[number % CYCLE.len()]
}

/// How many uploads it takes until `videos` of them are videos that are to be done.
pub(crate) fn uploads_for(videos: usize) -> usize {
    let mut left = videos;
    let mut uploads = 0;
    while left > 0 {
        left -= usize::from(source(uploads).fate == Fate::Done);
        uploads += 1;
    }
    uploads
}
