//! The events that are still to be delivered, as one worker sees them: by one LIST each time, however many they are.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use crate::conditional::ETag;
use crate::delivery::{Delivery, DeliveryRules, DueDelivery};
use crate::event::EventRecord;
use crate::keys::{self, Object};
use crate::listing::Listed;
use crate::status::read_json;
use crate::{Error, Store, Take, VideoId};

/// Records read at once.
const READS_AT_ONCE: usize = 16;
/// A look ends when it has found so many: what comes meanwhile should not wait for long.
const DUE_MAX: usize = 64;

/// The events that are to be delivered, as one worker sees them.
#[derive(Debug)]
pub struct Deliveries {
    store: Store,
    rules: DeliveryRules,
    /// What was read before, by version: what LIST shows unchanged need not be read again.
    known: HashMap<(VideoId, Take), Known>,
    /// Where the next look goes on; none: at the beginning.
    after: Option<String>,
    /// Counts the walks from the beginning to the end.
    walk: u64,
    /// Records seen in this walk.
    seen: usize,
}

#[derive(Debug)]
struct Known {
    etag: ETag,
    /// When it can be tried, by this process's clock; none: never.
    due_at: Option<Instant>,
    walk: u64,
}

/// What a look found.
#[derive(Debug)]
pub struct Look {
    /// Events that can be tried now.
    pub due: Vec<DueDelivery>,
    /// Whether all records were seen; else the next look goes on where this one ended.
    pub is_whole: bool,
    /// When the next of the others is due.
    pub next_due_at: Option<Instant>,
    /// Records seen in this walk so far.
    pub pending: usize,
}

impl Deliveries {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(store: Store, rules: DeliveryRules) -> Self {
        Self {
            store,
            rules,
            known: HashMap::new(),
            after: None,
            walk: 0,
            seen: 0,
        }
    }

    /// Begins a new walk: the next look is from the beginning.
    pub fn rewind(&mut self) {
        self.after = None;
        self.seen = 0;
    }

    /// Looks for events that can be tried: by one LIST, and so no further than a thousand records.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn look(&mut self) -> Result<Look, Error> {
        let raw = self.store.settings().raw_bucket.clone();
        let mut pages = self.store.pages(&raw, keys::prefix::EVENTS);
        if let Some(after) = self.after.take() {
            pages = pages.after(after);
        }
        let page = pages.next().await?.unwrap_or_default();
        let mut is_whole = pages.ended();
        drop(pages);
        let mut due = Vec::new();
        for listed in page.chunks(READS_AT_ONCE) {
            if due.len() >= DUE_MAX {
                is_whole = false;
                break;
            }
            due.extend(self.read_due(listed).await?);
            self.after = listed.last().map(|last| last.key.clone());
        }
        let pending = self.seen;
        if is_whole {
            self.rewind();
            let walk = self.walk;
            self.known.retain(|_, known| known.walk == walk);
            self.walk += 1;
        }
        let next_due_at = self.known.values().filter_map(|known| known.due_at).min();
        Ok(Look {
            due,
            is_whole,
            next_due_at,
            pending,
        })
    }

    /// Those of some that can be tried; the others are noted.
    async fn read_due(&mut self, listed: &[Listed]) -> Result<Vec<DueDelivery>, Error> {
        let now = Instant::now();
        let mut changed = Vec::new();
        for listed in listed {
            let Some(event) = keys::event_of(&listed.key) else {
                continue;
            };
            self.seen += 1;
            match self.known.get_mut(&event) {
                Some(known)
                    if known.etag == listed.etag && known.due_at.is_none_or(|at| at > now) =>
                {
                    known.walk = self.walk;
                }
                _ => changed.push(event),
            }
        }
        let reads = changed.into_iter().map(|(id, take)| {
            let store = self.store.clone();
            async move {
                let read = store.read(&Object::Event(id, &take)).await?;
                Ok::<_, Error>((id, take, read))
            }
        });
        let mut reads = stream::iter(reads).buffered(READS_AT_ONCE);
        let mut due = Vec::new();
        while let Some((id, take, read)) = reads.try_next().await? {
            let event = (id, take);
            self.known.remove(&event);
            let Some(fetched) = read else {
                continue;
            };
            let (etag, walk) = (fetched.etag, self.walk);
            let record = read_json::<EventRecord>(&Object::Event(id, &event.1), &fetched.body);
            let left = match &record {
                Ok(record) => record.hold.left(fetched.age),
                Err(error) => {
                    tracing::error!(video_id = %id, %error, "event passed over");
                    None
                }
            };
            match (record, left) {
                (Ok(record), Some(Duration::ZERO)) => due.push(DueDelivery {
                    delivery: Delivery {
                        store: self.store.clone(),
                        rules: self.rules,
                        id,
                        take: event.1,
                        etag,
                        record,
                    },
                    age: fetched.age,
                }),
                (_, left) => {
                    let due_at = left.map(|left| now + left);
                    let known = Known { etag, due_at, walk };
                    self.known.insert(event, known);
                }
            }
        }
        Ok(due)
    }
}
