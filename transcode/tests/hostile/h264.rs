//! H.264 parameter sets that no encoder writes.

use crate::mp4::boxed;

/// Exp-Golomb and fixed-width fields (ITU-T H.264 §7.2), for a parameter set that no encoder writes.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn fixed(mut self, width: u32, value: u32) -> Self {
        self.0
            .extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn golomb(self, value: u32) -> Self {
        let width = (value + 1).ilog2() + 1;
        self.fixed(2 * width - 1, value + 1)
    }

    fn bytes(self) -> Vec<u8> {
        let byte =
            |bits: &[bool]| (0..8).fold(0, |b, i| b << 1 | u8::from(bits.get(i) == Some(&true)));
        self.0.chunks(8).map(byte).collect()
    }
}

/// A sequence parameter set (ITU-T H.264 §7.3.2.1.1) for pictures of so many macroblocks.
fn parameter_set(width: u32, height: u32) -> Vec<u8> {
    let bits = Bits::default().fixed(8, 0x67).fixed(24, 0x42_00_33);
    // Id, frame_num, order count of type 2, references, no gaps; size; frames, inference, no crop.
    let bits = bits.golomb(0).golomb(0).golomb(2).golomb(1).fixed(1, 0);
    let bits = bits.golomb(width - 1).golomb(height - 1);
    bits.fixed(1, 1)
        .fixed(1, 1)
        .fixed(1, 0)
        .fixed(1, 0)
        .fixed(1, 1)
        .bytes()
}

/// An `avc1` sample entry (ISO/IEC 14496-12 §12.1.3) that claims another size and, if a number of
/// macroblocks is given, means it.
pub(crate) fn resized(entry: &[u8], side_px: u16, macroblocks: Option<u16>) -> Vec<u8> {
    let (fields, configuration) = entry[8..].split_at(78);
    let mut fields = fields.to_vec();
    fields[24..26].copy_from_slice(&side_px.to_be_bytes());
    fields[26..28].copy_from_slice(&side_px.to_be_bytes());
    let configuration = match macroblocks {
        Some(side) => {
            let set = parameter_set(side.into(), side.into());
            let len = (set.len() as u16).to_be_bytes();
            let picture_set = [1, 0, 4, 0x68, 0xce, 0x38, 0x80];
            let start = [1, 0x42, 0, 0x33, 0xff, 0xe1];
            boxed(b"avcC", &[&start[..], &len, &set, &picture_set].concat())
        }
        None => configuration.to_vec(),
    };
    boxed(b"avc1", &[fields, configuration].concat())
}
