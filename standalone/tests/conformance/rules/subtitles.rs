//! Subtitles: their group in the master (RFC 8216bis §4.4.6.1, §4.4.6.2), their playlists and their text.

use std::collections::BTreeSet;

use super::playlist::ROUNDING_S;
use crate::hls::cues;
use crate::package::{Package, Subtitles};
use crate::violations::Violations;

const MASTER: &str = "master.m3u8";

/// EXTINF of hours has the digits of a 32-bit float, too.
const LONG_ROUNDING_S: f64 = 2.0 * ROUNDING_S;

pub(super) fn check(package: &Package, violations: &mut Violations) {
    group(package, violations);
    let duration_s = package.rungs.first().map(|rung| {
        let durations = rung.playlist.segments.iter().map(|s| s.duration_s);
        durations.sum::<f64>()
    });
    for subtitles in &package.subtitles {
        playlist(subtitles, duration_s.unwrap_or(0.0), violations);
        text(subtitles, violations);
    }
}

fn group(package: &Package, violations: &mut Violations) {
    let renditions = &package.master.subtitles;
    let groups: BTreeSet<&str> = renditions.iter().map(|r| r.group.as_str()).collect();
    for variant in &package.master.variants {
        let named = variant.subtitles.as_deref();
        let is_known = named.is_none_or(|group| groups.contains(group));
        violations.require(is_known, MASTER, || {
            format!(
                "{} names the group {named:?}, which is not there",
                variant.uri
            )
        });
        // 4.4.6.2.1: what one variant has, all have.
        violations.require(named.is_some() || groups.is_empty(), MASTER, || {
            format!("{} names no SUBTITLES, and there are some", variant.uri)
        });
    }
    let (mut names, mut purposes) = (BTreeSet::new(), BTreeSet::new());
    for rendition in renditions {
        let name = &rendition.name;
        violations.require(names.insert((&rendition.group, name)), MASTER, || {
            format!("two subtitles have the NAME {name:?}")
        });
        let purpose = (&rendition.group, &rendition.language, rendition.forced);
        let is_new = !rendition.autoselect || purposes.insert(purpose);
        violations.require(is_new, MASTER, || {
            format!("{name:?} is not the only one of its LANGUAGE with AUTOSELECT=YES")
        });
        let is_chosen = rendition.autoselect || !rendition.default;
        violations.require(is_chosen, MASTER, || {
            format!("{name:?} has DEFAULT=YES without AUTOSELECT=YES")
        });
        let language = rendition.language.as_deref();
        violations.require(language.is_none_or(is_tag), MASTER, || {
            format!("LANGUAGE of {name:?} is {language:?}, no tag of BCP 47")
        });
        let uri = &rendition.uri;
        let is_beside = !uri.contains(':') && !uri.starts_with('/');
        violations.require(is_beside, MASTER, || format!("{uri} is not a relative URI"));
    }
    let defaults = renditions.iter().filter(|r| r.default).count();
    violations.require(defaults <= 1, MASTER, || {
        format!("{defaults} subtitles have DEFAULT=YES")
    });
}

/// A language of two or three letters, then subtags.
fn is_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let language = subtags.next().unwrap_or_default();
    let is_language = language.len() <= 3 && language.bytes().all(|b| b.is_ascii_lowercase());
    let mut others = subtags.map(|subtag| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    language.len() >= 2 && is_language && others.all(|is_subtag| is_subtag)
}

fn playlist(subtitles: &Subtitles, duration_s: f64, violations: &mut Violations) {
    let Subtitles { name, playlist, .. } = subtitles;
    let mut require = |holds: bool, what: &str| {
        violations.require(holds, name, || what.to_owned());
    };
    require(playlist.is_vod, "it has no EXT-X-PLAYLIST-TYPE:VOD");
    require(playlist.ends, "it has no EXT-X-ENDLIST");
    require(playlist.version >= 3, "EXTINF with a point needs version 3");
    require(!playlist.segments.is_empty(), "it has no segment");
    let durations = playlist.segments.iter().map(|(_, duration_s)| *duration_s);
    let (sum_s, longest_s) = (
        durations.clone().sum::<f64>(),
        durations.fold(0.0, f64::max),
    );
    let (target, expected) = (
        playlist.target_duration_s,
        (longest_s.round() as u64).max(1),
    );
    violations.require(target == expected, name, || {
        format!(
            "TARGETDURATION is {target}, for a longest segment of {longest_s} s it is {expected}"
        )
    });
    let is_as_long = (sum_s - duration_s).abs() <= LONG_ROUNDING_S;
    violations.require(is_as_long, name, || {
        format!("its segments last {sum_s} s, those of the pictures {duration_s} s")
    });
}

fn text(subtitles: &Subtitles, violations: &mut Violations) {
    let mut until_s = 0.0;
    for (answer, (uri, duration_s)) in subtitles.texts.iter().zip(&subtitles.playlist.segments) {
        let place = format!("{}, {uri}", subtitles.name);
        let content_type = answer.header("content-type");
        let content_type = content_type.split(';').next().unwrap_or_default();
        violations.require(answer.status == 200, &place, || {
            format!("the answer is {}, not 200", answer.status)
        });
        violations.require(content_type == "text/vtt", &place, || {
            format!("the content type is {content_type:?}, not text/vtt")
        });
        let Ok(document) = std::str::from_utf8(&answer.body) else {
            violations.add(&place, "it is not UTF-8");
            continue;
        };
        let (cues, wrong) = cues(document);
        violations.add_all(&place, wrong);
        violations.require(!cues.is_empty(), &place, || "it has no cue".into());
        let are_sorted = cues.is_sorted_by_key(|cue| cue.start_ms);
        violations.require(are_sorted, &place, || {
            "its cues are not in the order of their starts".into()
        });
        until_s += duration_s;
        let until_ms = (until_s * 1000.0).ceil() as u64;
        for cue in cues {
            violations.require(cue.start_ms < cue.end_ms, &place, || {
                format!(
                    "a cue begins at {} ms and ends at {} ms",
                    cue.start_ms, cue.end_ms
                )
            });
            violations.require(cue.end_ms <= until_ms, &place, || {
                format!(
                    "a cue ends at {} ms, the video at {until_ms} ms",
                    cue.end_ms
                )
            });
        }
    }
}
