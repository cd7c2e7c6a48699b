//! Subtitles that say what is not so, or in a way that players do not read.

use std::sync::OnceLock;

use super::files::Files;
use super::{Damage, every_one_is_told, fetch};
use crate::rules;

const MASTER: &str = "master.m3u8";
const PLAYLIST: &str = "subtitles-0.m3u8";
const TEXT: &str = "subtitles-0.vtt";

/// Two rungs of six seconds with two tracks of subtitles.
fn good() -> Files {
    static GOOD: OnceLock<Files> = OnceLock::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
    let clip = format!(
        "-i {fixtures}/subtitles.mkv -map 0:v -map 0:s:0 -map 0:s:1 -s 320x180 -c:s copy -f matroska"
    );
    GOOD.get_or_init(|| Files::transcoded(&clip)).clone()
}

const DAMAGES: &[Damage] = &[
    ("master.m3u8: EXT-X-MEDIA of Some(\"AUDIO\")", |f| {
        f.replace(MASTER, "TYPE=SUBTITLES", "TYPE=AUDIO");
    }),
    ("master.m3u8: EXT-X-MEDIA without GROUP-ID", |f| {
        f.replace(MASTER, "GROUP-ID=\"subtitles\",", "");
    }),
    ("master.m3u8: CHANNELS has no place in EXT-X-MEDIA", |f| {
        f.replace(MASTER, "FORCED=YES", "FORCED=YES,CHANNELS=\"2\"");
    }),
    ("master.m3u8: FORCED=MAYBE is neither YES nor NO", |f| {
        f.replace(MASTER, "FORCED=YES", "FORCED=MAYBE");
    }),
    (
        "names the group Some(\"others\"), which is not there",
        |f| {
            f.replace(MASTER, "SUBTITLES=\"subtitles\"", "SUBTITLES=\"others\"");
        },
    ),
    ("180p.m3u8 names no SUBTITLES, and there are some", |f| {
        let text = f.text(MASTER);
        let at = text.rfind(",SUBTITLES=\"subtitles\"").unwrap();
        let rest = &text[at + ",SUBTITLES=\"subtitles\"".len()..];
        f.write(MASTER, format!("{}{rest}", &text[..at]));
    }),
    ("two subtitles have the NAME \"English\"", |f| {
        f.rewrite(MASTER, ",NAME=", 1, |_| "\"English\"".into());
    }),
    (
        "\"German (forced)\" is not the only one of its LANGUAGE with AUTOSELECT=YES",
        |f| {
            f.rewrite(MASTER, "LANGUAGE=", 1, |_| "\"en\"".into());
            f.replace(MASTER, ",FORCED=YES", "");
        },
    ),
    ("\"English\" has DEFAULT=YES without AUTOSELECT=YES", |f| {
        f.replace(MASTER, "DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES");
    }),
    ("LANGUAGE of \"English\" is Some(\"eng_US\")", |f| {
        f.rewrite(MASTER, "LANGUAGE=", 0, |_| "\"eng_US\"".into());
    }),
    ("/subtitles-0.m3u8 is not a relative URI", |f| {
        f.replace(MASTER, "\"subtitles-0.m3u8", "\"/subtitles-0.m3u8");
    }),
    ("2 subtitles have DEFAULT=YES", |f| {
        f.rewrite(MASTER, "AUTOSELECT=", 1, |yes| format!("{yes},DEFAULT=YES"));
    }),
    ("subtitles-0.m3u8: it has no EXT-X-PLAYLIST-TYPE:VOD", |f| {
        f.replace(PLAYLIST, "#EXT-X-PLAYLIST-TYPE:VOD\n", "");
    }),
    ("subtitles-0.m3u8: it has no EXT-X-ENDLIST", |f| {
        f.replace(PLAYLIST, "#EXT-X-ENDLIST\n", "");
    }),
    (
        "subtitles-0.m3u8: EXTINF with a point needs version 3",
        |f| {
            f.replace(PLAYLIST, "VERSION:7", "VERSION:2");
        },
    ),
    ("subtitles-0.m3u8: it has no segment", |f| {
        f.replace(PLAYLIST, "\nsubtitles-0.vtt", "");
    }),
    ("subtitles-0.m3u8: TARGETDURATION is 5", |f| {
        f.replace(PLAYLIST, "TARGETDURATION:6", "TARGETDURATION:5");
    }),
    ("subtitles-0.m3u8: its segments last 5.5 s", |f| {
        f.rewrite(PLAYLIST, "EXTINF:", 0, |_| "5.5".into());
    }),
    ("subtitles-0.m3u8: EXT-X-BYTERANGE has no place", |f| {
        f.replace(PLAYLIST, "#EXTINF", "#EXT-X-BYTERANGE:5@0\n#EXTINF");
    }),
    ("subtitles-0.vtt: the answer is 404", |f| {
        f.by_name.remove(TEXT);
    }),
    ("subtitles-0.vtt: the content type is \"video/mp4\"", |f| {
        f.manners = |name, _, answer| {
            if name == TEXT {
                let html = axum::http::HeaderValue::from_static("video/mp4");
                answer.headers_mut().insert("content-type", html);
            }
        };
    }),
    ("subtitles-0.vtt: it is not UTF-8", |f| {
        f.bytes(TEXT).push(0xff);
    }),
    ("subtitles-0.vtt: its header is", |f| {
        f.replace(
            TEXT,
            "WEBVTT",
            "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000",
        );
    }),
    ("subtitles-0.vtt: it has no cue", |f| {
        f.write(TEXT, "WEBVTT\n".into());
    }),
    (
        "\"00:00:0.500 --> 00:00:02,000\" is no time of a cue",
        |f| retime(f, 0, "00:00:0.500 --> 00:00:02,000"),
    ),
    ("says nothing", |f| {
        f.replace(TEXT, "It goes on beyond the end", "");
    }),
    ("holds \"font\", which is no tag of ours", |f| {
        f.replace(TEXT, "&amp;", "<font>");
    }),
    ("holds an arrow", |f| {
        f.replace(TEXT, "--&gt;", "-->");
    }),
    ("its cues are not in the order of their starts", |f| {
        retime(f, 2, "00:00:00.100 --> 00:00:05.000");
    }),
    ("a cue begins at 2500 ms and ends at 2000 ms", |f| {
        retime(f, 0, "00:00:02.500 --> 00:00:02.000");
    }),
    ("a cue ends at 9000 ms, the video at", |f| {
        retime(f, 2, "00:00:05.000 --> 00:00:09.000");
    }),
];

/// Gives a cue other times.
fn retime(files: &mut Files, number: usize, times: &str) {
    files.rewrite(TEXT, "\n\n", number, |_| times.to_owned());
}

#[tokio::test]
async fn subtitles_that_are_wrong_are_told() {
    let damaged = DAMAGES.iter().map(|(tells, how)| {
        let mut files = good();
        how(&mut files);
        (*tells, files)
    });
    every_one_is_told(damaged).await;
}

#[tokio::test]
async fn the_subtitles_to_be_damaged_are_good() {
    let none: Vec<String> = Vec::new();
    let package = fetch(good()).await;
    assert_eq!(package.subtitles.len(), 2);
    assert_eq!(rules::check(package).await, none);
}
