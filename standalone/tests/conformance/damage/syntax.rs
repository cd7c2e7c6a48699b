//! Playlists that are written badly.

use super::{Damage, every_damage_is_told};

const MASTER: &str = "master.m3u8";
const MEDIA: &str = "90p.m3u8";

const SYNTAX: &[Damage] = &[
    ("its first line is not #EXTM3U", |f| {
        f.replace(MEDIA, "#EXTM3U", "#EXTM3U8");
    }),
    ("byte order mark", |f| {
        f.replace(MEDIA, "#EXTM3U", "\u{feff}#EXTM3U");
    }),
    ("its last line has no end", |f| {
        f.replace(MEDIA, "ENDLIST\n", "ENDLIST");
    }),
    ("control characters or white space", |f| {
        f.replace(MEDIA, "\n90p.mp4\n", "\n90p.mp4 \n");
    }),
    ("it is not UTF-8", |f| f.bytes(MEDIA).extend(b"#\xff\n")),
    ("\"4e0\" is no decimal floating-point", |f| {
        f.replace(MEDIA, "EXTINF:4,", "EXTINF:4e0,");
    }),
    ("\"+4\" is no decimal integer", |f| {
        f.replace(MEDIA, "TARGETDURATION:4", "TARGETDURATION:+4");
    }),
    ("EXTINF:4 has no comma", |f| {
        f.replace(MEDIA, "EXTINF:4,", "EXTINF:4");
    }),
    ("segment 0 (90p.mp4) has no EXTINF", |f| {
        f.replace(MEDIA, "#EXTINF:4,\n", "");
    }),
    ("segment 0 has no EXT-X-BYTERANGE", |f| {
        f.replace(MEDIA, "#EXT-X-BYTERANGE:", "# ");
    }),
    ("segment 0 has nothing to continue from", |f| {
        f.rewrite(MEDIA, "#EXT-X-BYTERANGE:", 0, |range| {
            range.split('@').next().unwrap().into()
        });
    }),
    ("no URI follows the last segment's tags", |f| {
        f.replace(MEDIA, "#EXT-X-ENDLIST", "#EXTINF:4,\n#EXT-X-ENDLIST");
    }),
    ("something follows EXT-X-ENDLIST", |f| {
        f.replace(MEDIA, "ENDLIST\n", "ENDLIST\n90p.mp4\n");
    }),
    ("EXT-X-VERSION is there twice", |f| {
        f.replace(MEDIA, "#EXT-X-I", "#EXT-X-VERSION:7\n#EXT-X-I");
    }),
    ("EXT-X-MEDIA-SEQUENCE stands after the first segment", |f| {
        f.replace(
            MEDIA,
            "#EXT-X-ENDLIST",
            "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ENDLIST",
        );
    }),
    ("EXT-X-TARGETDURATION is missing", |f| {
        f.replace(MEDIA, "#EXT-X-TARGETDURATION:4\n", "");
    }),
    ("EXT-X-DISCONTINUITY has no place in a media", |f| {
        f.replace(
            MEDIA,
            "#EXT-X-ENDLIST",
            "#EXT-X-DISCONTINUITY\n#EXT-X-ENDLIST",
        );
    }),
    ("EXT-X-PLAYLIST-TYPE:EVENT has no place", |f| {
        f.replace(MEDIA, "TYPE:VOD", "TYPE:EVENT");
    }),
    ("more than one EXT-X-MAP", |f| {
        f.replace(
            MEDIA,
            "#EXT-X-ENDLIST",
            "#EXT-X-MAP:URI=\"90p.mp4\"\n#EXT-X-ENDLIST",
        );
    }),
    ("EXT-X-MAP without URI", |f| {
        f.replace(MEDIA, "MAP:URI=", "MAP:URL=");
    }),
    ("EXT-X-MAP without BYTERANGE", |f| {
        f.replace(MEDIA, "BYTERANGE=", "BYTERANGES=");
    }),
    ("EXT-X-MAP: BYTERANGE=", |f| {
        f.replace(MEDIA, "@0\"", "@0");
        f.replace(MEDIA, "BYTERANGE=\"", "BYTERANGE=");
    }),
    ("EXT-X-SESSION-DATA has no place in a master", |f| {
        f.replace(MASTER, "#EXT-X-I", "#EXT-X-SESSION-DATA:X=1\n#EXT-X-I");
    }),
    (
        "EXT-X-VERSION or EXT-X-INDEPENDENT-SEGMENTS is not there once",
        |f| {
            f.replace(MASTER, "#EXT-X-VERSION:7\n", "");
        },
    ),
    ("no EXT-X-STREAM-INF stands before 90p.m3u8", |f| {
        f.replace(MASTER, "\n90p.m3u8", "\n90p.m3u8\n90p.m3u8");
    }),
    ("no URI follows an EXT-X-STREAM-INF", |f| {
        f.replace(MASTER, "\n90p.m3u8", "");
    }),
    ("no URI follows an EXT-X-STREAM-INF", |f| {
        f.bytes(MASTER).extend(b"#EXT-X-STREAM-INF:BANDWIDTH=1\n");
    }),
    ("FRAME-RATE has no place in EXT-X-I-FRAME-STREAM-INF", |f| {
        f.replace(
            MASTER,
            "I-FRAME-STREAM-INF:",
            "I-FRAME-STREAM-INF:FRAME-RATE=25,",
        );
    }),
    ("EXT-X-STREAM-INF without BANDWIDTH", |f| {
        f.rewrite(MASTER, "INF:", 0, |_| String::new());
        f.replace(MASTER, "INF:,", "INF:");
    }),
    ("BANDWIDTH is there twice", |f| {
        f.replace(MASTER, "AVERAGE-BANDWIDTH=", "BANDWIDTH=");
    }),
    ("CODECS=avc1.64000b has no quotes", |f| {
        f.rewrite(MASTER, "CODECS=", 2, |codecs| codecs.replace('"', ""));
    }),
    ("the quotes of URI are not closed", |f| {
        f.replace(MASTER, "-iframes.m3u8\"", "-iframes.m3u8");
    }),
    ("no comma follows the value of CODECS", |f| {
        f.replace(MASTER, "\",RESOLUTION", "\"RESOLUTION");
    }),
    ("RESOLUTION=160 is no resolution", |f| {
        f.replace(MASTER, "160x90", "160");
    }),
    ("is no attribute's name", |f| {
        f.replace(MASTER, ",FRAME-RATE", ", FRAME-RATE");
    }),
    ("\"FRAME-RATE\" is no attribute", |f| {
        f.replace(MASTER, "FRAME-RATE=25", "FRAME-RATE");
    }),
    ("EXT-X-STREAM-INF without FRAME-RATE", |f| {
        f.replace(MASTER, ",FRAME-RATE=25", "");
    }),
    ("EXT-X-STREAM-INF without RESOLUTION", |f| {
        f.replace(MASTER, ",RESOLUTION=160x90", "");
    }),
    ("EXT-X-I-FRAME-STREAM-INF without URI", |f| {
        f.replace(MASTER, ",URI=\"90p-iframes.m3u8\"", "");
    }),
];

#[tokio::test]
async fn bad_syntax_is_told() {
    every_damage_is_told(SYNTAX).await;
}
