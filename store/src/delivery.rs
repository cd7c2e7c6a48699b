//! Events on their way to the receiver: claimed by compare-and-swap, sent by one worker at a time, at least once.
//!
//! A claim is not renewed: an attempt takes less than its lease. Whoever dies between the receiver's answer and
//! the end of the record leaves a claim that lapses, and the event is sent once more.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use crate::conditional::{Condition, ETag, Swap};
use crate::event::{EventHold, EventRecord};
use crate::keys::{self, Object};
use crate::listing::Listed;
use crate::status::read_json;
use crate::{Error, FailPoint, Store, Take, VideoId};

/// Records read at once.
const READS_AT_ONCE: usize = 16;
/// A look ends when it has found so many: what comes meanwhile should not wait for long.
const DUE_MAX: usize = 64;

/// How events are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryRules {
    /// How long a claim lasts: more than an attempt takes.
    pub lease: Duration,
    /// How long an event waits after its first failed attempt; about twice as long after each further one.
    pub backoff: Duration,
    /// How long an event waits in all before it is given up.
    pub retry_for: Duration,
}

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

/// An event that can be tried.
#[derive(Debug)]
pub struct DueDelivery {
    delivery: Delivery,
}

/// The right to deliver one event, for as long as the lease lasts.
#[derive(Debug)]
pub struct Delivery {
    store: Store,
    rules: DeliveryRules,
    id: VideoId,
    take: Take,
    etag: ETag,
    record: EventRecord,
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
        }
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
        if is_whole {
            self.after = None;
            let walk = self.walk;
            self.known.retain(|_, known| known.walk == walk);
            self.walk += 1;
        }
        let pending = self.known.len() + due.len();
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

impl DueDelivery {
    /// The video that the event is about.
    #[must_use]
    pub fn video_id(&self) -> VideoId {
        self.delivery.id
    }

    /// Claims it; none where another has it, or the video is deleted, of which no event is sent any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn claim(self) -> Result<Option<Delivery>, Error> {
        let Delivery {
            store,
            rules,
            id,
            take,
            etag,
            record,
        } = self.delivery;
        let (record, object) = (record.claimed(rules.lease), Object::Event(id, &take));
        let condition = Condition::Is(&etag);
        let Swap::Won(etag) = store.swap(&object, record.to_json(), condition).await? else {
            return Ok(None);
        };
        FailPoint::EventClaimed.reached(id);
        if store.is_deleted(id).await? {
            store.delete(&object).await?;
            return Ok(None);
        }
        Ok(Some(Delivery {
            store,
            rules,
            id,
            take,
            etag,
            record,
        }))
    }
}

impl Delivery {
    /// The video that the event is about.
    #[must_use]
    pub fn video_id(&self) -> VideoId {
        self.id
    }

    /// The event's id: the same in each attempt.
    #[must_use]
    pub fn event_id(&self) -> &str {
        self.take.as_str()
    }

    /// `video.done` or `video.error`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.record.kind()
    }

    /// Attempts that failed.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.record.attempts
    }

    /// What to send, as JSON: the same in each attempt.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        self.record.payload(&self.take)
    }

    /// The time by S3's clock: receivers refuse what seems old.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.store.inner.clock.now()
    }

    /// The receiver took it: the record goes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the event is sent once more then.
    pub async fn taken(self) -> Result<(), Error> {
        FailPoint::EventTaken.reached(self.id);
        // Whoever claimed it meanwhile need not deliver it either.
        self.store.delete(&Object::Event(self.id, &self.take)).await
    }

    /// The receiver did not take it. Says how long to wait before the next attempt; none where it was given up.
    /// `reason` is for the operator.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the claim lapses then.
    pub async fn postpone(self, reason: &str) -> Result<Option<Duration>, Error> {
        let DeliveryRules {
            backoff, retry_for, ..
        } = self.rules;
        let next = self.record.failed(reason, backoff, retry_for);
        let object = Object::Event(self.id, &self.take);
        // Lost: it is another's by now, or was delivered by it.
        self.store
            .swap(&object, next.to_json(), Condition::Is(&self.etag))
            .await?;
        FailPoint::EventPostponed.reached(self.id);
        Ok(match next.hold {
            EventHold::Waiting { retry_after_ms } => Some(Duration::from_millis(retry_after_ms)),
            _ => None,
        })
    }
}
