//! Speech of old phones: libavcodec decodes one AMR frame a packet, a 3GP file holds several.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, Rescale, codec};

/// A frame's duration (RFC 4867 §3.1) in milliseconds.
const FRAME_MS: i64 = 20;

/// Bytes of a frame for each frame type, its header included (RFC 4867 §5.3; 3GPP TS 26.101
/// and 26.201). Types without an entry are reserved or carry no speech.
const NARROW_BAND: &[usize] = &[13, 14, 16, 18, 20, 21, 27, 32, 6];
const WIDE_BAND: &[usize] = &[18, 24, 33, 37, 41, 47, 51, 59, 61, 6];

/// Packets of one frame each, for a codec of this family; `None` for all others.
pub(super) fn split(
    id: codec::Id,
    packet: &ffmpeg::Packet,
    time_base: Rational,
) -> Option<Vec<ffmpeg::Packet>> {
    let lens = match id {
        codec::Id::AMR_NB => NARROW_BAND,
        codec::Id::AMR_WB => WIDE_BAND,
        _ => return None,
    };
    let frames = frames(packet.data().unwrap_or_default(), lens);
    let frames = (0..).zip(frames).map(|(number, bytes)| {
        let mut frame = ffmpeg::Packet::copy(bytes);
        let later = (number * FRAME_MS).rescale((1, 1000), time_base);
        frame.set_pts(packet.pts().map(|pts| pts.saturating_add(later)));
        frame.set_dts(packet.dts().map(|dts| dts.saturating_add(later)));
        frame.set_duration(FRAME_MS.rescale((1, 1000), time_base));
        frame
    });
    Some(frames.collect())
}

fn frames<'a>(mut bytes: &'a [u8], lens: &'static [usize]) -> impl Iterator<Item = &'a [u8]> {
    std::iter::from_fn(move || {
        let frame_type = usize::from(bytes.first()? >> 3 & 0x0f);
        let len = lens.get(frame_type).copied().unwrap_or(1).min(bytes.len());
        let (frame, rest) = bytes.split_at(len);
        bytes = rest;
        Some(frame)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_becomes_a_packet_in_its_time() {
        // Two frames of 12.2 kbit/s, one of silence, one that is cut short.
        let frame = |header: u8, len: usize| [&[header][..], &vec![0; len - 1]].concat();
        let bytes = [
            frame(0x3c, 32),
            frame(0x3c, 32),
            frame(0x44, 6),
            frame(0x3c, 9),
        ]
        .concat();
        let mut packet = ffmpeg::Packet::copy(&bytes);
        packet.set_pts(Some(800));
        let packets = split(codec::Id::AMR_NB, &packet, Rational(1, 8000)).unwrap();
        let seen: Vec<_> = packets.iter().map(|p| (p.size(), p.pts())).collect();
        let expected = [(32, 800), (32, 960), (6, 1120), (9, 1280)];
        assert_eq!(seen, expected.map(|(len, pts)| (len, Some(pts))));
        assert!(split(codec::Id::AAC, &packet, Rational(1, 8000)).is_none());
    }
}
