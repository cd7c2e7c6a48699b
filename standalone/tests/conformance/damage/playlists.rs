//! Playlists that say what is not so.

use super::files::Files;
use super::{Damage, every_damage_is_told, every_one_is_told, good};

const MASTER: &str = "master.m3u8";
const MEDIA: &str = "90p.m3u8";
const IFRAMES: &str = "90p-iframes.m3u8";

const MASTERS: &[Damage] = &[
    ("it has no variant", |f| {
        f.write(MASTER, "#EXTM3U\n#EXT-X-VERSION:7\n".into());
    }),
    ("master.m3u8: its version is 5", |f| {
        f.replace(MASTER, "VERSION:7", "VERSION:5");
    }),
    ("master.m3u8: it has no EXT-X-INDEPENDENT-SEGMENTS", |f| {
        f.replace(MASTER, "#EXT-X-INDEPENDENT-SEGMENTS\n", "");
    }),
    ("its variants are not sorted by BANDWIDTH", |f| {
        f.rewrite(MASTER, "INF:BANDWIDTH=", 0, |_| "9999999".into());
    }),
    ("is above BANDWIDTH", |f| {
        f.rewrite(MASTER, "AVERAGE-BANDWIDTH=", 0, |_| "9999999".into());
    }),
    ("/90p.m3u8 is not a relative URI", |f| {
        f.replace(MASTER, "\n90p.m3u8", "\n/90p.m3u8");
    }),
    ("90p.m3u8: no EXT-X-I-FRAME-STREAM-INF leads", |f| {
        f.replace(MASTER, "90p-if", "180p-if");
    }),
    ("180p-iframes.m3u8: its I-frames are of no variant", |f| {
        f.replace(MASTER, "90p-if", "180p-if");
    }),
    ("90p.m3u8: it names signed URLs, but Cache-Control", |f| {
        let signed = f
            .text(MEDIA)
            .replace("90p.mp4", "90p.mp4?X-Amz-Signature=1");
        f.write(MEDIA, signed);
    }),
    ("90p.m3u8: BANDWIDTH is", |f| {
        scale(f, "INF:BANDWIDTH=", 0, 1.11);
    }),
    ("90p.m3u8: AVERAGE-BANDWIDTH is", |f| {
        scale(f, "AVERAGE-BANDWIDTH=", 0, 0.89);
    }),
    ("90p-iframes.m3u8: BANDWIDTH is", |f| {
        scale(f, "INF:BANDWIDTH=", 2, 0.89);
    }),
    ("90p-iframes.m3u8: AVERAGE-BANDWIDTH is", |f| {
        scale(f, "AVERAGE-BANDWIDTH=", 2, 1.11);
    }),
    ("90p.m3u8: CODECS is", |f| {
        f.rewrite(MASTER, "CODECS=\"avc1.6400", 0, |_| "1f".into());
    }),
    ("90p-iframes.m3u8: CODECS is", |f| {
        f.rewrite(MASTER, "CODECS=\"avc1.6400", 2, |level| {
            level.replace('"', ",mp4a.40.2\"")
        });
    }),
    ("90p.m3u8: RESOLUTION is", |f| {
        f.rewrite(MASTER, "RESOLUTION=", 0, |_| "160x92".into());
    }),
    ("90p.m3u8: FRAME-RATE is 24", |f| {
        f.replace(MASTER, "RATE=25", "RATE=24");
    }),
];

