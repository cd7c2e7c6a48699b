//! Choices that a seed repeats: SplitMix64, one generator for each actor.

use std::time::Duration;

pub(crate) struct Random(u64);

impl Random {
    /// The generator of one actor: what the others draw does not change what it draws.
    pub(crate) fn new(seed: u64, actor: &str) -> Self {
        // FNV-1a.
        let name = actor.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self(seed ^ name)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0. The bias is far below what a test could notice.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn duration(&mut self, from: Duration, to: Duration) -> Duration {
        let span_ms = (to - from).as_millis() as u64;
        from + Duration::from_millis(self.below(span_ms + 1))
    }
}
