//! Writes AVI files that no muxer would.

use std::path::Path;

use crate::oracle::make;

pub(crate) fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let padding: &[u8] = if content.len() % 2 == 1 { &[0] } else { &[] };
    let len = content.len() as u32;
    [kind, len.to_le_bytes().as_slice(), content, padding].concat()
}

pub(crate) fn list(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    chunk(b"LIST", &[kind, content].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A stream's header and format. `rate` is in samples (pictures, packets) a second.
fn stream(kind: &[u8; 4], codec: &[u8; 4], rate: u32, sample_len: u32, format: &[u8]) -> Vec<u8> {
    let header = [
        kind.to_vec(),
        codec.to_vec(),
        words(&[0, 0, 0, 1, rate, 0, 10, 0, 0, sample_len, 0, 0]),
    ];
    let both = [chunk(b"strh", &header.concat()), chunk(b"strf", format)];
    list(b"strl", &both.concat())
}

/// Pictures, ten a second; `codec` is `MJPG` or `H264`.
pub(crate) fn pictures_stream(codec: &[u8; 4]) -> Vec<u8> {
    let format = [
        words(&[40, 64, 48, 1 | 24 << 16]),
        codec.to_vec(),
        words(&[0; 5]),
    ];
    stream(b"vids", codec, 10, 0, &format.concat())
}

/// Unsigned 8-bit PCM.
pub(crate) fn sound_stream(channels: u16, rate_hz: u32) -> Vec<u8> {
    let rate = rate_hz.to_le_bytes();
    let width = channels.to_le_bytes();
    let format = [&[1, 0][..], &width, &rate, &rate, &width, &[8, 0, 0, 0]];
    stream(b"auds", &[0; 4], rate_hz, channels.into(), &format.concat())
}

pub(crate) fn text_stream() -> Vec<u8> {
    stream(b"txts", &[0; 4], 10, 0, &[])
}

/// A file of these streams, each a result of the functions above, and of these chunks.
pub(crate) fn file(streams: &[Vec<u8>], chunks: &[Vec<u8>]) -> Vec<u8> {
    let size = [64, 48];
    let count = streams.len() as u32;
    let main = [&[100_000, 0, 0, 0x10, 10, 0, count, 0][..], &size, &[0; 4]].concat();
    let headers = [chunk(b"avih", &words(&main)), streams.concat()].concat();
    let content = [
        b"AVI ".to_vec(),
        list(b"hdrl", &headers),
        list(b"movi", &chunks.concat()),
    ];
    chunk(b"RIFF", &content.concat())
}

pub(crate) fn jpeg(folder: &Path, size: &str) -> Vec<u8> {
    picture(folder, size, "-c:v mjpeg -f image2")
}

/// One picture as a chunk's content: for H.264 with its parameter sets.
pub(crate) fn picture(folder: &Path, size: &str, codec: &str) -> Vec<u8> {
    let clip = format!("-f lavfi -i testsrc2=s={size} -frames:v 1 {codec}");
    std::fs::read(make(folder, &format!("{size}.picture"), &clip)).unwrap()
}
