//! What came of a transcode.

use crate::input::Fetched;
use crate::probe::Probe;
use crate::subtitles::SubtitleTrack;

/// What came of a transcode.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What the file said it was.
    pub source: Probe,
    /// Duration of every rendition in milliseconds, rounded.
    pub duration_ms: u64,
    /// What the uploader should know about the result; empty if all is well.
    pub warnings: Vec<Warning>,
    /// From small to large.
    pub renditions: Vec<Rendition>,
    /// The poster: none where [`Options::pictures`](crate::Options::pictures) is off, or where it could
    /// not be made, which the log says.
    pub poster: Option<Poster>,
    /// The storyboard: none for the same reasons.
    pub storyboard: Option<Storyboard>,
    /// Subtitles with a cue at least: the n-th, from 0, is the extra `subtitles-<n>.vtt`.
    pub subtitles: Vec<SubtitleTrack>,
    /// What reading the original over the network took.
    pub fetched: Fetched,
}

/// Something about a result that is worth knowing, as one sentence by `Display`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Some packets could not be decoded.
    #[error("The file is damaged; pictures or sound may be missing (places: {places}).")]
    Damaged {
        /// Packets that the decoders refused.
        places: u64,
    },
    /// Less came out than the container announces.
    #[error("The file announces {declared_ms} ms of video, but {decoded_ms} ms are in it.")]
    Shorter {
        /// What the container announces, in milliseconds.
        declared_ms: u64,
        /// What came out, in milliseconds.
        decoded_ms: u64,
    },
    /// Subtitles that are pictures, or in a form that is not known.
    #[error("Subtitles that are not text are left out (tracks: {tracks}).")]
    SubtitlesUnreadable {
        /// How many tracks.
        tracks: usize,
    },
    /// Subtitles that ask for more than is allowed.
    #[error("The subtitles “{name}” are left out: {what} is more than {limit}.")]
    SubtitlesLimit {
        /// What the track is called.
        name: String,
        /// What is limited, with its unit.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Some of a track's subtitles could not be read.
    #[error("Some of the subtitles “{name}” could not be read (places: {places}).")]
    SubtitlesDamaged {
        /// What the track is called.
        name: String,
        /// Packets of which nothing could be made.
        places: u64,
    },
    /// The sound could not be decoded at all and is silence.
    #[error("The sound could not be decoded.")]
    SilentAudio,
}

/// One finished rendition: a fragmented MP4 that is a file to play and HLS media in one.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendition {
    /// `720p`.
    pub name: String,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// RFC 6381 names of what was written: `avc1.64001f,mp4a.40.2`.
    pub codecs: String,
    /// Measured peak in bit/s, by RFC 8216's definition.
    pub bandwidth_bps: u64,
    /// Measured mean in bit/s.
    pub average_bandwidth_bps: u64,
    /// Frames per second: the source's constant rate, or that of the busiest fragment.
    pub frame_rate: f64,
    /// Whether the pictures are the original's own, not encoded anew.
    pub copied: bool,
    /// Length of the file in bytes.
    pub len_bytes: u64,
    /// Length in bytes of the initialisation section at its start.
    pub init_len_bytes: u64,
    /// The segments, in order, without a gap between them.
    pub segments: Vec<Segment>,
    /// The IDR frames, in order.
    pub keyframes: Vec<Keyframe>,
}

/// A media segment: whole fragments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Decode time of its first picture in seconds.
    pub start_s: f64,
    /// Duration in seconds.
    pub duration_s: f64,
    /// Where it begins in the file.
    pub offset_bytes: u64,
    /// Its length.
    pub len_bytes: u64,
}

/// `poster.jpg`: one good picture, upright, at most 1280 pixels a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poster {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// When it is shown, in milliseconds.
    pub time_ms: u64,
}

/// `storyboard.vtt` and the sheets it names, `storyboard-0.jpg` and on: small pictures in rows, each
/// with the time from which it stands for the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storyboard {
    /// Time from one tile to the next, in milliseconds; each is the first picture shown from then on.
    pub interval_ms: u64,
    /// Width of a tile in pixels.
    pub tile_width_px: u32,
    /// Height of a tile in pixels.
    pub tile_height_px: u32,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of a full sheet; the last one may have fewer.
    pub rows: u32,
    /// Tiles on all sheets.
    pub tiles: u32,
}

/// An IDR frame: the byte range that shows it without the rest of its fragment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keyframe {
    /// Decode time in seconds.
    pub start_s: f64,
    /// Time to the next one, or to the end, in seconds.
    pub duration_s: f64,
    /// Where its `moof` begins in the file.
    pub offset_bytes: u64,
    /// Length of `moof`, `mdat` header and frame.
    pub len_bytes: u64,
}

/// Mean bitrate in bit/s of all segments; the file's head is no segment's.
pub(crate) fn mean_bandwidth_bps(segments: &[Segment]) -> u64 {
    rate(segments).1.ceil() as u64
}

/// Duration in seconds and bitrate in bit/s of a run of segments.
fn rate(run: &[Segment]) -> (f64, f64) {
    let duration_s: f64 = run.iter().map(|s| s.duration_s).sum();
    let bits = run.iter().map(|s| s.len_bytes).sum::<u64>() as f64 * 8.0;
    (duration_s, bits / duration_s.max(0.001))
}

/// Peak bitrate in bit/s: the largest of any run of segments that lasts between half and one and
/// a half target durations (RFC 8216bis §4.4.6.2); of the whole if there is no such run.
pub(crate) fn peak_bandwidth_bps(segments: &[Segment]) -> u64 {
    let longest_s = segments.iter().map(|s| s.duration_s).fold(0.0, f64::max);
    let target_s = longest_s.round().max(1.0);
    let runs = (0..segments.len()).flat_map(|from| {
        (from + 1..=segments.len())
            .map(move |to| rate(&segments[from..to]))
            .take_while(move |(duration_s, _)| *duration_s <= 1.5 * target_s)
    });
    let peak = runs
        .filter(|(duration_s, _)| *duration_s >= 0.5 * target_s)
        .map(|(_, bps)| bps)
        .fold(0.0, f64::max);
    if peak > 0.0 {
        peak.ceil() as u64
    } else {
        mean_bandwidth_bps(segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(of: &[(f64, u64)]) -> Vec<Segment> {
        of.iter()
            .map(|&(duration_s, len_bytes)| Segment {
                start_s: 0.0,
                duration_s,
                offset_bytes: 0,
                len_bytes,
            })
            .collect()
    }

    #[test]
    fn the_peak_is_the_heaviest_segment() {
        assert_eq!(
            peak_bandwidth_bps(&segments(&[(4.0, 1000), (4.0, 3000), (4.0, 500)])),
            6000
        );
    }

    #[test]
    fn a_short_tail_counts_only_with_its_neighbour() {
        assert_eq!(
            peak_bandwidth_bps(&segments(&[(4.0, 4000), (0.1, 1100)])),
            9952
        );
    }

    #[test]
    fn a_clip_shorter_than_half_a_target_is_taken_whole() {
        assert_eq!(peak_bandwidth_bps(&segments(&[(0.1, 100)])), 8000);
    }
}
