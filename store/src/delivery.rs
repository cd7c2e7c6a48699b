//! Events on their way to the receiver: claimed by compare-and-swap, sent by one worker at a time, at least once.
//!
//! A claim is not renewed: an attempt takes less than its lease, unless S3 is slow to say whether
//! the video is deleted. Whoever dies between the receiver's answer and
//! the end of the record leaves a claim that lapses, and the event is sent once more.

use std::time::{Duration, SystemTime};

use crate::conditional::{Condition, ETag, Swap};
use crate::event::{EventHold, EventRecord};
use crate::keys::Object;
use crate::{Error, FailPoint, Store, Take, VideoId};

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

/// An event that can be tried.
#[derive(Debug)]
pub struct DueDelivery {
    pub(crate) delivery: Delivery,
    /// Since its record was last written, by S3's clock.
    pub(crate) age: Duration,
}

/// The right to deliver one event, for as long as the lease lasts.
#[derive(Debug)]
pub struct Delivery {
    pub(crate) store: Store,
    pub(crate) rules: DeliveryRules,
    pub(crate) id: VideoId,
    pub(crate) take: Take,
    pub(crate) etag: ETag,
    pub(crate) record: EventRecord,
}

impl DueDelivery {
    /// The video that the event is about.
    #[must_use]
    pub fn video_id(&self) -> VideoId {
        self.delivery.id
    }

    /// Attempts that failed.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.delivery.record.attempts
    }

    /// Claims it; none where another has it, or the video is deleted, of which no event is sent any more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn claim(self) -> Result<Option<Delivery>, Error> {
        let Self { mut delivery, age } = self;
        let (store, id) = (&delivery.store, delivery.id);
        let record = delivery.record.claimed(delivery.rules.lease, age);
        let object = Object::Event(id, &delivery.take);
        let condition = Condition::Is(&delivery.etag);
        let Swap::Won(etag) = store.swap(&object, record.to_json(), condition).await? else {
            return Ok(None);
        };
        FailPoint::EventClaimed.reached(id);
        if store.is_deleted(id).await? {
            store.delete(&object).await?;
            return Ok(None);
        }
        (delivery.etag, delivery.record) = (etag, record);
        Ok(Some(delivery))
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
        self.store.now()
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