const MEDIA_PLAYLISTS: &[Damage] = &[
    ("90p.m3u8: it has no EXT-X-PLAYLIST-TYPE:VOD", |f| {
        f.replace(MEDIA, "PLAYLIST-TYPE:VOD", "PLAYLIST-TYPE:EVENT");
    }),
    ("90p.m3u8: it has no EXT-X-ENDLIST", |f| {
        f.replace(MEDIA, "#EXT-X-ENDLIST\n", "");
    }),
    ("90p.m3u8: it has no EXT-X-INDEPENDENT-SEGMENTS", |f| {
        f.replace(MEDIA, "#EXT-X-INDEPENDENT-SEGMENTS\n", "");
    }),
    ("90p.m3u8: it has no EXT-X-MAP", |f| {
        f.replace(MEDIA, "#EXT-X-MAP:", "# ");
    }),
    ("90p.m3u8: it has no segment", |f| {
        let text = f.text(MEDIA);
        let head = &text[..text.find("#EXT-X-BYTERANGE").unwrap()];
        f.write(MEDIA, format!("{head}#EXT-X-ENDLIST\n"));
    }),
    ("90p-iframes.m3u8: EXT-X-I-FRAMES-ONLY is missing", |f| {
        f.replace(IFRAMES, "#EXT-X-I-FRAMES-ONLY\n", "");
    }),
    (
        "90p.m3u8: EXT-X-I-FRAMES-ONLY is missing, or has no place",
        |f| {
            f.replace(MEDIA, "#EXT-X-MAP", "#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP");
        },
    ),
    ("90p.m3u8: its version is 5, it needs 6", |f| {
        f.replace(MEDIA, "VERSION:7", "VERSION:5");
    }),
    ("90p-iframes.m3u8: its version is 4, it needs 5", |f| {
        f.replace(IFRAMES, "VERSION:7", "VERSION:4");
    }),
    ("90p.m3u8: TARGETDURATION is 3", |f| {
        f.replace(MEDIA, "DURATION:4", "DURATION:3");
    }),
    ("90p.m3u8: TARGETDURATION is 5", |f| {
        f.replace(MEDIA, "DURATION:4", "DURATION:5");
    }),
    ("90p.m3u8: EXT-X-MAP is bytes 0 to", |f| {
        add_to_len(f, MEDIA, "BYTERANGE=\"", 0, 8);
    }),
    ("90p-iframes.m3u8: EXT-X-MAP is bytes 0 to", |f| {
        add_to_len(f, IFRAMES, "BYTERANGE=\"", 0, -8);
    }),
    ("90p.m3u8, segment 1: it begins at byte", |f| {
        add_to_len(f, MEDIA, "#EXT-X-BYTERANGE:", 0, -1);
    }),
    ("90p.m3u8, segment 0: bytes", |f| {
        add_to_len(f, MEDIA, "#EXT-X-BYTERANGE:", 0, -1);
    }),
    ("90p.m3u8: the last segment ends at byte", |f| {
        f.bytes("90p.mp4").extend(*b"\0\0\0\x08mfra");
    }),
    (
        "90p.m3u8, segment 0: EXTINF is 4.1 s, its pictures last 4 s",
        |f| {
            f.replace(MEDIA, "EXTINF:4,", "EXTINF:4.1,");
        },
    ),
    (
        "90p.m3u8, segment 1: the EXTINF before it add up to 4.1 s",
        |f| {
            f.replace(MEDIA, "EXTINF:4,", "EXTINF:4.1,");
        },
    ),
    ("90p.m3u8: EXTINF add up to", |f| {
        f.replace(MEDIA, "EXTINF:4,", "EXTINF:4.1,");
    }),
    (
        "90p-iframes.m3u8: it lists 2 I-frames, the file has 3",
        |f| {
            let text = f.text(IFRAMES);
            let last = text.rfind("#EXT-X-BYTERANGE").unwrap();
            f.write(IFRAMES, format!("{}#EXT-X-ENDLIST\n", &text[..last]));
        },
    ),
    ("90p-iframes.m3u8, I-frame 1: its bytes are", |f| {
        add_to_len(f, IFRAMES, "#EXT-X-BYTERANGE:", 1, -1);
    }),
    (
        "90p-iframes.m3u8, I-frame 0: EXTINF is 2.1 s, it stands for 2 s",
        |f| {
            f.replace(IFRAMES, "EXTINF:2,", "EXTINF:2.1,");
        },
    ),
];

fn scale(files: &mut Files, attribute: &str, number: usize, by: f64) {
    files.rewrite(MASTER, attribute, number, |value| {
        let value: f64 = value.parse().unwrap();
        format!("{:.0}", value * by)
    });
}

fn add_to_len(files: &mut Files, name: &str, tag: &str, number: usize, more: i64) {
    files.rewrite(name, tag, number, |range| {
        let (len, offset) = range.split_once('@').unwrap();
        format!("{}@{offset}", len.parse::<i64>().unwrap() + more)
    });
}

#[tokio::test]
async fn a_master_that_is_wrong_is_told() {
    every_damage_is_told(MASTERS).await;
}

#[tokio::test]
async fn a_media_playlist_that_is_wrong_is_told() {
    every_damage_is_told(MEDIA_PLAYLISTS).await;
}

#[tokio::test]
async fn rungs_that_do_not_agree_are_told() {
    let other = "-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=5";
    let other = Files::transcoded(other);
    let mut mixed = good();
    for (name, bytes) in other.by_name {
        if name.starts_with("180p") {
            mixed.by_name.insert(name, bytes);
        }
    }
    let told = [
        "180p.m3u8: its segments start at",
        "180p.m3u8: its IDR frames are at",
        "180p.m3u8: its sound is false",
    ];
    every_one_is_told(told.into_iter().map(|tells| (tells, mixed.clone()))).await;
}
