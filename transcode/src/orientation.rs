//! How a coded picture has to be turned to stand upright.

/// The pixel operation that a display matrix asks for (ISO/IEC 14496-12 §6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// Upright as coded.
    #[default]
    Upright,
    /// Turned by a quarter, clockwise.
    Clockwise,
    /// Turned by a quarter, counter-clockwise.
    CounterClockwise,
    /// Turned by a half.
    UpsideDown,
    /// Left and right change places.
    MirroredHorizontally,
    /// Top and bottom change places.
    MirroredVertically,
    /// Mirrored along the falling diagonal.
    Transposed,
    /// Mirrored along the rising diagonal.
    Transversed,
}

impl Orientation {
    /// From nine native-endian 16.16 numbers, as libav keeps them; anything that is no rotation
    /// by quarters is taken for the nearest one.
    #[must_use]
    pub fn from_display_matrix(bytes: &[u8]) -> Self {
        let element = |at: usize| -> i64 {
            let bytes = bytes
                .get(at * 4..at * 4 + 4)
                .and_then(|four| four.try_into().ok());
            bytes.map_or(0, i32::from_ne_bytes).into()
        };
        let (a, b, c, d) = (element(0), element(1), element(3), element(4));
        if b.abs() + c.abs() > a.abs() + d.abs() {
            match (b > 0, c > 0) {
                (true, false) => Self::Clockwise,
                (false, true) => Self::CounterClockwise,
                (true, true) => Self::Transposed,
                (false, false) => Self::Transversed,
            }
        } else {
            match (a < 0, d < 0) {
                (false, false) => Self::Upright,
                (true, true) => Self::UpsideDown,
                (true, false) => Self::MirroredHorizontally,
                (false, true) => Self::MirroredVertically,
            }
        }
    }

    /// Whether width and height change places.
    #[must_use]
    pub fn swaps_sides(self) -> bool {
        use Orientation::{Clockwise, CounterClockwise, Transposed, Transversed};
        matches!(
            self,
            Clockwise | CounterClockwise | Transposed | Transversed
        )
    }

    /// The libavfilter chain that does it; `None` if there is nothing to do.
    pub(crate) fn filter(self) -> Option<&'static str> {
        Some(match self {
            Self::Upright => return None,
            Self::Clockwise => "transpose=clock",
            Self::CounterClockwise => "transpose=cclock",
            Self::UpsideDown => "hflip,vflip",
            Self::MirroredHorizontally => "hflip",
            Self::MirroredVertically => "vflip",
            Self::Transposed => "transpose=cclock_flip",
            Self::Transversed => "transpose=clock_flip",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: i32, b: i32, c: i32, d: i32) -> Orientation {
        let matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 30];
        let bytes: Vec<u8> = matrix
            .iter()
            .flat_map(|e| (e << 16).to_ne_bytes())
            .collect();
        Orientation::from_display_matrix(&bytes)
    }

    #[test]
    fn the_four_turns_and_their_mirrors() {
        assert_eq!(of(1, 0, 0, 1), Orientation::Upright);
        assert_eq!(of(0, 1, -1, 0), Orientation::Clockwise);
        assert_eq!(of(0, -1, 1, 0), Orientation::CounterClockwise);
        assert_eq!(of(-1, 0, 0, -1), Orientation::UpsideDown);
        assert_eq!(of(-1, 0, 0, 1), Orientation::MirroredHorizontally);
        assert_eq!(of(1, 0, 0, -1), Orientation::MirroredVertically);
        assert_eq!(of(0, 1, 1, 0), Orientation::Transposed);
        assert_eq!(of(0, -1, -1, 0), Orientation::Transversed);
    }

    #[test]
    fn garbage_is_upright() {
        assert_eq!(of(0, 0, 0, 0), Orientation::Upright);
        assert_eq!(
            Orientation::from_display_matrix(&[1, 2, 3]),
            Orientation::Upright
        );
    }
}
