//! How long to wait before the next look at what may hold nothing: LISTs cost money.

use std::time::Duration;

const FLOOR: Duration = Duration::from_secs(1);

/// Waits that grow as long as nothing is found.
pub(crate) struct Idle {
    fixed: Option<Duration>,
    ceiling: Duration,
    next: Duration,
}

impl Idle {
    /// From a second up to `ceiling`; always `fixed`, if that is set.
    pub(crate) fn new(fixed: Option<Duration>, ceiling: Duration) -> Self {
        Self {
            fixed,
            ceiling,
            next: FLOOR,
        }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 3 / 2).min(self.ceiling);
        self.fixed.unwrap_or(now)
    }

    pub(crate) fn reset(&mut self) {
        self.next = FLOOR;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_idle_looks_less_and_less_often() {
        let ceiling = Duration::from_secs(10);
        let mut idle = Idle::new(None, ceiling);
        let waits: Vec<_> = std::iter::repeat_with(|| idle.next()).take(8).collect();
        assert_eq!((waits[0], waits[7]), (FLOOR, ceiling));
        idle.reset();
        assert_eq!(idle.next(), FLOOR);
        let fixed = Duration::from_millis(500);
        let mut idle = Idle::new(Some(fixed), ceiling);
        assert_eq!((idle.next(), idle.next()), (fixed, fixed));
    }
}
