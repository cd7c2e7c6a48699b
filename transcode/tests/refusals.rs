//! What is no video is refused by name.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use std::io::Cursor;

use oracle::make;
use tempfile::tempdir;
use transcode::{Control, Error, InputError, Limits, MemorySink, Options, Report, Source};

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
fn encrypted_films_are_named() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=320x180:r=25:d=1 -f lavfi -i sine=d=1 -c:v libx264 -c:a aac \
        -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb \
        -encryption_kid a7e61c373e219033c21091fa607bf3b8";
    let clip = std::fs::read(make(folder.path(), "locked.mp4", clip)).unwrap();
    let error = refuse(clip.clone());
    assert!(
        matches!(error, Error::Input(InputError::Encrypted)),
        "{error:?}"
    );

    // As protected shops write it, and broken, so that libav cannot even open it.
    let mut marked = clip;
    let entry = marked.windows(4).position(|w| w == b"avc1").unwrap();
    let entry = marked[entry + 4..]
        .windows(4)
        .position(|w| w == b"avc1")
        .unwrap()
        + entry
        + 4;
    marked[entry..entry + 4].copy_from_slice(b"encv");
    let tables = marked.windows(4).position(|w| w == b"stsc").unwrap();
    marked[tables + 8..tables + 12].copy_from_slice(&[0xff; 4]);
    let error = refuse(marked);
    assert!(
        matches!(error, Error::Input(InputError::Encrypted)),
        "{error:?}"
    );
}

/// Adds a box to the end of the one at the end of `path`, and its length to all on the way.
fn add_box(parent: &mut Vec<u8>, path: &[&[u8; 4]], skip: usize, added: &[u8]) {
    let Some((kind, rest)) = path.split_first() else {
        return parent.extend_from_slice(added);
    };
    let at = parent[skip..].windows(4).position(|w| w == *kind).unwrap() + skip - 4;
    let len = u32::from_be_bytes(parent[at..at + 4].try_into().unwrap()) as usize;
    let mut child: Vec<u8> = parent[at..at + len].to_vec();
    add_box(&mut child, rest, 8, added);
    let len_now = child.len() as u32;
    child[..4].copy_from_slice(&len_now.to_be_bytes());
    parent.splice(at..at + len, child);
}

#[test]
fn dolby_vision_without_another_picture_is_named() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=320x180:r=25:d=0.4 -pix_fmt yuv420p10le -c:v libx265 \
        -preset ultrafast -x265-params log-level=error -tag:v hvc1";
    let plain = std::fs::read(make(folder.path(), "dolby.mp4", clip)).unwrap();
    for (profile, compatibility, is_shown) in [(5, 0, false), (8, 4, true), (8, 1, true)] {
        // DOVIDecoderConfigurationRecord: version 1.0, profile, level 1, RPU and base layer.
        let fields: u16 = profile << 9 | 1 << 3 | 0b101;
        let mut record = [0; 24];
        record[0] = 1;
        record[2..4].copy_from_slice(&fields.to_be_bytes());
        record[4] = compatibility << 4;
        let record = [&32_u32.to_be_bytes(), &b"dvcC"[..], &record].concat();
        let mut film = plain.clone();
        let path = [
            b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1",
        ];
        add_box(&mut film, &path, 0, &record);
        match run(film) {
            Ok(_) => assert!(is_shown, "profile {profile}"),
            Err(error) => {
                let named = InputError::DolbyVisionOnly { profile: 5 };
                assert!(!is_shown, "profile {profile}: {error}");
                assert!(
                    matches!(&error, Error::Input(cause) if *cause == named),
                    "{error:?}"
                );
            }
        }
    }
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
    let clip = "-f lavfi -i testsrc2=s=320x180:d=4 -c:v libx264";
    let clip = make(folder.path(), "clip.mp4", clip);
    let found_under = |limits: Limits| {
        let options = Options {
            limits,
            ..Options::default()
        };
        let source = Source::path(&clip).unwrap();
        let result =
            transcode::transcode(source, &options, &MemorySink::new(), &Control::default());
        let Err(Error::Input(InputError::Limit { found, what, .. })) = result else {
            panic!("{options:?}: {result:?}");
        };
        (what, found)
    };
    let whole = Limits::default;
    let duration_s = 2;
    let (what, found) = found_under(Limits {
        duration_s,
        ..whole()
    });
    assert!(what.contains("duration") && found == 4, "{what}: {found}");
    let len_bytes = 1000;
    let (what, found) = found_under(Limits {
        len_bytes,
        ..whole()
    });
    let len = std::fs::metadata(&clip).unwrap().len();
    assert!(what.contains("size") && found == len, "{what}: {found}");
    let pixels = 320 * 180 - 1;
    let (what, found) = found_under(Limits { pixels, ..whole() });
    assert!(
        what.contains("pixels") && found == pixels + 1,
        "{what}: {found}"
    );
    let streams = 0;
    let (what, found) = found_under(Limits { streams, ..whole() });
    assert!(what.contains("streams") && found == 1, "{what}: {found}");
    let probe_bytes = 1000;
    let (what, found) = found_under(Limits {
        probe_bytes,
        ..whole()
    });
    assert!(
        what.contains("first picture") && found > 1000,
        "{what}: {found}"
    );
    let decode_s_per_s = 0;
    let (what, found) = found_under(Limits {
        decode_s_per_s,
        ..whole()
    });
    assert!(what.contains("decode") && found >= 1, "{what}: {found}");
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
