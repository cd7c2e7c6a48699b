//! Which process is to die at which step, in turn, and which of them did.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use store::FailPoint;

use crate::random::Random;

/// Those of an upload and of a deletion, which are the API's; the rest of the path is a worker's.
const API: [FailPoint; 11] = [
    FailPoint::OriginalBegun,
    FailPoint::OriginalPartStored,
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

/// Who reaches a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Api,
    Worker,
}

pub(crate) struct FailPoints {
    /// How often each fired.
    fired: Mutex<BTreeMap<&'static str, u64>>,
    /// How many were handed out on each side.
    turns: Mutex<[usize; 2]>,
}

impl FailPoints {
    pub(crate) fn new() -> Self {
        let all = points(Side::Api).chain(points(Side::Worker));
        Self {
            fired: Mutex::new(all.map(|point| (point.name(), 0)).collect()),
            turns: Mutex::default(),
        }
    }

    /// The next point in turn, of those that have not fired yet as long as there are any, and what
    /// `FAIL_POINTS` is to say. Once all have fired, it is to fire at any of the next times.
    pub(crate) fn next(&self, side: Side, random: &mut Random) -> (FailPoint, String) {
        let time = random.below(TIMES_MAX) + 1;
        let fired = self.fired();
        let open: Vec<_> = points(side)
            .filter(|point| fired[point.name()] == 0)
            .collect();
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = &mut turns[side as usize];
        *turn += 1;
        match open.is_empty() {
            // What is rare is not to be waited for until it comes a second time.
            false => {
                let point = open[*turn % open.len()];
                (point, format!("{}=abort#1", point.name()))
            }
            true => {
                let all: Vec<_> = points(side).collect();
                let point = all[*turn % all.len()];
                (point, format!("{}=abort#{time}", point.name()))
            }
        }
    }

    /// Notes what the log of a process that aborted says.
    pub(crate) fn note(&self, said: &str) -> bool {
        let line = said.lines().rev().find(|line| line.contains("fail point"));
        let mut fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        let there = fired
            .iter_mut()
            .find(|(name, _)| line.is_some_and(|line| line.contains(&format!("\"{name}\""))));
        match there {
            Some((_, times)) => *times += 1,
            None => return false,
        }
        true
    }

    /// How often each fired.
    pub(crate) fn fired(&self) -> BTreeMap<&'static str, u64> {
        let fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        fired.clone()
    }

    /// Those that have not fired.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let fired = self.fired().into_iter();
        fired
            .filter_map(|(name, times)| (times == 0).then_some(name))
            .collect()
    }
}

fn points(side: Side) -> impl Iterator<Item = FailPoint> {
    let is_api = side == Side::Api;
    let all = FailPoint::ALL.iter().copied();
    all.filter(move |point| API.contains(point) == is_api)
}
