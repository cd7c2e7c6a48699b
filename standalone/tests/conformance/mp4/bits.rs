//! Bits and Exp-Golomb codes (ITU-T H.264 §7.2, §9.1).

pub(super) struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    /// The payload of a NAL unit: without the bytes that keep start codes out of it (§7.4.1).
    pub(super) fn of_nal(nal: &[u8]) -> Self {
        let mut bytes: Vec<u8> = Vec::new();
        let mut zeros = 0;
        for byte in nal {
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            bytes.push(*byte);
        }
        Self { bytes, at: 0 }
    }

    pub(super) fn flag(&mut self) -> Result<bool, String> {
        let byte = self.bytes.get(self.at / 8).ok_or("the SPS is cut short")?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    pub(super) fn u(&mut self, bits: usize) -> Result<u32, String> {
        (0..bits).try_fold(0, |sum, _| Ok(sum << 1 | u32::from(self.flag()?)))
    }

    pub(super) fn ue(&mut self) -> Result<u32, String> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return Err("the SPS holds a number that is too long".into());
            }
        }
        Ok((1 << zeros) - 1 + self.u(zeros)?)
    }
}
