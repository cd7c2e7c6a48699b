//! One limit: how often each of many clients may do something.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use store::metrics::{RATE_LIMITED, RateKind};

use super::Rate;
use super::cells::{Ask, Cells};
use crate::error::ApiError;

/// How often clients of whom nothing is owed are forgotten, which takes a moment.
const FORGET_INTERVAL: Duration = Duration::from_secs(10);

/// What rates are measured by: the time since any fixed moment.
#[derive(Clone)]
pub(crate) struct RateClock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl RateClock {
    /// This process's own clock, which nobody sets.
    pub(crate) fn monotonic() -> Self {
        let start = Instant::now();
        Self::new(move || start.elapsed())
    }

    pub(crate) fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }
}

impl Clock for RateClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        (self.0)()
    }
}

type Keyed<K> = RateLimiter<Ask<K>, Cells<K>, RateClock, NoOpMiddleware<Duration>>;

pub(super) struct Limiter<K: Hash + Eq + Clone> {
    kind: RateKind,
    /// None where the limit is off.
    keyed: Option<Keyed<K>>,
    forgot_at: Mutex<Duration>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(super) fn new(kind: RateKind, rate: Rate, clock: &RateClock) -> Self {
        let keyed = rate
            .quota()
            .map(|quota| RateLimiter::new(quota, Cells::default(), clock.clone()));
        Self {
            kind,
            keyed,
            forgot_at: Mutex::new(clock.now()),
        }
    }

    /// Counts a request of this client, or refuses it: then it does not count.
    pub(super) fn count(&self, client: K) -> Result<(), ApiError> {
        self.decide(Ask {
            client,
            counts: true,
        })
    }

    /// Refuses what [`count`](Self::count) would refuse now, and counts nothing.
    pub(super) fn look(&self, client: K) -> Result<(), ApiError> {
        self.decide(Ask {
            client,
            counts: false,
        })
    }

    fn decide(&self, ask: Ask<K>) -> Result<(), ApiError> {
        let Some(keyed) = &self.keyed else {
            return Ok(());
        };
        self.forget(keyed);
        keyed.check_key(&ask).map_err(|not_until| {
            RATE_LIMITED.inc([self.kind.as_str()]);
            let wait = not_until.wait_time_from(keyed.clock().now());
            // Whole seconds, and never too early.
            let retry_after_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            ApiError::RateLimited {
                retry_after_s: retry_after_s.max(1),
            }
        })
    }

    fn forget(&self, keyed: &Keyed<K>) {
        let now = keyed.clock().now();
        {
            let mut forgot_at = self
                .forgot_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if now.saturating_sub(*forgot_at) < FORGET_INTERVAL {
                return;
            }
            *forgot_at = now;
        }
        keyed.retain_recent();
        keyed.shrink_to_fit();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter(rate: &str) -> (Limiter<u32>, FakeRelativeClock) {
        let fake = FakeRelativeClock::default();
        let shown = fake.clone();
        let clock = RateClock::new(move || Duration::from_nanos(shown.now().as_u64()));
        let rate = rate.parse().unwrap();
        (Limiter::new(RateKind::Upload, rate, &clock), fake)
    }

    fn retry_after_s(refused: Result<(), ApiError>) -> Option<u64> {
        match refused {
            Ok(()) => None,
            Err(ApiError::RateLimited { retry_after_s }) => Some(retry_after_s),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn who_waits_as_long_as_told_is_let_through_whatever_the_rate() {
        for rate in ["3/10s", "7/1s", "1000/1s", "1/1h", "50/7m"] {
            let (limiter, time) = limiter(rate);
            time.advance(Duration::from_millis(12_345));
            let mut let_through = 0_u32;
            let wait_s = loop {
                match retry_after_s(limiter.count(1)) {
                    None => let_through += 1,
                    Some(wait_s) => break wait_s,
                }
            };
            assert_eq!(
                let_through,
                rate.split_once('/').unwrap().0.parse::<u32>().unwrap()
            );
            assert!(wait_s >= 1);
            // Others are none the worse.
            assert_eq!(retry_after_s(limiter.count(2)), None, "{rate}");
            time.advance(Duration::from_secs(wait_s));
            assert_eq!(retry_after_s(limiter.count(1)), None, "{rate}");
        }
    }

    #[test]
    fn to_look_counts_nothing() {
        let (limiter, time) = limiter("2/1h");
        for _ in 0..10 {
            assert_eq!(retry_after_s(limiter.look(1)), None);
        }
        assert_eq!(retry_after_s(limiter.count(1)), None);
        assert_eq!(retry_after_s(limiter.count(1)), None);
        assert_eq!(retry_after_s(limiter.look(1)), Some(1800));
        time.advance(Duration::from_secs(1800));
        assert_eq!(retry_after_s(limiter.look(1)), None);
        assert_eq!(retry_after_s(limiter.count(1)), None);
    }

    #[test]
    fn a_million_addresses_fill_no_memory_and_let_nobody_slip_through() {
        let (limiter, time) = limiter("2/1h");
        let len = |limiter: &Limiter<u32>| limiter.keyed.as_ref().unwrap().len();
        // Here before the flood.
        assert_eq!(retry_after_s(limiter.count(0)), None);
        let let_through = (1..1_000_000).filter(|client| limiter.count(*client).is_ok());
        let let_through = let_through.count();
        assert_eq!(len(&limiter), 20_000);
        // All who found room, and two for each cell that the others share.
        assert_eq!(let_through, 19_999 + 2 * 256);
        // The flood has changed nothing for who was there, neither what is left nor what is not.
        assert_eq!(retry_after_s(limiter.count(0)), None);
        assert_eq!(retry_after_s(limiter.count(0)), Some(1800));

        // Once nothing is owed, all is forgotten.
        time.advance(Duration::from_secs(2 * 3600));
        assert_eq!(retry_after_s(limiter.count(0)), None);
        assert_eq!(len(&limiter), 1);
    }

    #[test]
    fn a_limit_that_is_off_limits_nothing() {
        let (limiter, _) = limiter("off");
        for _ in 0..1000 {
            assert_eq!(retry_after_s(limiter.count(1)), None);
        }
    }
}
