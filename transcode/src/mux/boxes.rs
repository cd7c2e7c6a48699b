//! Reading ISO base media boxes (ISO/IEC 14496-12) that our own muxer wrote.

/// A box: its type and its content, without the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mp4Box<'a> {
    pub(crate) kind: [u8; 4],
    pub(crate) content: &'a [u8],
    /// Length with the header, in bytes.
    pub(crate) len: usize,
}

/// The boxes that `bytes` is made of; ends at the first that is cut short.
pub(crate) fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = Mp4Box<'_>> {
    std::iter::from_fn(move || {
        let header = bytes.get(..8)?;
        let len = u32::from_be_bytes(header[..4].try_into().ok()?) as usize;
        let kind = header[4..8].try_into().ok()?;
        let content = bytes.get(8..len)?;
        bytes = &bytes[len..];
        Some(Mp4Box { kind, content, len })
    })
}

/// The content of the first box at the end of `path`, each a child of the one before.
pub(crate) fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    let (kind, rest) = path.split_first()?;
    let found = boxes(bytes).find(|b| b.kind == **kind)?.content;
    if rest.is_empty() {
        Some(found)
    } else {
        find(found, rest)
    }
}

/// A big-endian 32-bit field.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// RFC 6381 name of an H.264 track from its `avcC` (ISO/IEC 14496-15 §5.3.3.1): `avc1.64001f`.
pub(crate) fn avc_codec(moov: &[u8]) -> Option<String> {
    for trak in boxes(moov).filter(|b| b.kind == *b"trak") {
        let stsd = find(trak.content, &[b"mdia", b"minf", b"stbl", b"stsd"])?;
        // Full box header and entry count; then the sample entry with 78 bytes of its own.
        let entry = boxes(stsd.get(8..)?).next()?;
        if entry.kind == *b"avc1" {
            let avcc = find(entry.content.get(78..)?, &[b"avcC"])?;
            let [profile, constraints, level] = avcc.get(1..4)?.try_into().ok()?;
            return Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"));
        }
    }
    None
}

/// Length in bytes of the `moof`, the `mdat` header and the first sample of the first track: all
/// that a player needs to show the fragment's first picture.
pub(crate) fn first_sample_end(fragment: &[u8]) -> Option<usize> {
    let moof = boxes(fragment).next().filter(|b| b.kind == *b"moof")?;
    let traf = find(moof.content, &[b"traf"])?;
    let sample_len = first_sample_len(traf)?;
    Some(moof.len + 8 + sample_len)
}

/// ISO/IEC 14496-12 §8.8.7 and §8.8.8: the size is in the `trun`, or the `tfhd`'s default.
fn first_sample_len(traf: &[u8]) -> Option<usize> {
    let trun = find(traf, &[b"trun"])?;
    let flags = u32_at(trun, 0)? & 0x00ff_ffff;
    let mut at = 8;
    at += if flags & 0x1 != 0 { 4 } else { 0 };
    at += if flags & 0x4 != 0 { 4 } else { 0 };
    at += if flags & 0x100 != 0 { 4 } else { 0 };
    if flags & 0x200 != 0 {
        return u32_at(trun, at).map(|len| len as usize);
    }
    let tfhd = find(traf, &[b"tfhd"])?;
    let flags = u32_at(tfhd, 0)? & 0x00ff_ffff;
    let mut at = 8;
    at += if flags & 0x1 != 0 { 8 } else { 0 };
    at += if flags & 0x2 != 0 { 4 } else { 0 };
    at += if flags & 0x8 != 0 { 4 } else { 0 };
    (flags & 0x10 != 0).then(|| u32_at(tfhd, at).map(|len| len as usize))?
}
