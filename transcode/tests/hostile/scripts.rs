//! Text that tells a player to open something else: playlists, manifests, session descriptions.

use transcode::{Error, InputError, Source};

use crate::canary::Canary;
use crate::oracle::make;
use crate::{attempt, in_memory};

struct Script {
    name: &'static str,
    text: String,
    /// Options with which ffprobe itself follows the reference; none where it never would.
    armed_by: Option<&'static str>,
}

fn scripts(target: &str) -> Vec<Script> {
    let script = |name, armed_by, text: String| Script {
        name,
        text,
        armed_by,
    };
    vec![
        script(
            "HLS",
            Some("-allowed_extensions ALL"),
            format!(
                "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n\
                 #EXT-X-ENDLIST\n"
            ),
        ),
        script(
            "HLS master",
            Some("-allowed_extensions ALL"),
            format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{target}\n"),
        ),
        script(
            "HLS with a key and an initialisation section",
            None,
            format!(
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"{target}\"\n\
                 #EXT-X-KEY:METHOD=AES-128,URI=\"{target}\"\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
            ),
        ),
        script(
            "concat",
            Some("-safe 0"),
            format!("ffconcat version 1.0\nfile '{target}'\n"),
        ),
        script(
            "DASH",
            Some("-allowed_extensions ALL"),
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
                 mediaPresentationDuration=\"PT1S\" profiles=\"urn:mpeg:dash:profile:full:2011\">\
                 <Period><AdaptationSet contentType=\"video\"><Representation id=\"1\" \
                 bandwidth=\"1000\"><BaseURL>{target}</BaseURL></Representation></AdaptationSet>\
                 </Period></MPD>"
            ),
        ),
        script(
            "WebM DASH",
            None,
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:DASH:schema:MPD:2011\" type=\"static\" \
                 profiles=\"urn:webm:dash:profile:webm-on-demand:2012\"><Period><AdaptationSet \
                 mimeType=\"video/webm\"><Representation id=\"1\"><BaseURL>{target}</BaseURL>\
                 <SegmentBase indexRange=\"0-100\"/></Representation></AdaptationSet></Period></MPD>"
            ),
        ),
        script(
            "SDP",
            None,
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={target}\nc=IN IP4 127.0.0.1\nt=0 0\n\
                 a=control:{target}\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
            ),
        ),
        script(
            "SMIL",
            None,
            format!("<smil><body><video src=\"{target}\"/><ref src=\"{target}\"/></body></smil>"),
        ),
        script(
            "ASX",
            None,
            format!("<asx version=\"3.0\"><entry><ref href=\"{target}\"/></entry></asx>"),
        ),
        script("RTSP text", None, format!("RTSPtext\n{target}\n")),
        script(
            "PLS",
            None,
            format!("[playlist]\nFile1={target}\nNumberOfEntries=1\n"),
        ),
        script(
            "XSPF",
            None,
            format!(
                "<?xml version=\"1.0\"?><playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\">\
                 <trackList><track><location>{target}</location></track></trackList></playlist>"
            ),
        ),
        script(
            "IMF composition",
            None,
            format!(
                "<?xml version=\"1.0\"?><CompositionPlaylist \
                 xmlns=\"http://www.smpte-ra.org/schemas/2067-3/2016\"><Id>urn:uuid:\
                 0eb3d1b9-b77b-4d3f-bbe5-7c69b15dca84</Id><ContentTitle>{target}</ContentTitle>\
                 <EditRate>25 1</EditRate><SegmentList/></CompositionPlaylist>"
            ),
        ),
        script(
            "IMF asset map",
            None,
            format!(
                "<?xml version=\"1.0\"?><AssetMap xmlns=\"http://www.smpte-ra.org/schemas/429-9/2007/AM\">\
                 <AssetList><Asset><ChunkList><Chunk><Path>{target}</Path></Chunk></ChunkList></Asset>\
                 </AssetList></AssetMap>"
            ),
        ),
        script(
            "SVG",
            None,
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"64\" height=\"48\">\
                 <image href=\"{target}\" width=\"64\" height=\"48\"/></svg>"
            ),
        ),
        script("AviSynth", None, format!("FFVideoSource(\"{target}\")\n")),
        script(
            "VobSub",
            None,
            format!("# VobSub index file, v7\nid: en, index: 0\n# {target}\n"),
        ),
    ]
}

#[test]
fn scripts_open_nothing() {
    let canary = Canary::new();
    for target in canary.targets() {
        for script in scripts(&target) {
            let bytes = script.text.as_bytes();
            let mut sources = vec![in_memory(bytes)];
            for extension in ["mp4", "avi", "webm", "m3u8", "mov"] {
                let path = canary.folder.path().join("video").with_extension(extension);
                std::fs::write(&path, bytes).unwrap();
                sources.push(Source::path(path).unwrap());
            }
            for source in sources {
                let attempt = attempt(source);
                canary.is_unharmed_by(&attempt, script.name);
                let refused = matches!(attempt.outcome, Err(Error::Input(InputError::NotAVideo)));
                assert!(refused, "{}: {:?}", script.name, attempt.outcome);
            }
        }
    }
}

/// Otherwise the test above would pass for files that harm nobody.
#[test]
fn the_scripts_work_where_nothing_stops_them() {
    let canary = Canary::new();
    let target = canary.file.to_str().unwrap();
    for script in scripts(target) {
        let Some(options) = script.armed_by else {
            continue;
        };
        let path = canary.folder.path().join("script");
        std::fs::write(&path, script.text).unwrap();
        let mut arguments = vec!["-protocol_whitelist", "file,crypto,data"];
        arguments.extend(options.split(' '));
        let name = script.name;
        assert!(canary.is_found_by(&arguments, &path), "{name}");
    }
}

/// Honest files, but of kinds that libav reads and AssetLab does not: each is one more parser.
#[test]
fn containers_that_are_not_asked_for_are_refused() {
    let canary = Canary::new();
    let video = "-f lavfi -i testsrc2=s=64x48:r=25:d=0.4";
    let sound = "-f lavfi -i sine=d=0.4";
    for (name, clip) in [
        ("clip.mxf", format!("{video} -c:v mpeg2video")),
        ("clip.gif", video.into()),
        ("clip.png", format!("{video} -frames:v 1")),
        ("clip.apng", format!("{video} -f apng")),
        ("clip.y4m", format!("{video} -pix_fmt yuv420p")),
        ("clip.nut", format!("{video} -c:v mpeg4")),
        ("clip.h264", format!("{video} -c:v libx264")),
        ("clip.ivf", format!("{video} -c:v libvpx")),
        ("clip.asf", format!("{video} -c:v msmpeg4")),
        ("clip.rm", format!("{video} -c:v rv20")),
        ("clip.wav", sound.into()),
        ("clip.mp3", sound.into()),
    ] {
        let path = make(canary.folder.path(), name, &clip);
        let attempt = attempt(in_memory(&std::fs::read(path).unwrap()));
        let refused = matches!(attempt.outcome, Err(Error::Input(InputError::NotAVideo)));
        assert!(refused, "{name}: {:?}", attempt.outcome);
    }
}
