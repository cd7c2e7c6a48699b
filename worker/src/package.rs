//! From what `transcode` reports to what `store` packages: the one place that knows both.

use std::io;
use std::path::Path;

use store::{
    Extras, InvalidName, Outcome, Poster, SourceSummary, Storyboard, SubtitleTrack, package,
};
use transcode::Report;

/// The renditions of a report, as the store's playlists and statuses need them.
///
/// # Errors
/// If a rendition's name is no rung's: the sink has refused such a one before.
pub fn renditions(report: &Report) -> Result<Vec<package::Rendition>, InvalidName> {
    report.renditions.iter().map(rendition).collect()
}

/// The subtitles of a report, likewise.
#[must_use]
pub fn subtitles(report: &Report) -> Vec<SubtitleTrack> {
    let tracks = (0..).zip(&report.subtitles);
    let track = |(index, track): (u32, &transcode::SubtitleTrack)| SubtitleTrack {
        index,
        language: track.language.clone(),
        name: track.name.clone(),
        default: track.is_default,
        forced: track.is_forced,
    };
    tracks.map(track).collect()
}

/// What the commit point says of a report.
#[must_use]
pub fn outcome(report: &Report, renditions: &[package::Rendition]) -> Outcome {
    let video = &report.source.video;
    Outcome {
        duration_ms: report.duration_ms,
        warnings: report.warnings.iter().map(ToString::to_string).collect(),
        source: SourceSummary {
            container: report.source.container.clone(),
            video_codec: video.codec.clone(),
            audio_codec: report
                .source
                .audio
                .as_ref()
                .map(|audio| audio.codec.clone()),
            width: video.width_px,
            height: video.height_px,
            frame_rate: video.cadence.frame_rate().as_f64(),
        },
        renditions: renditions.iter().map(package::Rendition::summary).collect(),
        extras: extras(report),
    }
}

fn extras(report: &Report) -> Extras {
    Extras {
        poster: report.poster.map(|poster| Poster {
            width: poster.width_px,
            height: poster.height_px,
        }),
        storyboard: report.storyboard.map(|board| Storyboard {
            interval_ms: board.interval_ms,
            tile_width: board.tile_width_px,
            tile_height: board.tile_height_px,
            columns: board.columns,
            rows: board.rows,
            tiles: board.tiles,
        }),
        subtitles: subtitles(report),
    }
}

/// Writes the playlists beside the MP4 files in `folder`, which makes it a package that any web
/// server can play. Returns the path of the master playlist.
///
/// # Errors
/// What the file system says.
pub fn write_playlists(folder: &Path, report: &Report) -> io::Result<std::path::PathBuf> {
    let renditions = renditions(report).map_err(io::Error::other)?;
    for (name, text) in package::playlists(&renditions, &subtitles(report)) {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(folder.join(package::MASTER_NAME))
}

fn rendition(from: &transcode::Rendition) -> Result<package::Rendition, InvalidName> {
    let segment = |segment: &transcode::Segment| package::Range {
        duration_s: segment.duration_s,
        offset_bytes: segment.offset_bytes,
        len_bytes: segment.len_bytes,
    };
    let keyframe = |keyframe: &transcode::Keyframe| package::Range {
        duration_s: keyframe.duration_s,
        offset_bytes: keyframe.offset_bytes,
        len_bytes: keyframe.len_bytes,
    };
    Ok(package::Rendition {
        name: from.name.parse()?,
        width: from.width_px,
        height: from.height_px,
        codecs: from.codecs.clone(),
        bandwidth_bps: from.bandwidth_bps,
        average_bandwidth_bps: from.average_bandwidth_bps,
        frame_rate: from.frame_rate,
        len_bytes: from.len_bytes,
        init_len_bytes: from.init_len_bytes,
        copied: from.copied,
        segments: from.segments.iter().map(segment).collect(),
        keyframes: from.keyframes.iter().map(keyframe).collect(),
    })
}
