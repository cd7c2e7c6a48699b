//! How a file of known length is cut into parts.

use crate::multipart::PARTS_MAX;

/// S3's limit of a part (AWS, "Amazon S3 multipart upload limits").
const PART_LEN_BYTES_MAX: u64 = 5 << 30;

/// A part of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// From 1.
    pub(crate) number: u16,
    pub(crate) len_bytes: u64,
}

/// Parts of equal length, the last one of what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartLayout {
    len_bytes: u64,
    part_len_bytes: u64,
}

impl PartLayout {
    /// None where there is no part at all, or S3 would not take these.
    pub(crate) fn new(len_bytes: u64, part_len_bytes: u64) -> Option<Self> {
        let layout = Self {
            len_bytes,
            part_len_bytes,
        };
        let fits = len_bytes > 0
            && (1..=PART_LEN_BYTES_MAX).contains(&part_len_bytes)
            && len_bytes.div_ceil(part_len_bytes) <= PARTS_MAX as u64;
        fits.then_some(layout)
    }

    pub(crate) fn len_bytes(self) -> u64 {
        self.len_bytes
    }

    pub(crate) fn part_len_bytes(self) -> u64 {
        self.part_len_bytes
    }

    /// How many parts there are: at least one.
    pub(crate) fn count(self) -> u16 {
        // No more than S3's 10,000, as was checked when this was made.
        self.len_bytes.div_ceil(self.part_len_bytes) as u16
    }

    /// The part of this number, if there is one.
    pub(crate) fn part(self, number: u16) -> Option<Part> {
        let before_bytes = u64::from(number.checked_sub(1)?) * self.part_len_bytes;
        let left_bytes = self.len_bytes.saturating_sub(before_bytes);
        (left_bytes > 0).then_some(Part {
            number,
            len_bytes: left_bytes.min(self.part_len_bytes),
        })
    }

    pub(crate) fn parts(self) -> impl Iterator<Item = Part> {
        (1..=self.count()).filter_map(move |number| self.part(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part_len_bytes;

    #[test]
    fn parts_are_equal_and_add_up() {
        const MIB: u64 = 1 << 20;
        let most = PARTS_MAX as u64 * PART_LEN_BYTES_MAX;
        let mut lengths = vec![1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 80_000 * MIB];
        lengths.extend([80_000 * MIB + 1, 5 << 40, most - 1, most]);
        // Any length, by a linear congruence.
        let mut any = 1_u64;
        for _ in 0..300 {
            any = any.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            lengths.push(any % most + 1);
        }
        for len_bytes in lengths {
            let layout = PartLayout::new(len_bytes, part_len_bytes(len_bytes)).unwrap();
            let parts: Vec<_> = layout.parts().collect();
            assert!((1..=PARTS_MAX).contains(&parts.len()), "{layout:?}");
            assert_eq!(parts.len(), usize::from(layout.count()));
            let (last, others) = parts.split_last().unwrap();
            let is_whole = |part: &Part| part.len_bytes == layout.part_len_bytes();
            assert!(others.iter().all(is_whole), "{layout:?}");
            assert!((1..=layout.part_len_bytes()).contains(&last.len_bytes));
            let sum: u64 = parts.iter().map(|part| part.len_bytes).sum();
            assert_eq!(sum, len_bytes);
            for number in [0, layout.count() + 1, u16::MAX] {
                assert_eq!(layout.part(number), None, "{layout:?}");
            }
        }
        for (len_bytes, part_len_bytes) in [
            (0, 8 * MIB),
            (most + 1, part_len_bytes(most + 1)),
            (u64::MAX, part_len_bytes(most)),
            (10, 0),
            (10_001, 1),
        ] {
            assert_eq!(PartLayout::new(len_bytes, part_len_bytes), None);
        }
    }
}
