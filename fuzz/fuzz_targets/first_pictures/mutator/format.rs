//! Where the elements of a container are, as far as mutating it needs to know.

use std::ops::Range;

/// An element: a box, a chunk, an EBML element, a packet, a page, a start code with what follows.
pub(super) struct Node {
    pub(super) start: usize,
    /// Where its type stands.
    pub(super) kind: Range<usize>,
    /// Where its size stands; empty if it has none.
    size: Range<usize>,
    pub(super) content: usize,
    pub(super) end: usize,
}

impl Node {
    /// Length in bytes with its header.
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// How elements are laid out.
#[derive(Clone, Copy)]
pub(super) enum Format {
    /// ISO/IEC 14496-12 boxes.
    Boxes,
    /// RFC 8794 elements.
    Ebml,
    Riff,
    /// RFC 3533 pages.
    Ogg,
    Flv,
    /// ISO/IEC 13818-1 packets.
    Ts,
    /// Program streams and anything else: pieces that begin with 00 00 01.
    StartCodes,
}

/// Deeper than any real file.
const MAX_DEPTH: usize = 16;
const TS_PACKET_LEN: usize = 188;

impl Format {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let at = |range: Range<usize>| bytes.get(range).unwrap_or_default();
        match () {
            () if at(0..4) == b"RIFF" => Format::Riff,
            () if at(0..4) == [0x1a, 0x45, 0xdf, 0xa3] => Format::Ebml,
            () if at(0..4) == b"OggS" => Format::Ogg,
            () if at(0..3) == b"FLV" => Format::Flv,
            () if at(0..3) == [0, 0, 1] => Format::StartCodes,
            () if at(0..1) == [0x47] => Format::Ts,
            () => Format::Boxes,
        }
    }

    pub(super) fn nodes(self, bytes: &[u8]) -> Vec<Node> {
        let mut nodes = Vec::new();
        match self {
            Format::Boxes | Format::Ebml | Format::Riff => {
                self.walk(bytes, 0..bytes.len(), 0, &mut nodes);
            }
            Format::Ogg => flat(bytes, b"OggS", 5..6, 27, &mut nodes),
            Format::StartCodes => flat(bytes, &[0, 0, 1], 3..4, 4, &mut nodes),
            Format::Ts => {
                let starts = (0..bytes.len()).step_by(TS_PACKET_LEN);
                nodes.extend(starts.map(|start| {
                    let end = (start + TS_PACKET_LEN).min(bytes.len());
                    plain(start, start + 1..start + 3, start + 4, end)
                }));
            }
            Format::Flv => {
                let mut start = 13;
                while let Some(len) = number(bytes, start + 1..start + 4) {
                    let end = (start + 15 + len as usize).min(bytes.len());
                    nodes.push(Node {
                        size: start + 1..start + 4,
                        ..plain(start, start..start + 1, start + 11, end)
                    });
                    start = end;
                }
            }
        }
        nodes.retain(|node| node.kind.end <= node.content && node.content <= node.end);
        nodes
    }

    fn walk(self, bytes: &[u8], within: Range<usize>, depth: usize, nodes: &mut Vec<Node>) {
        let mut start = within.start;
        while start < within.end
            && depth < MAX_DEPTH
            && let Some(node) = self.node(&bytes[..within.end], start)
            && node.content <= node.end
        {
            if let Some(skip) = self.children(&bytes[node.kind.clone()]) {
                self.walk(
                    bytes,
                    (node.content + skip).min(node.end)..node.end,
                    depth + 1,
                    nodes,
                );
            }
            // Chunks of RIFF begin at even places.
            start = node.end + usize::from(matches!(self, Format::Riff)) * (node.len() & 1);
            nodes.push(node);
        }
    }

    fn node(self, bytes: &[u8], start: usize) -> Option<Node> {
        let end = |len: u64| start.saturating_add(len as usize).min(bytes.len());
        match self {
            Format::Ebml => {
                let id_len = bytes.get(start)?.leading_zeros() as usize + 1;
                let size_at = start + id_len;
                let size_len = bytes.get(size_at).filter(|first| **first > 0)?;
                let size_len = size_len.leading_zeros() as usize + 1;
                let value = number(bytes, size_at..size_at + size_len)?;
                let len = value & ((1 << (7 * size_len)) - 1);
                let content = size_at + size_len;
                Some(Node {
                    size: size_at..content,
                    ..plain(
                        start,
                        start..size_at,
                        content,
                        end(len.saturating_add((content - start) as u64)),
                    )
                })
            }
            Format::Riff => {
                let size = start + 4..start + 8;
                let len = u32::from_le_bytes(bytes.get(size.clone())?.try_into().ok()?);
                Some(Node {
                    size,
                    ..plain(start, start..start + 4, start + 8, end(u64::from(len) + 8))
                })
            }
            _ => {
                let size = start..start + 4;
                let kind = start + 4..start + 8;
                let (len, content, size) = match number(bytes, size.clone())? {
                    0 => (bytes.len() as u64, start + 8, size),
                    1 => (
                        number(bytes, start + 8..start + 16)?,
                        start + 16,
                        start + 8..start + 16,
                    ),
                    len => (len, start + 8, size),
                };
                Some(Node {
                    size,
                    ..plain(start, kind, content, end(len))
                })
            }
        }
    }

