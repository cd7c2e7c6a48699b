//! What is no video is refused by name, and nothing is opened on its behalf.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use std::io::Cursor;
use std::net::TcpListener;

use oracle::make;
use tempfile::tempdir;
use transcode::{Control, Error, InputError, MemorySink, Options, Report, Source};

fn refuse(bytes: impl Into<Vec<u8>>) -> Error {
    run(bytes).expect_err("this must not become a video")
}

fn run(bytes: impl Into<Vec<u8>>) -> Result<Report, Error> {
    let source = Source::reader(Cursor::new(bytes.into())).unwrap();
    transcode::transcode(
        source,
        &Options::default(),
        &MemorySink::new(),
        &Control::default(),
    )
}

fn is_no_video(error: &Error) -> bool {
    matches!(error, Error::Input(InputError::NotAVideo))
}

#[test]
fn text_nothing_and_noise_are_no_video() {
    assert!(is_no_video(&refuse(
        "This is just text, whatever its name says.\n"
    )));
    assert!(is_no_video(&refuse("")));
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    assert!(refuse(noise).is_permanent());
}

#[test]
fn a_playlist_opens_nothing() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/secret.ts");
    for hostile in [
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n"),
        format!("ffconcat version 1.0\nfile {url}\n"),
        format!("v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n"),
        format!("<?xml version=\"1.0\"?><MPD type=\"static\"><BaseURL>{url}</BaseURL></MPD>"),
    ] {
        assert!(is_no_video(&refuse(hostile.clone())), "{hostile}");
    }
    assert!(canary.accept().is_err(), "something connected");
}

#[test]
fn a_picture_that_moves_is_no_video() {
    let folder = tempdir().unwrap();
    let gif = make(
        folder.path(),
        "clip.gif",
        "-f lavfi -i testsrc2=s=64x64:r=10:d=1",
    );
    assert!(is_no_video(&refuse(std::fs::read(gif).unwrap())));
}

#[test]
fn sound_alone_is_named() {
    let folder = tempdir().unwrap();
    let song = make(folder.path(), "song.mp4", "-f lavfi -i sine=d=1 -c:a aac");
    let error = refuse(std::fs::read(song).unwrap());
    assert!(
        matches!(error, Error::Input(InputError::NoVideo)),
        "{error:?}"
    );
}

#[test]
fn a_truncated_film_is_not_passed_off_as_whole() {
    let folder = tempdir().unwrap();
    for (name, muxer) in [
        ("whole.mp4", "-movflags +faststart"),
        ("whole.mkv", ""),
        ("whole.ts", ""),
    ] {
        let clip = format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=8 -c:v libx264 -preset ultrafast {muxer}"
        );
        let whole = std::fs::read(make(folder.path(), name, &clip)).unwrap();
        let cut = &whole[..whole.len() * 6 / 10];
        if name.ends_with(".ts") {
            // A transport stream promises nothing: what is there is all there ever was.
            let report = run(cut).unwrap();
            assert!(
                (4000..6000).contains(&report.duration_ms),
                "{}",
                report.duration_ms
            );
            continue;
        }
        let error = refuse(cut);
        let Error::Input(InputError::Incomplete {
            declared_s,
            decoded_s,
        }) = error
        else {
            panic!("{name}: {error:?}");
        };
        assert_eq!(declared_s, 8);
        assert!((3..=6).contains(&decoded_s), "{name}: {decoded_s}");
    }
}

#[test]
fn a_limit_is_named_with_its_figures() {
    let folder = tempdir().unwrap();
    let clip = make(
        folder.path(),
        "clip.mp4",
        "-f lavfi -i testsrc2=s=320x180:d=4 -c:v libx264",
    );
    let mut options = Options::default();
    options.limits.duration_s = 2;
    let error = transcode::transcode(
        Source::path(&clip).unwrap(),
        &options,
        &MemorySink::new(),
        &Control::default(),
    );
    let Err(Error::Input(InputError::Limit { found, limit, .. })) = error else {
        panic!("{error:?}");
    };
    assert_eq!((found, limit), (3, 2));
}

#[test]
fn a_cancelled_transcode_says_so() {
    let folder = tempdir().unwrap();
    let clip = make(
        folder.path(),
        "clip.mp4",
        "-f lavfi -i testsrc2=s=320x180:d=10 -c:v libx264",
    );
    let control = Control::default();
    let cancel = control.cancel.clone();
    let control = Control {
        on_progress: Some(Box::new(move |_| cancel.cancel())),
        ..control
    };
    let source = Source::path(&clip).unwrap();
    let result = transcode::transcode(source, &Options::default(), &MemorySink::new(), &control);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}
