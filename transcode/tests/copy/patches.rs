//! Changes to an MP4 that ffmpeg does not make: in its boxes (ISO/IEC 14496-12 §4.2), and in its
//! pictures.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::oracle::run;

/// The first track, which is the pictures'.
pub(crate) const SAMPLE_TABLE: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

/// A copy of a file, with another name and other bytes.
pub(crate) fn patch(path: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    let patched = path.with_file_name(name);
    fs::write(&patched, bytes).unwrap();
    patched
}

/// Changes the content of the first box at `path`; the boxes around it grow or shrink with it.
/// What comes before them stays where it is, as sample offsets demand: the index must be last.
pub(crate) fn edit_box(
    bytes: &mut Vec<u8>,
    path: &[&[u8; 4]],
    change: &mut dyn FnMut(&mut Vec<u8>),
) {
    let Some((kind, inner)) = path.split_first() else {
        return change(bytes);
    };
    let range = find(bytes, kind);
    let mut content = bytes[range.start + 8..range.end].to_vec();
    edit_box(&mut content, inner, change);
    let len = (content.len() + 8) as u32;
    let edited = [&len.to_be_bytes()[..], &kind[..], &content[..]].concat();
    bytes.splice(range, edited);
}

fn find(bytes: &[u8], kind: &[u8; 4]) -> Range<usize> {
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let end = at + u32_at(bytes, at) as usize;
        if &bytes[at + 4..at + 8] == kind {
            return at..end;
        }
        at = end;
    }
    panic!("there is no {}", String::from_utf8_lossy(kind));
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(crate) fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

/// Where each picture lies in a file, in decode order.
pub(crate) fn pictures(path: &Path) -> Vec<Range<usize>> {
    let path = path.to_str().unwrap();
    let entries = ["-show_entries", "packet=pos,size", "-of", "csv=p=0", path];
    let select = ["-v", "error", "-select_streams", "v:0"];
    let (out, _) = run("ffprobe", &[&select[..], &entries].concat());
    let fields = out
        .lines()
        .map(|line| line.trim_end_matches(',').split(','));
    let pictures = fields.map(|fields| {
        let numbers: Vec<usize> = fields.map(|number| number.parse().unwrap()).collect();
        // ffprobe prints the length first.
        numbers[1]..numbers[1] + numbers[0]
    });
    pictures.collect()
}

/// Where the headers of a picture's NAL units lie: behind their lengths in four bytes.
pub(crate) fn nal_headers(bytes: &[u8], picture: Range<usize>) -> Vec<usize> {
    let mut headers = Vec::new();
    let mut at = picture.start;
    while at < picture.end {
        headers.push(at + 4);
        at += 4 + u32_at(bytes, at) as usize;
    }
    headers
}
