//! Places for event streams: so many in all, and fewer for each client's address, so that nobody takes all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client_address::ClientAddress;
use crate::error::ApiError;

#[derive(Default)]
struct Taken {
    in_all: u16,
    by_address: HashMap<ClientAddress, u16>,
}

pub(crate) struct EventSlots {
    most: u16,
    most_per_address: u16,
    taken: Mutex<Taken>,
}

impl EventSlots {
    pub(crate) fn new(most: u16, most_per_address: u16) -> Self {
        Self {
            most,
            most_per_address,
            taken: Mutex::default(),
        }
    }

    /// A place for as long as what is returned lives.
    pub(crate) fn take(self: &Arc<Self>, address: ClientAddress) -> Result<EventSlot, ApiError> {
        let taken = &mut *self.taken();
        let of_address = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.in_all >= self.most || of_address >= self.most_per_address {
            return Err(ApiError::TooManyStreams);
        }
        taken.in_all += 1;
        taken.by_address.insert(address, of_address + 1);
        Ok(EventSlot {
            slots: Arc::clone(self),
            address,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One place.
pub(crate) struct EventSlot {
    slots: Arc<EventSlots>,
    address: ClientAddress,
}

impl Drop for EventSlot {
    fn drop(&mut self) {
        let taken = &mut *self.slots.taken();
        taken.in_all -= 1;
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}
