//! Containers that are read, with references to something outside in them.

use std::path::Path;

use transcode::{Error, InputError, Source};

use crate::canary::Canary;
use crate::mp4::{Coded, Track, boxed, full, movie, words};
use crate::{attempt, avi, in_memory, matroska};

/// A QuickTime alias record: version 2, then a list of what it points to, here an absolute path.
fn alias(target: &str) -> Vec<u8> {
    let path = target.trim_start_matches("file:");
    let entry = |kind: u16, text: &str| {
        let padding: &[u8] = if text.len() % 2 == 1 { &[0] } else { &[] };
        let len = (text.len() as u16).to_be_bytes();
        [&kind.to_be_bytes(), &len, text.as_bytes(), padding].concat()
    };
    let record = [
        vec![0; 4],
        vec![0, 0, 0, 2, 0, 0],
        // Names of volume and file, dates, and how many folders up and down again: all unsaid.
        vec![0; 28 + 12 + 64 + 16 + 4 + 16],
        entry(2, path),
        entry(18, path),
        vec![0xff, 0xff, 0, 0],
    ];
    full(b"alis", &record.concat())
}

fn pointing_outside(folder: &Path, references: Vec<u8>) -> Vec<u8> {
    let mut track = Track::new(Coded::small_picture(folder), 10, vec![(10, 1)]);
    track.references = Some(references);
    movie(&[track])
}

#[test]
fn a_movie_whose_media_lies_elsewhere_has_no_media() {
    let canary = Canary::new();
    let folder = canary.folder.path();
    for target in canary.targets().into_iter().chain(["/etc/passwd".into()]) {
        for references in [
            alias(&target),
            full(b"url ", format!("{target}\0").as_bytes()),
            full(b"urn ", format!("name\0{target}\0").as_bytes()),
        ] {
            let bytes = pointing_outside(folder, references);
            let path = folder.join("outside.avi");
            std::fs::write(&path, &bytes).unwrap();
            for source in [in_memory(&bytes), Source::path(&path).unwrap()] {
                let attempt = attempt(source);
                canary.is_unharmed_by(&attempt, &target);
                // `url ` and `urn ` are not looked at: then the media is taken from the file.
                if bytes.windows(4).any(|window| window == b"alis") {
                    let error = attempt.outcome.expect_err(&target);
                    assert!(
                        matches!(error, Error::Input(InputError::Undecodable)),
                        "{error:?}"
                    );
                }
            }
        }
    }
}

/// Otherwise the test above would pass for files that harm nobody.
#[test]
fn the_movie_works_where_nothing_stops_it() {
    let canary = Canary::new();
    let target = canary.file.to_str().unwrap();
    let path = canary.folder.path().join("outside.mov");
    std::fs::write(&path, pointing_outside(canary.folder.path(), alias(target))).unwrap();
    let options = ["-enable_drefs", "1", "-use_absolute_path", "1"];
    assert!(canary.is_found_by(&options, &path));
}

#[test]
fn a_reference_movie_opens_nothing() {
    let canary = Canary::new();
    for target in canary.targets() {
        let kind: &[u8] = b"url ";
        let reference = [kind, &words(&[target.len() as u32]), target.as_bytes()].concat();
        let descriptor = boxed(b"rmda", &full(b"rdrf", &reference));
        let bytes = [
            boxed(b"ftyp", b"qt  \0\0\x02\0qt  "),
            boxed(b"moov", &boxed(b"rmra", &descriptor)),
        ];
        let attempt = attempt(in_memory(&bytes.concat()));
        canary.is_unharmed_by(&attempt, &target);
        assert!(
            matches!(attempt.outcome, Err(Error::Input(_))),
            "{:?}",
            attempt.outcome
        );
    }
}

/// The chunk that carries a whole subtitle file inside an AVI: here a playlist.
fn embedded(text: &str) -> Vec<u8> {
    let name: Vec<u8> = "a.srt\0"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let content = [
        b"GAB2\0".to_vec(),
        2_u16.to_le_bytes().to_vec(),
        (name.len() as u32).to_le_bytes().to_vec(),
        name,
        4_u16.to_le_bytes().to_vec(),
        (text.len() as u32).to_le_bytes().to_vec(),
        text.as_bytes().to_vec(),
    ];
    avi::chunk(b"01tx", &content.concat())
}

#[test]
fn a_playlist_inside_an_avi_opens_nothing() {
    let canary = Canary::new();
    let jpeg = avi::jpeg(canary.folder.path(), "64x48");
    for target in canary.targets() {
        for text in [
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"),
            format!("ffconcat version 1.0\nfile '{target}'\n"),
            format!("1\n00:00:00,000 --> 00:00:01,000\n<img src=\"{target}\">\n"),
        ] {
            let mut chunks = vec![embedded(&text)];
            chunks.extend((0..10).map(|_| avi::chunk(b"00dc", &jpeg)));
            let bytes = avi::file(
                &[avi::pictures_stream(b"MJPG"), avi::text_stream()],
                &chunks,
            );
            let attempt = attempt(in_memory(&bytes));
            canary.is_unharmed_by(&attempt, &text);
            // The pictures are honest.
            assert_eq!(attempt.outcome.unwrap().duration_ms, 1000);
        }
    }
}

#[test]
fn linked_segments_are_not_looked_for() {
    let canary = Canary::new();
    let jpegs = vec![avi::jpeg(canary.folder.path(), "64x48"); 10];
    let element = matroska::element;
    for target in canary.targets() {
        let uid = [7; 16];
        let linked = [
            element(&[0x73, 0xa4], &[1; 16]),
            element(&[0x3e, 0xb9, 0x23], &uid),
            element(&[0x3e, 0x83, 0xbb], target.as_bytes()),
            element(&[0x3c, 0xb9, 0x23], &uid),
            element(&[0x3c, 0x83, 0xab], target.as_bytes()),
        ];
        let chapter = [
            element(&[0x73, 0xc4], &[1]),
            element(&[0x91], &[0]),
            element(&[0x6e, 0x67], &uid),
            element(&[0x6e, 0xbc], &[1]),
        ];
        let edition = [
            element(&[0x45, 0xdd], &[1]),
            element(&[0xb6], &chapter.concat()),
        ];
        let chapters = element(
            &[0x10, 0x43, 0xa7, 0x70],
            &element(&[0x45, 0xb9], &edition.concat()),
        );
        let bytes = matroska::file(&jpegs, &linked.concat(), &chapters);
        let attempt = attempt(in_memory(&bytes));
        canary.is_unharmed_by(&attempt, &target);
        // What is in the file itself is an honest video.
        assert_eq!(attempt.outcome.unwrap().duration_ms, 1000);
    }
}
