//! Which process is to die at which step, in turn, and which of them did.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use store::FailPoint;

use crate::random::Random;

/// Those of an upload and of a deletion, which are the API's; the rest of the path is a worker's.
const API: [FailPoint; 20] = [
    FailPoint::OriginalBegun,
    FailPoint::OriginalPartStored,
    FailPoint::UploadOpened,
    FailPoint::UploadNamed,
    FailPoint::WriterNamed,
    FailPoint::UploadPartStored,
    FailPoint::UploadPartRecorded,
    FailPoint::TailStored,
    FailPoint::TailNamed,
    FailPoint::UploadCompleted,
    FailPoint::UploadGivenUp,
    FailPoint::OriginalStored,
    FailPoint::StatusCreated,
    FailPoint::Indexed,
    FailPoint::Queued,
    FailPoint::TombstoneStored,
    FailPoint::DeletedMarker,
    FailPoint::DeletedStatus,
    FailPoint::DeletedMedia,
    FailPoint::DeletedOriginal,
];

/// Else no process would get further than to its first job any more.
const TIMES_MAX: u64 = 8;

/// So many freeze there in place of aborting.
const STOP_ONE_IN: u64 = 5;

/// Who reaches a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Api,
    Worker,
}

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Abort,
    /// The process freezes, until it is woken.
    Stop,
}

/// What a process is told at its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) point: FailPoint,
    pub(crate) action: Action,
    /// At which of the times that the point is reached, from 1.
    time: u64,
    /// How often the point was ordered while nobody had aborted at it, this time included.
    pub(crate) tries: u32,
}

impl Order {
    /// What `FAIL_POINTS` is to say.
    pub(crate) fn variable(self) -> String {
        let action = match self.action {
            Action::Abort => "abort",
            Action::Stop => "stop",
        };
        format!("{}={action}#{}", self.point.name(), self.time)
    }
}

/// How often something happened at a point.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fired {
    pub(crate) aborted: u64,
    pub(crate) frozen: u64,
}

pub(crate) struct FailPoints {
    fired: Mutex<BTreeMap<&'static str, Fired>>,
    /// How many were handed out on each side.
    turns: Mutex<[usize; 2]>,
    /// How many of each were, as long as nobody had aborted there.
    tries: Mutex<BTreeMap<&'static str, u32>>,
}

impl FailPoints {
    pub(crate) fn new() -> Self {
        let all = points(Side::Api).chain(points(Side::Worker));
        let fired = all.map(|point| (point.name(), Fired::default()));
        Self {
            fired: Mutex::new(fired.collect()),
            turns: Mutex::default(),
            tries: Mutex::default(),
        }
    }

    /// The next point in turn: of those at which nobody aborted so far, then of all.
    pub(crate) fn next(&self, side: Side, random: &mut Random) -> Order {
        let action = match random.below(STOP_ONE_IN) {
            0 => Action::Stop,
            _ => Action::Abort,
        };
        let time = random.below(TIMES_MAX) + 1;
        let missing = self.missing();
        let is_open = |point: &FailPoint| missing.contains(&point.name());
        let open: Vec<_> = points(side).filter(is_open).collect();
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = &mut turns[side as usize];
        *turn += 1;
        if open.is_empty() {
            let all: Vec<_> = points(side).collect();
            let point = all[*turn % all.len()];
            return Order {
                point,
                action,
                time,
                tries: 1,
            };
        }
        // What is rare is not to be waited for until it comes a second time.
        let point = open[*turn % open.len()];
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = tries.entry(point.name()).or_default();
        *tries += 1;
        Order {
            point,
            action: Action::Abort,
            time: 1,
            tries: *tries,
        }
    }

    /// Notes that an order was carried out, which the process's own log must say.
    pub(crate) fn note(&self, order: Order, said: &str) -> bool {
        let name = format!("\"name\":\"{}\"", order.point.name());
        let mut lines = said.lines();
        let carried_out = lines.any(|line| line.contains("fail point") && line.contains(&name));
        let mut fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        let fired = fired.entry(order.point.name()).or_default();
        match order.action {
            Action::Abort => fired.aborted += u64::from(carried_out),
            Action::Stop => fired.frozen += u64::from(carried_out),
        }
        carried_out
    }

    pub(crate) fn fired(&self) -> BTreeMap<&'static str, Fired> {
        let fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        fired.clone()
    }

    /// Those at which nobody aborted.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let fired = self.fired().into_iter();
        fired
            .filter_map(|(name, fired)| (fired.aborted == 0).then_some(name))
            .collect()
    }
}

fn points(side: Side) -> impl Iterator<Item = FailPoint> {
    let is_api = side == Side::Api;
    let all = FailPoint::ALL.iter().copied();
    all.filter(move |point| API.contains(point) == is_api)
}
