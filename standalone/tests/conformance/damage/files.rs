//! A package as files in memory, and the knives to damage it with.

use std::collections::BTreeMap;
use std::fs;

use axum::http::Response;

use crate::clips::{LADDER, draw};
use crate::mp4::{HEADER_LEN, boxes};
use crate::process::{assetlab, output};

/// What is done to an answer: the file's name, whether a range or gzip was asked for, the answer.
pub(super) type Manners = fn(&str, Asked, &mut Response<Vec<u8>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Plain,
    Zipped,
    Head,
    Range,
}

#[derive(Clone)]
pub(super) struct Files {
    pub(super) by_name: BTreeMap<String, Vec<u8>>,
    pub(super) manners: Manners,
}

impl Files {
    /// What `assetlab transcode` makes of a clip that ffmpeg draws.
    pub(super) fn transcoded(clip: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, out) = (folder.path().join("clip.mp4"), folder.path().join("out"));
        draw(clip, &path);
        let (path, out) = (path.to_str().unwrap(), out.to_str().unwrap());
        let mut command = assetlab(&["transcode", path, out]);
        command.env("LADDER", LADDER);
        let (result, text) = output(command);
        assert!(result.status.success(), "{text}");
        let entries = fs::read_dir(out).unwrap().map(|entry| entry.unwrap());
        let by_name = entries.map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        });
        Self {
            by_name: by_name.collect(),
            manners: |_, _, _| {},
        }
    }

    pub(super) fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        self.by_name.get_mut(name).unwrap()
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(self.by_name[name].clone()).unwrap()
    }

    pub(super) fn write(&mut self, name: &str, text: String) {
        self.by_name.insert(name.to_owned(), text.into());
    }

    /// Replaces the first `from` in a playlist, which must be there.
    pub(super) fn replace(&mut self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{from:?} in {text}");
        self.write(name, text.replacen(from, to, 1));
    }

    /// Rewrites what follows `prefix` in the line with that number among those that have it.
    pub(super) fn rewrite(
        &mut self,
        name: &str,
        prefix: &str,
        number: usize,
        to: impl Fn(&str) -> String,
    ) {
        let text = self.text(name);
        let (at, _) = text.match_indices(prefix).nth(number).unwrap();
        let at = at + prefix.len();
        let end = at + text[at..].find([',', '\n']).unwrap();
        let new = to(&text[at..end]);
        self.write(name, [&text[..at], &new, &text[end..]].concat());
    }

    /// The first rung's file, and where the content of the box at the end of a path begins in it;
    /// each step says which of the boxes of that kind is meant.
    pub(super) fn mp4(&mut self, path: &[(&str, usize)]) -> (&mut Vec<u8>, usize) {
        let bytes = self.bytes("90p.mp4");
        let at = locate(bytes, path);
        (bytes, at)
    }

    /// Overwrites bytes in a box of the first rung's file, `offset` bytes into its content.
    pub(super) fn poke(&mut self, path: &[(&str, usize)], offset: usize, with: &[u8]) {
        let (bytes, at) = self.mp4(path);
        bytes[at + offset..at + offset + with.len()].copy_from_slice(with);
    }

    /// Adds to the length that a box says it has.
    pub(super) fn add_to_len(&mut self, path: &[(&str, usize)], more: u8) {
        let (bytes, at) = self.mp4(path);
        bytes[at - HEADER_LEN + 3] += more;
    }

    /// Adds to a 32-bit field.
    pub(super) fn add(&mut self, path: &[(&str, usize)], offset: usize, more: i32) {
        let (bytes, at) = self.mp4(path);
        let field = &mut bytes[at + offset..at + offset + 4];
        let value = u32::from_be_bytes((&*field).try_into().unwrap());
        field.copy_from_slice(&value.wrapping_add_signed(more).to_be_bytes());
    }
}

fn locate(bytes: &[u8], path: &[(&str, usize)]) -> usize {
    let (mut at, mut content) = (0, bytes);
    for (kind, number) in path {
        let own_len = own_fields_len(content, at, bytes);
        content = &content[own_len..];
        at += own_len;
        let children = boxes(content).unwrap();
        let child = children.iter().filter(|b| b.kind == *kind).nth(*number);
        let child = child.unwrap_or_else(|| panic!("no {kind} {number} on the way {path:?}"));
        at += child.start + HEADER_LEN;
        content = child.content;
    }
    at
}

/// What a box has before its children.
fn own_fields_len(content: &[u8], at: usize, file: &[u8]) -> usize {
    match (content.len() == file.len(), at.checked_sub(4)) {
        (false, Some(kind)) => match &file[kind..at] {
            b"stsd" => 8,
            b"avc1" => 78,
            b"mp4a" => 28,
            _ => 0,
        },
        _ => 0,
    }
}
