//! How a rate is written: `300/5m`.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use governor::Quota;
use store::parse_duration_from_1s;

/// So many requests at once, and as many again spread evenly over each period; or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(Option<Quota>);

/// Text that is not a rate.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a rate: write it like 300/5m (300 requests each 5 minutes), or off")]
pub struct NotARate(String);

impl Rate {
    /// No limit.
    pub const OFF: Self = Self(None);

    pub(super) fn quota(self) -> Option<Quota> {
        self.0
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotARate(text.to_owned());
        let text = text.trim();
        if text == "off" || text == "0" {
            return Ok(Self::OFF);
        }
        let (most, period) = text.split_once('/').ok_or_else(refused)?;
        let most: NonZeroU32 = most.trim().parse().map_err(|_| refused())?;
        let period = parse_duration_from_1s(period.trim()).map_err(|_| refused())?;
        // The crate counts nanoseconds in 64 bits, from the start on.
        if period > Duration::from_secs(365 * 86_400) {
            return Err(refused());
        }
        let quota = Quota::with_period(period / most.get()).ok_or_else(refused)?;
        Ok(Self(Some(quota.allow_burst(most))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_burst_and_what_comes_back_of_it() {
        let quota = "300/5m".parse::<Rate>().unwrap().quota().unwrap();
        assert_eq!(quota.burst_size().get(), 300);
        assert_eq!(quota.replenish_interval(), Duration::from_secs(1));
        for off in ["off", "0", " off "] {
            assert_eq!(off.parse::<Rate>().unwrap(), Rate::OFF, "{off}");
        }
        for bad in [
            "",
            "300",
            "0/5m",
            "/5m",
            "300/",
            "300/0s",
            "1/2/3",
            "-1/5m",
            "1/9999999d",
        ] {
            assert!(bad.parse::<Rate>().is_err(), "{bad:?}");
        }
    }
}
