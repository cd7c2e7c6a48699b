//! H.264 levels (ITU-T H.264 Annex A, Table A-1).

/// What a level lets a stream ask of a decoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    pub(crate) idc: u8,
    mbs_per_s: u64,
    frame_mbs: u64,
    dpb_mbs: u64,
    /// Kilobits a second, and kilobits in the buffer, before the profile's factor.
    kbps: u64,
    buffer_kbit: u64,
}

/// What a stream asks of a decoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) width_mbs: u64,
    pub(crate) height_mbs: u64,
    pub(crate) dpb_frames: u64,
    pub(crate) frame_rate: f64,
    /// The largest stretch between two IDR frames: its bits and how long it lasts.
    pub(crate) peak_bits: u64,
    pub(crate) peak_s: f64,
    pub(crate) is_high_profile: bool,
}

#[rustfmt::skip]
const LEVELS: [Level; 17] = [
    level(10, 1_485, 99, 396, 64, 175),
    level(9, 1_485, 99, 396, 128, 350), // 1b
    level(11, 3_000, 396, 900, 192, 500),
    level(12, 6_000, 396, 2_376, 384, 1_000),
    level(13, 11_880, 396, 2_376, 768, 2_000),
    level(20, 11_880, 396, 2_376, 2_000, 2_000),
    level(21, 19_800, 792, 4_752, 4_000, 4_000),
    level(22, 20_250, 1_620, 8_100, 4_000, 4_000),
    level(30, 40_500, 1_620, 8_100, 10_000, 10_000),
    level(31, 108_000, 3_600, 18_000, 14_000, 14_000),
    level(32, 216_000, 5_120, 20_480, 20_000, 20_000),
    level(40, 245_760, 8_192, 32_768, 20_000, 25_000),
    level(41, 245_760, 8_192, 32_768, 50_000, 62_500),
    level(42, 522_240, 8_704, 34_816, 50_000, 62_500),
    level(50, 589_824, 22_080, 110_400, 135_000, 135_000),
    level(51, 983_040, 36_864, 184_320, 240_000, 240_000),
    level(52, 2_073_600, 36_864, 184_320, 240_000, 240_000),
];

const fn level(
    idc: u8,
    mbs_per_s: u64,
    frame_mbs: u64,
    dpb_mbs: u64,
    kbps: u64,
    buffer_kbit: u64,
) -> Level {
    Level {
        idc,
        mbs_per_s,
        frame_mbs,
        dpb_mbs,
        kbps,
        buffer_kbit,
    }
}

impl Level {
    pub(crate) fn of(idc: u8) -> Option<Self> {
        LEVELS.into_iter().find(|level| level.idc == idc)
    }

    /// The smallest level for a load.
    pub(crate) fn needed(load: &Load) -> Option<Self> {
        LEVELS.into_iter().find(|level| level.carries(load))
    }

    pub(crate) fn carries(&self, load: &Load) -> bool {
        let frame_mbs = load.width_mbs * load.height_mbs;
        // A.3.1: no side may be longer than the root of eight times the largest picture.
        let longest = load.width_mbs.max(load.height_mbs);
        // Timestamps round: a thousandth of a frame is none.
        let mbs_per_s = frame_mbs as f64 * load.frame_rate * 0.999;
        // Table A-2, for video in NAL units.
        let bits_per_kilobit = if load.is_high_profile { 1500 } else { 1200 };
        let bits = (self.kbps as f64 * load.peak_s + self.buffer_kbit as f64)
            * f64::from(bits_per_kilobit);
        frame_mbs <= self.frame_mbs
            && longest * longest <= 8 * self.frame_mbs
            && mbs_per_s <= self.mbs_per_s as f64
            && frame_mbs * load.dpb_frames <= self.dpb_mbs
            && load.peak_bits as f64 <= bits
    }
}
