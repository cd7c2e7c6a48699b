//! What is remembered of clients: for each a time (GCRA's theoretical arrival time), for a bounded
//! number of them.
//!
//! Clients of whom nothing is owed any more are forgotten. An attacker with more addresses than there is
//! room for makes those who come after share what is left: a few hundred cells, chosen by a hash
//! that nobody can foresee. Whoever was there before keeps a cell of their own.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

/// About 1 MiB.
const MOST_CELLS: usize = 20_000;
const SHARED_CELLS: usize = 256;

/// Of whom the limiter asks, and whether the request counts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Ask<K> {
    pub(super) client: K,
    pub(super) counts: bool,
}

pub(super) struct Cells<K> {
    cells: Mutex<Held<K>>,
}

struct Held<K> {
    own: HashMap<K, Nanos>,
    shared: Vec<Option<Nanos>>,
}

impl<K> Default for Cells<K> {
    fn default() -> Self {
        Self {
            cells: Mutex::new(Held {
                own: HashMap::new(),
                shared: vec![None; SHARED_CELLS],
            }),
        }
    }
}

impl<K> Cells<K> {
    fn lock(&self) -> MutexGuard<'_, Held<K>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> StateStore for Cells<K> {
    type Key = Ask<K>;

    fn measure_and_replace<T, F, E>(&self, ask: &Self::Key, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Held { own, shared } = &mut *self.lock();
        let is_own = own.len() < MOST_CELLS || own.contains_key(&ask.client);
        let slot = own.hasher().hash_one(&ask.client) as usize % SHARED_CELLS;
        let before = match is_own {
            true => own.get(&ask.client).copied(),
            false => shared[slot],
        };
        let (allowed, after) = decide(before)?;
        match (ask.counts, is_own) {
            (false, _) => {}
            (true, true) => drop(own.insert(ask.client.clone(), after)),
            (true, false) => shared[slot] = Some(after),
        }
        Ok(allowed)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<Ask<K>> for Cells<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().own.retain(|_, time| *time > drop_below);
    }

    fn shrink_to_fit(&self) {
        self.lock().own.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.lock().own.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