    /// Bytes before the first element inside one of this type; `None` if it has none inside.
    fn children(self, kind: &[u8]) -> Option<usize> {
        match (self, kind) {
            (Format::Riff, b"RIFF" | b"LIST") => Some(4),
            (Format::Boxes, b"meta" | b"dref") => Some(if kind == b"meta" { 4 } else { 8 }),
            (Format::Boxes, b"stsd") => Some(8),
            (Format::Boxes, b"avc1" | b"hvc1" | b"hev1" | b"mp4v" | b"av01" | b"vp09") => Some(78),
            (Format::Boxes, b"mp4a" | b"Opus" | b"ac-3") => Some(28),
            (
                Format::Boxes,
                b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"edts" | b"udta" | b"moof"
                | b"traf" | b"mvex" | b"dinf" | b"ilst" | b"sinf" | b"schi" | b"wave" | b"tref",
            ) => Some(0),
            // Segment, SeekHead, Seek, Info, Tracks, TrackEntry, Video, Colour, Audio,
            // ContentEncodings and theirs, Cluster, BlockGroup, Cues and theirs, Tags, Chapters.
            (
                Format::Ebml,
                [0x18, 0x53, 0x80, 0x67]
                | [0x11, 0x4d, 0x9b, 0x74]
                | [0x4d, 0xbb]
                | [0x15, 0x49, 0xa9, 0x66]
                | [0x16, 0x54, 0xae, 0x6b]
                | [0xae]
                | [0xe0]
                | [0x55, 0xb0]
                | [0xe1]
                | [0x6d, 0x80]
                | [0x62, 0x40]
                | [0x50, 0x34]
                | [0x1f, 0x43, 0xb6, 0x75]
                | [0xa0]
                | [0x1c, 0x53, 0xbb, 0x6b]
                | [0xbb]
                | [0xb7]
                | [0x12, 0x54, 0xc3, 0x67]
                | [0x73, 0x73]
                | [0x10, 0x43, 0xa7, 0x70]
                | [0x1a, 0x45, 0xdf, 0xa3],
            ) => Some(0),
            _ => None,
        }
    }

    /// Writes what an element claims to be long, header and all, in as many bytes as are there.
    pub(super) fn write_size(self, bytes: &mut [u8], node: &Node, len: u64) {
        let field = &mut bytes[node.size.clone()];
        let width = field.len();
        let header_len = (node.content - node.start) as u64;
        let bytes_of = |value: u64| value.to_be_bytes();
        match self {
            Format::Boxes => field.copy_from_slice(&bytes_of(len)[8 - width..]),
            Format::Riff => {
                let len = len.wrapping_sub(header_len) as u32;
                field.copy_from_slice(&len.to_le_bytes());
            }
            Format::Ebml => {
                let marker = 1 << (7 * width);
                let value = len.wrapping_sub(header_len) & (marker - 1) | marker;
                field.copy_from_slice(&bytes_of(value)[8 - width..]);
            }
            Format::Flv => {
                field.copy_from_slice(&bytes_of(len.wrapping_sub(15))[8 - width..]);
            }
            Format::Ogg | Format::Ts | Format::StartCodes => {}
        }
    }

    /// Makes checksums right again where readers insist on them.
    pub(super) fn mend_sums(self, bytes: &mut [u8]) {
        if !matches!(self, Format::Ogg) {
            return;
        }
        for page in self.nodes(bytes) {
            let page = &mut bytes[page.start..page.end];
            page[22..26].fill(0);
            let sum = page.iter().fold(0_u32, |sum, byte| {
                (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
                    sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 }
                })
            });
            page[22..26].copy_from_slice(&sum.to_le_bytes());
        }
    }
}

fn plain(start: usize, kind: Range<usize>, content: usize, end: usize) -> Node {
    Node {
        start,
        kind,
        size: start..start,
        content,
        end,
    }
}

/// Pieces that each begin with a marker and end where the next begins.
fn flat(bytes: &[u8], marker: &[u8], kind: Range<usize>, header: usize, nodes: &mut Vec<Node>) {
    let found = bytes.windows(marker.len()).enumerate();
    let starts: Vec<usize> = found
        .filter(|(_, at)| *at == marker)
        .map(|(at, _)| at)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    nodes.extend(starts.iter().zip(ends).map(|(&start, end)| {
        plain(
            start,
            start + kind.start..start + kind.end,
            start + header,
            end,
        )
    }));
}

fn number(bytes: &[u8], range: Range<usize>) -> Option<u64> {
    let bytes = bytes.get(range)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}
