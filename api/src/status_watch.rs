//! One look a second at the status of a video that somebody listens to, however many they are.
//!
//! The first listener of a video starts its poller, the last one to leave ends it. Listeners see the newest
//! state, not each: one that is slow skips what it missed and makes nobody wait, and what is kept for it is
//! one pointer. A state is kept as the JSON that all of them are sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use store::{Since, Status, Store, Versioned, VideoId};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What listeners are told.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    Status {
        etag: Arc<str>,
        json: Bytes,
        is_terminal: bool,
    },
    /// The video was deleted.
    Gone,
}

impl Seen {
    pub(crate) fn of(status: &Versioned<Status>) -> Self {
        let json = serde_json::to_vec(&status.value);
        Self::Status {
            etag: status.etag.as_str().into(),
            json: json
                .expect("a status has only string keys and finite numbers")
                .into(),
            is_terminal: status.value.status.is_terminal(),
        }
    }

    /// Whether nothing comes after it.
    pub(crate) fn is_last(&self) -> bool {
        match self {
            Self::Status { is_terminal, .. } => *is_terminal,
            Self::Gone => true,
        }
    }

    pub(crate) fn etag(&self) -> Option<&str> {
        match self {
            Self::Status { etag, .. } => Some(etag),
            Self::Gone => None,
        }
    }
}

/// The videos that are listened to.
#[derive(Clone)]
pub(crate) struct StatusWatch {
    store: Store,
    polled: Arc<Mutex<HashMap<VideoId, watch::Sender<Seen>>>>,
}

impl StatusWatch {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            polled: Arc::default(),
        }
    }

    /// Listens to a video that others listen to already.
    pub(crate) fn join(&self, id: VideoId) -> Option<watch::Receiver<Seen>> {
        self.polled().get(&id).map(watch::Sender::subscribe)
    }

    /// Listens to a video whose state was `now` a moment ago.
    pub(crate) fn listen(&self, id: VideoId, now: Seen) -> watch::Receiver<Seen> {
        let mut polled = self.polled();
        if let Some(sender) = polled.get(&id) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(now);
        if !receiver.borrow().is_last() {
            polled.insert(id, sender);
            tokio::spawn(self.clone().poll(id));
        }
        receiver
    }

    async fn poll(self, id: VideoId) {
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once, and what there is now is known.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let Some(known) = self.still_wanted(id) else {
                return;
            };
            let seen = match self.store.status_since(id, known.etag()).await {
                Ok(Since::Unchanged) => continue,
                Ok(Since::Changed(status)) => Seen::of(&status),
                Ok(Since::Gone) => Seen::Gone,
                Err(error) => {
                    // Listeners are told nothing: it may pass.
                    tracing::debug!(video_id = %id, %error, "status not seen");
                    continue;
                }
            };
            let is_last = seen.is_last();
            let mut polled = self.polled();
            if let Some(sender) = polled.get(&id) {
                sender.send_replace(seen);
            }
            if is_last {
                polled.remove(&id);
                return;
            }
        }
    }

    /// What listeners know; none, and nothing is polled any more, once all have left.
    fn still_wanted(&self, id: VideoId) -> Option<Seen> {
        let mut polled = self.polled();
        let sender = polled.get(&id)?;
        if sender.receiver_count() == 0 {
            polled.remove(&id);
            return None;
        }
        Some(sender.borrow().clone())
    }

    fn polled(&self) -> MutexGuard<'_, HashMap<VideoId, watch::Sender<Seen>>> {
        self.polled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
