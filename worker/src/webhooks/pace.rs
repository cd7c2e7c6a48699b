//! When to look for events, and how many of them to try: there is one receiver, and so one backoff, however many
//! events wait for it.

use std::time::Duration;

use crate::idle::Idle;

/// What this worker ends it hears of at once; only what dead ones left is to be looked for.
const IDLE_CEILING: Duration = Duration::from_secs(30);
/// Between two looks, however soon the next attempt is due.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// A receiver that is down is asked so often. One that refuses an event for good is down, too, as long as there is
/// no other.
const DOWN_MAX: Duration = Duration::from_secs(60);

/// What came of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    /// Events that the receiver took.
    pub(crate) taken: usize,
    /// Those it did not take.
    pub(crate) failed: usize,
    /// Whether all records were seen.
    pub(crate) is_whole: bool,
    /// When the next of those seen is due.
    pub(crate) next_due: Option<Duration>,
}

/// What to do after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Look on from where the last look ended.
    GoOn,
    /// Look from the beginning.
    Anew,
    /// Look after that time, or as soon as a job ends.
    Rest(Duration),
    /// Look after that time, whatever ends.
    Sleep(Duration),
}

pub(crate) struct Pace {
    backoff: Duration,
    /// Rounds in a row of which the receiver took nothing: it is down.
    failed_rounds: u32,
    idle: Idle,
    /// All records are to be seen without a pause.
    is_walking: bool,
}

impl Pace {
    /// A receiver that is down is asked after `backoff`, and twice as long after each further attempt, up to a
    /// minute.
    pub(crate) fn new(backoff: Duration) -> Self {
        Self {
            backoff,
            failed_rounds: 0,
            idle: Idle::new(None, IDLE_CEILING),
            is_walking: true,
        }
    }

    /// Whether to try one event only.
    pub(crate) fn is_down(&self) -> bool {
        self.failed_rounds > 0
    }

    /// A job ended: its event may be anywhere.
    pub(crate) fn job_ended(&mut self) {
        self.is_walking = true;
    }

    /// After a round; none where S3 failed.
    pub(crate) fn next(&mut self, round: Option<Round>) -> Next {
        let Some(round) = round else {
            return Next::Rest(self.idle.next());
        };
        let was_down = self.is_down();
        if round.taken > 0 {
            self.failed_rounds = 0;
            self.idle.reset();
            if was_down {
                self.is_walking = true;
                return Next::Anew;
            }
        } else if round.failed > 0 {
            self.failed_rounds = self.failed_rounds.saturating_add(1);
            return Next::Sleep(self.down_wait());
        } else if was_down {
            let wait = self.down_wait();
            let wait = round.next_due.map_or(wait, |due| due.min(wait));
            return Next::Rest(wait.max(PAUSE_MIN));
        }
        if round.is_whole {
            self.is_walking = false;
        } else if self.is_walking || round.taken > 0 {
            return Next::GoOn;
        }
        let idle = self.idle.next();
        let due = round.next_due.map(|due| due.max(PAUSE_MIN));
        Next::Rest(due.map_or(idle, |due| due.min(idle)))
    }

    fn down_wait(&self) -> Duration {
        let doublings = self.failed_rounds.saturating_sub(1).min(20);
        self.backoff.saturating_mul(1 << doublings).min(DOWN_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Duration = Duration::from_secs(5);
    const MINUTE: Duration = Duration::from_secs(60);
    const NOTHING: Round = Round {
        taken: 0,
        failed: 0,
        is_whole: true,
        next_due: None,
    };

    fn failed() -> Option<Round> {
        // Of very many, which are due all the time.
        Some(Round {
            failed: 1,
            is_whole: false,
            next_due: Some(Duration::ZERO),
            ..NOTHING
        })
    }

    #[test]
    fn a_receiver_that_is_down_is_asked_once_a_minute_however_much_is_due() {
        let mut pace = Pace::new(BACKOFF);
        let waits: Vec<_> = (0..100)
            .map(|_| {
                pace.job_ended();
                pace.next(failed())
            })
            .collect();
        let s = Duration::from_secs;
        assert_eq!(waits[..3], [s(5), s(10), s(20)].map(Next::Sleep));
        assert!(waits[4..].iter().all(|wait| *wait == Next::Sleep(MINUTE)));
        assert!(pace.is_down());

        // Once it takes one event, all the others are looked for.
        let one = Round {
            taken: 1,
            is_whole: false,
            ..NOTHING
        };
        assert_eq!(pace.next(Some(one)), Next::Anew);
        assert!(!pace.is_down());
        assert_eq!(pace.next(Some(one)), Next::GoOn);
    }

    #[test]
    fn an_event_that_is_refused_for_good_does_not_make_the_others_wait_for_more_than_a_minute() {
        let mut pace = Pace::new(BACKOFF);
        let hour = Some(60 * MINUTE);
        for _ in 0..10 {
            assert!(matches!(pace.next(failed()), Next::Sleep(wait) if wait <= MINUTE));
            let none_due = Round {
                next_due: hour,
                ..NOTHING
            };
            // Then a job that ends is heard of at once.
            assert!(matches!(pace.next(Some(none_due)), Next::Rest(wait) if wait <= MINUTE));
        }
        // Where others are taken, the receiver is up.
        let mixed = Round {
            taken: 3,
            failed: 1,
            ..NOTHING
        };
        let mut pace = Pace::new(BACKOFF);
        assert!(matches!(pace.next(Some(mixed)), Next::Rest(_)));
        assert!(!pace.is_down());
    }

    #[test]
    fn records_that_nobody_tries_cost_one_page_at_a_time() {
        let mut pace = Pace::new(BACKOFF);
        let page = Round {
            is_whole: false,
            ..NOTHING
        };
        // After the start, and after each job, all are seen.
        assert_eq!(pace.next(Some(page)), Next::GoOn);
        assert!(matches!(pace.next(Some(NOTHING)), Next::Rest(_)));
        let waits: Vec<_> = (0..20).map(|_| pace.next(Some(page))).collect();
        assert_eq!(waits[19], Next::Rest(IDLE_CEILING));
        pace.job_ended();
        assert_eq!(pace.next(Some(page)), Next::GoOn);
    }
}
