//! Strict reading of ISO base media files (ISO/IEC 14496-12): every box fills its place exactly,
//! and what cannot be read is told in a sentence.

mod aac;
mod avc;
mod bits;
mod file;
mod fragment;
mod index;
mod level;
mod sps;
mod track;

pub(crate) use avc::{Avcc, nal_types};
pub(crate) use file::File;
pub(crate) use fragment::{Fragment, TrackFragment};
pub(crate) use index::Index;
pub(crate) use level::{Level, Load};
pub(crate) use sps::{HIGH, Sps};
pub(crate) use track::{SampleEntry, Track};

/// A box without its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mp4Box<'a> {
    pub(crate) kind: &'a str,
    /// Where its header begins, counted from where the bytes that were read begin.
    pub(crate) start: usize,
    /// Length with the header, in bytes.
    pub(crate) len: usize,
    pub(crate) content: &'a [u8],
}

pub(crate) const HEADER_LEN: usize = 8;

/// The boxes that `bytes` are made of, to the last byte.
pub(crate) fn boxes(bytes: &[u8]) -> Result<Vec<Mp4Box<'_>>, String> {
    let mut boxes = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let mut header = Fields::new("a box's header", &bytes[start..]);
        let (len, kind) = (header.u32()? as usize, header.take(4)?);
        let kind = std::str::from_utf8(kind).map_err(|_| format!("no box begins at {start}"))?;
        let content = bytes
            .get(start + HEADER_LEN..start + len)
            .ok_or_else(|| format!("{kind:?} at {start}, of {len} bytes, does not fit"))?;
        boxes.push(Mp4Box {
            kind,
            start,
            len,
            content,
        });
        start += len;
    }
    Ok(boxes)
}

/// The one box of a kind.
pub(crate) fn one<'a>(boxes: &[Mp4Box<'a>], kind: &str) -> Result<Mp4Box<'a>, String> {
    let mut found = boxes.iter().filter(|b| b.kind == kind);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(*only),
        (None, _) => Err(format!("there is no {kind}")),
        (Some(_), Some(_)) => Err(format!("there is more than one {kind}")),
    }
}

/// The content of the one box at the end of `path`, each a child of the one before.
pub(crate) fn inside<'a>(bytes: &'a [u8], path: &[&str]) -> Result<&'a [u8], String> {
    path.iter()
        .try_fold(bytes, |bytes, kind| Ok(one(&boxes(bytes)?, kind)?.content))
}

/// Big-endian fields, one after the other.
pub(crate) struct Fields<'a> {
    of: &'static str,
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(of: &'static str, bytes: &'a [u8]) -> Self {
        Self { of, bytes }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let cut = || format!("{} is cut short", self.of);
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(cut)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self, len: usize) -> Result<u64, String> {
        let bytes = self.take(len)?;
        Ok(bytes.iter().fold(0, |sum, b| sum << 8 | u64::from(*b)))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, String> {
        Ok(self.number(1)? as u8)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, String> {
        Ok(self.number(2)? as u16)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, String> {
        Ok(self.number(4)? as u32)
    }

    /// 64 bits in version 1 of a box, 32 before.
    pub(crate) fn by_version(&mut self, version: u8) -> Result<u64, String> {
        self.number(if version == 0 { 4 } else { 8 })
    }

    /// A full box's version and flags.
    pub(crate) fn version_and_flags(&mut self) -> Result<(u8, u32), String> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// What has not been read.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), String> {
        match self.bytes.len() {
            0 => Ok(()),
            more => Err(format!("{} is {more} bytes longer than it says", self.of)),
        }
    }
}
