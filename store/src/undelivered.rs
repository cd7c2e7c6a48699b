//! Events that were not delivered so far, for the operator to look at and to have tried again, and their sweep.

use crate::conditional::{Condition, Swap};
use crate::delete::Tombstones;
use crate::event::{EventHold, EventRecord};
use crate::keys::{self, Object};
use crate::status::read_json;
use crate::{Error, Store, VideoId};

/// An event that no receiver took so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredEvent {
    /// The video it is about.
    pub video_id: VideoId,
    /// Its own id.
    pub event_id: String,
    /// `video.done` or `video.error`; empty where the record cannot be read.
    pub kind: &'static str,
    /// Attempts that failed.
    pub attempts: u32,
    /// Nobody tries any more.
    pub is_given_up: bool,
    /// Why the last attempt failed; empty before the first.
    pub last_error: String,
}

impl Store {
    /// Every event that is still to be delivered, or was given up, those of the oldest videos first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn undelivered_events(&self) -> Result<Vec<UndeliveredEvent>, Error> {
        let raw = &self.settings().raw_bucket;
        let mut events = Vec::new();
        for listed in self.list_all(raw, keys::prefix::EVENTS).await? {
            let Some((video_id, take)) = keys::event_of(&listed.key) else {
                continue;
            };
            let object = Object::Event(video_id, &take);
            let Some(fetched) = self.read(&object).await? else {
                continue;
            };
            let event_id = take.to_string();
            events.push(match read_json::<EventRecord>(&object, &fetched.body) {
                Ok(record) => UndeliveredEvent {
                    video_id,
                    event_id,
                    kind: record.kind(),
                    attempts: record.attempts,
                    is_given_up: record.hold == EventHold::GivenUp,
                    last_error: record.last_error.unwrap_or_default(),
                },
                Err(_) => UndeliveredEvent {
                    video_id,
                    event_id,
                    kind: "",
                    attempts: 0,
                    is_given_up: true,
                    last_error: "its record cannot be read".to_owned(),
                },
            });
        }
        Ok(events)
    }

    /// Has a video's events tried again at once, with all their attempts before them, and says how many they are.
    /// A record that cannot be read is left to the sweep.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn retry_events(&self, id: VideoId) -> Result<usize, Error> {
        let raw = &self.settings().raw_bucket;
        let mut freed = 0;
        for listed in self.list_all(raw, &keys::events_prefix(id)).await? {
            let Some((_, take)) = keys::event_of(&listed.key) else {
                continue;
            };
            let object = Object::Event(id, &take);
            while let Some(there) = self.read(&object).await? {
                let Ok(record) = read_json::<EventRecord>(&object, &there.body) else {
                    break;
                };
                // One that is being tried is left to that.
                if matches!(record.hold, EventHold::Claimed { .. } | EventHold::Free) {
                    freed += 1;
                    break;
                }
                let condition = Condition::Is(&there.etag);
                let body = record.anew().to_json();
                if let Swap::Won(_) = self.swap(&object, body, condition).await? {
                    freed += 1;
                    break;
                }
            }
        }
        Ok(freed)
    }

    /// Deletes events of deleted videos, and old ones that nobody tries any more: those that were given up, and
    /// all where there are no webhooks. Says how many they were, of deleted videos and others.
    pub(crate) async fn sweep_events(&self, deleted: &Tombstones) -> Result<(usize, usize), Error> {
        let settings = self.settings();
        let (mut of_deleted, mut expired) = (0, 0);
        let mut pages = self.pages(&settings.raw_bucket, keys::prefix::EVENTS);
        while let Some(page) = pages.next().await? {
            for listed in &page {
                let Some((id, take)) = keys::event_of(&listed.key) else {
                    continue;
                };
                let object = Object::Event(id, &take);
                if deleted.name(id) {
                    self.delete(&object).await?;
                    of_deleted += 1;
                } else if listed.age >= settings.event_expiry && self.is_left(&object).await? {
                    self.delete(&object).await?;
                    expired += 1;
                }
            }
        }
        Ok((of_deleted, expired))
    }

    /// Whether nobody tries to deliver an event any more. Where there are webhooks, an old one may only have
    /// waited for a worker.
    async fn is_left(&self, object: &Object<'_>) -> Result<bool, Error> {
        if !self.settings().webhooks {
            return Ok(true);
        }
        let there = self.read(object).await?;
        Ok(there.is_some_and(|there| {
            let record = read_json::<EventRecord>(object, &there.body);
            record.map_or(true, |record| record.hold == EventHold::GivenUp)
        }))
    }
}
