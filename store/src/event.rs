//! Events: that a video became `done` or `error`, for a receiver who is told by webhook.
//!
//! An event is part of the swap that makes a status final: the stored status says that there is one. It has a
//! record of its own, `webhooks/<id>/<take>`, before the marker goes, so that at any moment the marker or the
//! record names what is still to be delivered. A take ends once, so its event has its name, whoever writes the
//! record, and however often.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::conditional::Condition;
use crate::id::{random_bytes, random_hex};
use crate::keys::Object;
use crate::status::StoredStatus;
use crate::{Error, FailPoint, State, Status, Store, Take, VideoId};

/// A receiver that is away for long is tried so often.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// Who may deliver an event, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum EventHold {
    /// Anyone, at once.
    Free,
    /// A worker that is at it, until the record is older than that.
    Claimed { lease_ms: u64 },
    /// Anyone, once the record is so old: the receiver did not take it.
    Waiting { retry_after_ms: u64 },
    /// Nobody, unless the operator has it tried again.
    GivenUp,
}

impl EventHold {
    /// How much longer it keeps everyone out, given the record's age by S3's clock; none for good.
    pub(crate) fn left(self, age: Duration) -> Option<Duration> {
        let held_ms = match self {
            Self::Free => 0,
            Self::Claimed { lease_ms } => lease_ms,
            Self::Waiting { retry_after_ms } => retry_after_ms,
            Self::GivenUp => return None,
        };
        Some(Duration::from_millis(held_ms).saturating_sub(age))
    }
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventRecord {
    #[serde(flatten)]
    pub(crate) hold: EventHold,
    /// Attempts that failed.
    pub(crate) attempts: u32,
    /// How long it has waited in all between attempts.
    pub(crate) waited_ms: u64,
    /// Why the last attempt failed, for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    /// As it was when it became final.
    pub(crate) video: Status,
    /// New in every write: tells our own write from another's when an answer is lost.
    nonce: String,
}

impl EventRecord {
    fn new(video: Status) -> Self {
        Self {
            hold: EventHold::Free,
            attempts: 0,
            waited_ms: 0,
            last_error: None,
            video,
            nonce: random_hex(),
        }
    }

    /// As the receiver reads it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.video.status {
            State::Done => "video.done",
            _ => "video.error",
        }
    }

    /// What the receiver gets.
    pub(crate) fn payload(&self, id: &Take) -> Vec<u8> {
        #[derive(Serialize)]
        struct Payload<'a> {
            id: &'a str,
            #[serde(rename = "type")]
            kind: &'a str,
            #[serde(with = "time::serde::rfc3339")]
            created_at: OffsetDateTime,
            video: &'a Status,
        }
        let payload = Payload {
            id: id.as_str(),
            kind: self.kind(),
            created_at: self.video.updated_at,
            video: &self.video,
        };
        serde_json::to_vec(&payload).expect("a status has only string keys and finite numbers")
    }

    /// Taken up at that age. A receiver that is down is not asked with each event that is due: what one waited
    /// longer than it had to counts.
    pub(crate) fn claimed(&self, lease: Duration, age: Duration) -> Self {
        let lease_ms = lease.as_millis() as u64;
        let more_ms = match self.hold {
            EventHold::Waiting { retry_after_ms } => {
                (age.as_millis() as u64).saturating_sub(retry_after_ms)
            }
            _ => 0,
        };
        Self {
            waited_ms: self.waited_ms + more_ms,
            ..self.with(EventHold::Claimed { lease_ms })
        }
    }

    /// Waits about `backoff` after the first failure and twice as long after each further one, and is given up
    /// once it has waited for `retry_for` in all.
    pub(crate) fn failed(&self, reason: &str, backoff: Duration, retry_for: Duration) -> Self {
        let whole = backoff.saturating_mul(2u32.saturating_pow(self.attempts.min(20)));
        // Receivers that come back are not to be asked by everyone at once.
        let [random] = random_bytes();
        let wait = whole.min(WAIT_MAX) * (768 + u32::from(random)) / 1024;
        let retry_after_ms = wait.as_millis() as u64;
        let hold = match self.waited_ms >= retry_for.as_millis() as u64 {
            true => EventHold::GivenUp,
            false => EventHold::Waiting { retry_after_ms },
        };
        Self {
            attempts: self.attempts + 1,
            waited_ms: self.waited_ms + retry_after_ms,
            last_error: Some(reason.to_owned()),
            ..self.with(hold)
        }
    }

    /// To be tried at once, with all its attempts before it.
    pub(crate) fn anew(&self) -> Self {
        Self {
            attempts: 0,
            waited_ms: 0,
            ..self.with(EventHold::Free)
        }
    }

    fn with(&self, hold: EventHold) -> Self {
        Self {
            hold,
            nonce: random_hex(),
            ..self.clone()
        }
    }

    pub(crate) fn to_json(&self) -> Bytes {
        serde_json::to_vec(self)
            .expect("a record has only string keys and finite numbers")
            .into()
    }
}

