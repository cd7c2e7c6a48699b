//! What the first bytes of an upload tell, so that a wrong file is refused before gigabytes of it are sent.
//!
//! Only what is surely something else is refused: a recording may begin in the middle of a packet, and
//! whether a file is a video that can be played, the worker finds out.

use infer::MatcherType;

use crate::error::ApiError;

/// So much is looked at, or all of a shorter file.
pub(crate) const HEAD_LEN_BYTES: usize = 4096;

/// Boxes that MP4 and QuickTime files are seen to begin with (ISO/IEC 14496-12 §4.2; QuickTime file format).
const FIRST_BOXES: [&[u8; 4]; 11] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"udta",
    b"uuid",
];
/// A pack header and a sequence header: what players look for in MPEG program and video streams that begin
/// anywhere (ISO/IEC 13818-1 §2.5.3.3, 13818-2 §6.2.2.1).
const MPEG_START_CODES: [[u8; 4]; 2] = [[0, 0, 1, 0xba], [0, 0, 1, 0xb3]];
/// Packets of a transport stream: bare, with a time code before them, with error correction behind.
const TS_PACKET_LENS: [usize; 3] = [188, 192, 204];
const TS_SYNC_BYTE: u8 = 0x47;
/// So many in a row are no chance.
const TS_PACKETS: usize = 5;

/// Refuses an upload that begins with these bytes, its head or more, and cannot be a video. An empty one is left to the
/// worker.
pub(crate) fn refuse(first_bytes: &[u8]) -> Result<(), ApiError> {
    let head = &first_bytes[..first_bytes.len().min(HEAD_LEN_BYTES)];
    let looks_like = match infer::get(head) {
        // Of MP4's kin only these are told apart: their brand stands where a video's would.
        Some(kind) if ["heif", "avif"].contains(&kind.extension()) => Some(kind.extension()),
        _ if begins_as_video(head) => None,
        Some(kind) if kind.matcher_type() != MatcherType::Video => Some(kind.extension()),
        Some(_) => None,
        None => is_text(head).then_some("txt"),
    };
    looks_like.map_or(Ok(()), |extension| {
        Err(ApiError::NotAVideo {
            looks_like: extension,
        })
    })
}

fn is_box(head: &[u8], name: &[u8; 4]) -> bool {
    head.get(4..8) == Some(name)
}

fn begins_as_video(head: &[u8]) -> bool {
    let starts = |magic: &[u8]| head.starts_with(magic);
    FIRST_BOXES.iter().any(|name| is_box(head, name))
        // EBML (RFC 8794 §11.2.1), Ogg (RFC 3533 §6), FLV.
        || starts(&[0x1a, 0x45, 0xdf, 0xa3])
        || starts(b"OggS")
        || starts(b"FLV")
        || (starts(b"RIFF") && head.get(8..11) == Some(b"AVI"))
        || head.windows(4).any(|code| MPEG_START_CODES.iter().any(|wanted| wanted == code))
        || is_transport_stream(head)
}

fn is_transport_stream(head: &[u8]) -> bool {
    TS_PACKET_LENS.iter().any(|&len| {
        (0..len).any(|first| {
            (0..TS_PACKETS).all(|packet| head.get(first + packet * len) == Some(&TS_SYNC_BYTE))
        })
    })
}

/// Whether all of it can be read by people: no character may be cut but the last.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_readable = |c: char| !c.is_control() || c.is_ascii_whitespace() || c == '\u{1b}';
    !text.is_empty() && text.chars().all(is_readable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks_like(head: &[u8]) -> Option<&'static str> {
        match refuse(head) {
            Ok(()) => None,
            Err(ApiError::NotAVideo { looks_like }) => Some(looks_like),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_surely_something_else_is_named() {
        let with = |magic: &[u8]| [magic, &[0x9d; 2000]].concat();
        for (head, extension) in [
            (with(b"\x89PNG\r\n\x1a\n"), "png"),
            (with(b"\xff\xd8\xff\xe0"), "jpg"),
            (with(b"GIF89a"), "gif"),
            (with(b"%PDF-1.7"), "pdf"),
            (with(b"PK\x03\x04"), "zip"),
            (with(b"\x1f\x8b\x08"), "gz"),
            (with(b"\x7fELF\x02\x01\x01"), "elf"),
            (with(b"ID3\x04"), "mp3"),
            (with(b"RIFF\x00\x10\x00\x00WAVEfmt "), "wav"),
            (with(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"), "heif"),
            (b"<!DOCTYPE html><html></html>".to_vec(), "html"),
            ("Milch, Eier – und Käse.\r\n".into(), "txt"),
            ("#EXTM3U\n#EXTINF:4,\n../secret.ts\n".into(), "txt"),
        ] {
            assert_eq!(looks_like(&head), Some(extension));
        }
        let cut_in_a_character = &"ä".repeat(100).into_bytes()[..199];
        assert_eq!(looks_like(cut_in_a_character), Some("txt"));
    }

    #[test]
    fn what_may_be_a_video_passes() {
        let with = |magic: &[u8]| [magic, &[0x9d; 2000]].concat();
        let packets = |junk: &[u8], len: usize| {
            let mut packet = vec![0x9d; len];
            packet[len - 188] = TS_SYNC_BYTE;
            [junk, &packet.repeat(20)].concat()
        };
        for head in [
            Vec::new(),
            b"\0".to_vec(),
            with(b""),
            with(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1"),
            with(b"\0\0\0\x1cftypM4A \0\0\0\0"),
            // As long as the head of an icon file says.
            with(b"\0\0\x01\0ftypmp42"),
            with(b"\0\0\0\x08wide"),
            with(b"\x1a\x45\xdf\xa3"),
            with(b"OggS\0\x02"),
            with(b"FLV\x01"),
            with(b"RIFF\x00\x10\x00\x00AVI LIST"),
            with(b"RIFF\x00\x10\x00\x00AVIX"),
            with(b"\0\0\x01\xba"),
            packets(b"", 188),
            packets(b"BM", 192),
            packets(b"\xff\xfbcut", 204),
        ] {
            assert_eq!(
                looks_like(&head),
                None,
                "{:02x?}",
                &head[..head.len().min(16)]
            );
        }
    }

    #[test]
    fn every_fixture_that_is_a_video_passes() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
        let mut looked_at = 0;
        for entry in std::fs::read_dir(fixtures).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            if !path.is_file() || ["md", "json", "sh"].contains(&&*extension) {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let head = &bytes[..bytes.len().min(HEAD_LEN_BYTES)];
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let expected = match &*name {
                "gif.mp4" => Some("gif"),
                "text.mp4" => Some("txt"),
                _ => None,
            };
            assert_eq!(looks_like(head), expected, "{name}");
            looked_at += 1;
        }
        assert!(looked_at > 0);
    }
}
