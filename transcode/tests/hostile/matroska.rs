//! Writes Matroska files that no muxer would (RFC 8794, RFC 9559).

pub(crate) const SEGMENT: &[u8] = &[0x18, 0x53, 0x80, 0x67];
const INFO: &[u8] = &[0x15, 0x49, 0xa9, 0x66];
const TRACKS: &[u8] = &[0x16, 0x54, 0xae, 0x6b];
const CLUSTER: &[u8] = &[0x1f, 0x43, 0xb6, 0x75];

pub(crate) fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let len = (content.len() as u64) | 1 << 56;
    [id, &len.to_be_bytes(), content].concat()
}

/// An element that claims to be longer than any file.
pub(crate) fn endless(id: &[u8], content: &[u8]) -> Vec<u8> {
    let len = 0x01ff_ffff_ffff_fffe_u64;
    [id, &len.to_be_bytes(), content].concat()
}

pub(crate) fn header() -> Vec<u8> {
    element(
        &[0x1a, 0x45, 0xdf, 0xa3],
        &element(&[0x42, 0x82], b"matroska"),
    )
}

/// JPEG pictures of 64×48, ten a second; `info` and `rest` are elements of Info and of the segment.
pub(crate) fn file(jpegs: &[Vec<u8>], info: &[u8], rest: &[u8]) -> Vec<u8> {
    let size = [element(&[0xb0], &[64]), element(&[0xba], &[48])].concat();
    let track = [
        element(&[0xd7], &[1]),
        element(&[0x73, 0xc5], &[1]),
        element(&[0x83], &[1]),
        element(&[0x86], b"V_MJPEG"),
        element(&[0xe0], &size),
    ];
    let scale = element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes());
    let blocks = (0_u16..).zip(jpegs).map(|(at, jpeg)| {
        let at_ms = (at * 100).to_be_bytes();
        element(&[0xa3], &[&[0x81], &at_ms[..], &[0x80], jpeg].concat())
    });
    let cluster: Vec<u8> = element(&[0xe7], &[0])
        .into_iter()
        .chain(blocks.flatten())
        .collect();
    let segment = [
        element(INFO, &[&scale, info].concat()),
        element(TRACKS, &element(&[0xae], &track.concat())),
        rest.to_vec(),
        element(CLUSTER, &cluster),
    ];
    [header(), element(SEGMENT, &segment.concat())].concat()
}