impl Store {
    /// Makes a record of the event that a final status is, if it is one; a record that is there already stays.
    /// One that was delivered in the meantime is delivered once more, under the same id.
    pub(crate) async fn store_event(&self, stored: &StoredStatus) -> Result<(), Error> {
        let status = &stored.status;
        let Some(take) = status.take.as_ref().filter(|_| stored.has_event) else {
            return Ok(());
        };
        let body = EventRecord::new(status.clone()).to_json();
        let object = Object::Event(status.id, take);
        self.swap(&object, body, Condition::Absent).await?;
        FailPoint::EventStored.reached(status.id);
        Ok(())
    }

    /// The same by a video's id; nothing where its status is not there, or cannot be read.
    pub(crate) async fn store_event_of(&self, id: VideoId) -> Result<(), Error> {
        match self.fetch_status(id).await {
            Ok(Some((stored, _))) => self.store_event(&stored).await,
            Ok(None) => Ok(()),
            Err(error @ Error::Corrupt { .. }) => {
                tracing::error!(video_id = %id, %error, "video passed over");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::read_json;

    const BACKOFF: Duration = Duration::from_secs(5);
    const RETRY_FOR: Duration = Duration::from_secs(3 * 24 * 3600);

    fn record() -> EventRecord {
        EventRecord::new(Status::pending(VideoId::new(), "film.mp4"))
    }

    #[test]
    fn attempts_come_later_and_later_up_to_an_hour_for_three_days() {
        let mut record = record();
        let mut waits_ms = Vec::new();
        while record.hold != EventHold::GivenUp {
            record = record.failed("it is down", BACKOFF, RETRY_FOR);
            if let EventHold::Waiting { retry_after_ms } = record.hold {
                waits_ms.push(retry_after_ms);
            }
        }
        for (wait_ms, whole_ms) in waits_ms.iter().zip([5_000, 10_000, 20_000, 40_000]) {
            assert!(
                (whole_ms * 3 / 4..=whole_ms).contains(wait_ms),
                "{wait_ms} of {whole_ms}"
            );
        }
        assert!(waits_ms.iter().all(|wait_ms| *wait_ms <= 3_600_000));
        let days = waits_ms.iter().sum::<u64>() as f64 / 86_400_000.0;
        assert!((3.0..3.1).contains(&days), "{days}");
        assert_eq!(record.hold.left(RETRY_FOR), None);

        let tried_late = self::record().failed("it is down", BACKOFF, RETRY_FOR);
        let tried_late = tried_late.claimed(BACKOFF, RETRY_FOR);
        let tried_late = tried_late.failed("it is down", BACKOFF, RETRY_FOR);
        assert_eq!(
            (tried_late.hold, tried_late.attempts),
            (EventHold::GivenUp, 2)
        );

        let anew = record.anew();
        assert_eq!(anew.hold.left(Duration::ZERO), Some(Duration::ZERO));
        assert_eq!((anew.attempts, anew.waited_ms), (0, 0));
    }

    #[test]
    fn a_claim_keeps_others_out_until_it_lapses() {
        let lease = Duration::from_secs(40);
        let claimed = record().claimed(lease, lease);
        assert_eq!(claimed.waited_ms, 0);
        let second = Duration::from_secs(1);
        assert_eq!(claimed.hold.left(lease - second), Some(second));
        assert_eq!(claimed.hold.left(lease + second), Some(Duration::ZERO));
    }

    #[test]
    fn records_read_back_and_no_two_writes_are_equal() {
        let (record, take) = (record().failed("no", BACKOFF, RETRY_FOR), Take::new());
        let object = Object::Event(record.video.id, &take);
        let read = read_json::<EventRecord>(&object, &record.to_json()).unwrap();
        assert_eq!(read, record);
        let claimed = || record.claimed(BACKOFF, BACKOFF);
        assert_ne!(claimed(), claimed());
        assert!(read_json::<EventRecord>(&object, b"{}").is_err());
    }
}
