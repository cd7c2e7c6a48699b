//! Media and I-frame playlists, alone and against the file that they cut into ranges.

use crate::hls::MediaPlaylist;
use crate::mp4::File;
use crate::package::{Iframes, Rung};
use crate::violations::Violations;

/// EXTINF is written with the digits of a 32-bit float.
pub(super) const ROUNDING_S: f64 = 0.001;

pub(super) fn check(rung: &Rung, violations: &mut Violations) {
    let iframes = rung.iframes.iter().map(|i| (&i.name, &i.playlist, true));
    for (name, playlist, i_frames_only) in
        std::iter::once((&rung.name, &rung.playlist, false)).chain(iframes)
    {
        let mut require = |holds: bool, what: &str| {
            violations.require(holds, name, || what.to_owned());
        };
        require(playlist.is_vod, "it has no EXT-X-PLAYLIST-TYPE:VOD");
        require(playlist.ends, "it has no EXT-X-ENDLIST");
        require(
            playlist.independent_segments,
            "it has no EXT-X-INDEPENDENT-SEGMENTS",
        );
        require(playlist.map.is_some(), "it has no EXT-X-MAP");
        require(!playlist.segments.is_empty(), "it has no segment");
        require(
            playlist.i_frames_only == i_frames_only,
            "EXT-X-I-FRAMES-ONLY is missing, or has no place in it",
        );
        let needed = playlist.needed_version();
        violations.require(playlist.version >= needed, name, || {
            format!("its version is {}, it needs {needed}", playlist.version)
        });
        target_duration(name, playlist, violations);
    }
}

/// §4.4.3.1: no EXTINF, rounded to the nearest integer, is larger; and players size buffers by it.
fn target_duration(name: &str, playlist: &MediaPlaylist, violations: &mut Violations) {
    let durations = playlist.segments.iter().map(|s| s.duration_s);
    let longest_s = durations.fold(0.0, f64::max);
    let expected = (longest_s.round() as u64).max(1);
    let target = playlist.target_duration_s;
    violations.require(target == expected, name, || {
        format!(
            "TARGETDURATION is {target}, for a longest segment of {longest_s} s it is {expected}"
        )
    });
}

pub(super) fn check_against_file(rung: &Rung, file: &File, violations: &mut Violations) {
    let name = &rung.name;
    map(name, &rung.playlist, file, violations);
    let (starts_s, idr_times_s) = (rung.playlist.starts_s(), file.idr_times_s());
    let mut end = file.fragments[0].start;
    for (number, segment) in rung.playlist.segments.iter().enumerate() {
        let place = format!("{name}, segment {number}");
        let (from, to) = (
            segment.range.offset_bytes as usize,
            segment.range.end() as usize,
        );
        violations.require(from == end, &place, || {
            format!("it begins at byte {from}, what is before it ends at {end}")
        });
        end = to;
        let fragments = &file.fragments;
        let first = fragments.iter().position(|f| f.start == from);
        let last = fragments.iter().position(|f| f.end == to);
        let (Some(first), Some(last)) = (first, last) else {
            violations.add(
                &place,
                format!("bytes {from} to {to} are not whole fragments"),
            );
            continue;
        };
        let parts = fragments.get(first..=last).unwrap_or_default().iter();
        let ticks: u64 = parts
            .filter_map(|fragment| fragment.track(file.video.id))
            .map(|part| part.duration_ticks())
            .sum();
        let exact_s = file.video.seconds(ticks as i64);
        let said_s = segment.duration_s;
        violations.require((said_s - exact_s).abs() <= ROUNDING_S, &place, || {
            format!("EXTINF is {said_s} s, its pictures last {exact_s} s")
        });
        let video = fragments[first].track(file.video.id);
        let tfdt_s = video.map_or(0.0, |part| file.video.seconds(part.tfdt as i64));
        let sum_s = starts_s[number];
        violations.require((tfdt_s - sum_s).abs() <= ROUNDING_S, &place, || {
            format!("the EXTINF before it add up to {sum_s} s, its video tfdt is {tfdt_s} s")
        });
        let shown_s = idr_times_s.get(first).copied().unwrap_or(f64::NAN);
        let frame_s = frame_s(file, first);
        violations.require((shown_s - sum_s).abs() <= frame_s, &place, || {
            format!("the EXTINF before it add up to {sum_s} s, it is shown from {shown_s} s on")
        });
    }
    let file_len = rung.file_len_bytes;
    violations.require(file_len == Some(end as u64), name, || {
        format!("the last segment ends at byte {end}, the file at {file_len:?}")
    });
    let sum_s = starts_s.last().copied().unwrap_or(0.0);
    let exact_s = file.duration_s(&file.video);
    violations.require((sum_s - exact_s).abs() <= ROUNDING_S, name, || {
        format!("EXTINF add up to {sum_s} s, the pictures last {exact_s} s")
    });
    if let Some(iframes) = &rung.iframes {
        check_iframes(iframes, file, violations);
    }
}

/// The initialisation section is `ftyp` and `moov`, and ends before the `free` box.
fn map(name: &str, playlist: &MediaPlaylist, file: &File, violations: &mut Violations) {
    let Some((_, map)) = playlist.map else {
        return;
    };
    let init_len = file
        .boxes
        .iter()
        .find(|b| b.kind == "moov")
        .map_or(0, |b| b.end);
    let holds = map.offset_bytes == 0 && map.end() == init_len as u64;
    violations.require(holds, name, || {
        format!(
            "EXT-X-MAP is bytes {} to {}, ftyp and moov are 0 to {init_len}",
            map.offset_bytes,
            map.end()
        )
    });
}

/// Every IDR frame is there, from its `moof` to its last byte, for as long as it stands (§4.4.3.6).
fn check_iframes(iframes: &Iframes, file: &File, violations: &mut Violations) {
    let Iframes { name, playlist, .. } = iframes;
    map(name, playlist, file, violations);
    let (listed, there) = (playlist.segments.len(), file.fragments.len());
    violations.require(listed == there, name, || {
        format!("it lists {listed} I-frames, the file has {there} IDR frames")
    });
    let mut times_s = file.idr_times_s();
    times_s.push(file.duration_s(&file.video));
    for (number, segment) in playlist.segments.iter().enumerate().take(there) {
        let place = format!("{name}, I-frame {number}");
        let fragment = &file.fragments[number];
        let idr = fragment
            .track(file.video.id)
            .and_then(|t| t.samples.first());
        let expected = (fragment.start, idr.map_or(0, |idr| idr.end()));
        let range = segment.range;
        let said = (range.offset_bytes as usize, range.end() as usize);
        violations.require(said == expected, &place, || {
            format!(
                "its bytes are {said:?}, from moof to the IDR frame's end they are {expected:?}"
            )
        });
        if let [from_s, to_s, ..] = times_s[number..] {
            let (said_s, exact_s) = (segment.duration_s, to_s - from_s);
            let frame_s = frame_s(file, number);
            violations.require((said_s - exact_s).abs() <= frame_s, &place, || {
                format!("EXTINF is {said_s} s, it stands for {exact_s} s")
            });
        }
    }
}

/// How long the longest picture of a fragment stands: where pictures come at varying distances and
/// out of order, decode times and times of display differ by less.
fn frame_s(file: &File, fragment: usize) -> f64 {
    let part = file.fragments[fragment].track(file.video.id);
    let samples = part.map_or(&[][..], |part| &part.samples);
    let longest = samples.iter().map(|sample| sample.duration_ticks).max();
    file.video.seconds(longest.unwrap_or(0).into()) + ROUNDING_S
}
