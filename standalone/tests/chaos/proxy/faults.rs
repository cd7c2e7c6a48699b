//! What becomes of a request.

use std::time::Duration;

use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends before the request was passed on.
    Drop,
    /// Passed on later.
    Delay(Duration),
    /// Passed on when its sender's lease is long over, whether the sender still lives or not.
    Late(Duration),
    /// Passed on up to a byte, drawn from all of it; then the connection ends.
    CutRequest(u64),
    /// Passed on; its answer up to a byte.
    CutAnswer(u64),
    /// Passed on, took effect; the connection ends without an answer.
    Swallow,
    /// Never passed on, answered by 500.
    InternalError,
    /// Never passed on, answered by 503.
    SlowDown,
    /// Passed on, took effect, and answered by 500 all the same.
    LateError,
}

impl Fault {
    /// As the report calls them.
    pub(crate) const NAMES: [&str; 9] = [
        "dropped",
        "delayed",
        "delayed beyond a lease",
        "request cut",
        "answer cut",
        "answer swallowed",
        "500",
        "503",
        "500 after the effect",
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES[match self {
            Self::Drop => 0,
            Self::Delay(_) => 1,
            Self::Late(_) => 2,
            Self::CutRequest(_) => 3,
            Self::CutAnswer(_) => 4,
            Self::Swallow => 5,
            Self::InternalError => 6,
            Self::SlowDown => 7,
            Self::LateError => 8,
        }]
    }
}

/// How often what happens, in thousandths of all requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) drop: u64,
    pub(crate) delay: u64,
    pub(crate) late: u64,
    pub(crate) cut_request: u64,
    pub(crate) cut_answer: u64,
    pub(crate) swallow: u64,
    pub(crate) internal_error: u64,
    pub(crate) slow_down: u64,
    pub(crate) late_error: u64,
}

const DELAY_MIN: Duration = Duration::from_millis(20);
const DELAY_MAX: Duration = Duration::from_secs(2);
const LATE_MIN: Duration = Duration::from_secs(4);
const LATE_MAX: Duration = Duration::from_secs(9);

impl Rates {
    /// What happens to the next request; most often nothing.
    pub(crate) fn draw(&self, random: &mut Random) -> Option<Fault> {
        let (mut drawn, detail) = (random.below(1000), random.next());
        let delay = random.duration(DELAY_MIN, DELAY_MAX);
        let late = random.duration(LATE_MIN, LATE_MAX);
        for (rate, fault) in [
            (self.drop, Fault::Drop),
            (self.delay, Fault::Delay(delay)),
            (self.late, Fault::Late(late)),
            (self.cut_request, Fault::CutRequest(detail)),
            (self.cut_answer, Fault::CutAnswer(detail)),
            (self.swallow, Fault::Swallow),
            (self.internal_error, Fault::InternalError),
            (self.slow_down, Fault::SlowDown),
            (self.late_error, Fault::LateError),
        ] {
            if drawn < rate {
                return Some(fault);
            }
            drawn -= rate;
        }
        None
    }
}
