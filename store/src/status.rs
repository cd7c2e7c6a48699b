//! `status.json`: what is true about a video. A worker writes it through [`crate::StatusWriter`] alone.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::conditional::{Condition, Fetched};
use crate::keys::Object;
use crate::outcome::{RenditionSummary, SourceSummary};
use crate::{Error, Poster, RungName, Store, Storyboard, SubtitleTrack, Take, VideoId};

/// Where a video is on its path.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Uploaded; no worker has it yet. Goes to `Processing`, or to `Error` when given up.
    Pending,
    /// A worker has it. Goes to `Done` or `Error`, or to `Processing` of another worker.
    Processing,
    /// The renditions of `take` are there. Final.
    Done,
    /// Given up; `error` says why. Final until re-queued.
    Error,
}

impl State {
    /// Whether nothing but a re-queue or a delete changes it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Error)
    }
}

/// The content of `status.json`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Where the video is on its path.
    pub status: State,
    /// The rungs that can be played, lowest first; empty until done.
    pub qualities: Vec<RungName>,
    /// For the uploader: why there is no video, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The video.
    pub id: VideoId,
    /// The name the uploader gave.
    pub filename: String,
    /// When the id was made.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: OffsetDateTime,
    /// When this was last written, by the writer's clock.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: OffsetDateTime,
    /// The claim that writes or wrote the renditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<Take>,
    /// How much is transcoded, 0 to 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    pub progress: f64,
    /// The video's length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// For the uploader: what is not quite right with the file.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub warnings: Vec<String>,
    /// What was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceSummary>,
    /// What came out, lowest rung first.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub renditions: Vec<RenditionSummary>,
    /// A picture to show before it plays, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<Poster>,
    /// Pictures to show while one seeks, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<Storyboard>,
    /// Subtitles that can be shown, once it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subtitles: Vec<SubtitleTrack>,
}

/// A value and the version of the object that holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The object's ETag, in its quotes, as HTTP writes it.
    pub etag: String,
}

/// `status.json` as it is stored: with what is nobody's business outside.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredStatus {
    #[serde(flatten)]
    pub(crate) status: Status,
    /// It is final, and that is an event.
    #[serde(default, rename = "webhook")]
    pub(crate) has_event: bool,
}

impl StoredStatus {
    pub(crate) fn json(status: &Status, has_event: bool) -> Bytes {
        #[derive(Serialize)]
        struct Stored<'a> {
            #[serde(flatten)]
            status: &'a Status,
            #[serde(rename = "webhook", skip_serializing_if = "std::ops::Not::not")]
            has_event: bool,
        }
        serde_json::to_vec(&Stored { status, has_event })
            .expect("a status has only string keys and finite numbers")
            .into()
    }
}

impl Status {
    pub(crate) fn pending(id: VideoId, filename: &str) -> Self {
        Self {
            status: State::Pending,
            qualities: Vec::new(),
            error: None,
            id,
            filename: filename.to_owned(),
            created_at: id.created_at(),
            updated_at: OffsetDateTime::now_utc(),
            take: None,
            progress: 0.0,
            duration_ms: None,
            warnings: Vec::new(),
            source: None,
            renditions: Vec::new(),
            poster: None,
            storyboard: None,
            subtitles: Vec::new(),
        }
    }

    /// The take that holds a rendition.
    pub(crate) fn take_with(&self, rung: &RungName) -> Result<&Take, Error> {
        let missing = || Error::Missing(format!("{rung} of video {}", self.id));
        let take = self.take.as_ref().filter(|_| self.qualities.contains(rung));
        take.ok_or_else(missing)
    }

    /// As it is stored of a video whose end is no event, or which has not come to it.
    pub(crate) fn to_json(&self) -> Bytes {
        StoredStatus::json(self, false)
    }
}

impl Store {
    /// What is true about a video, with the version of its status; none for a video that is not there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn status(&self, id: VideoId) -> Result<Option<Versioned<Status>>, Error> {
        Ok(self
            .fetch_status(id)
            .await?
            .map(|(stored, fetched)| Versioned {
                value: stored.status,
                etag: fetched.etag.0,
            }))
    }

    /// The status, and how long ago it was written by S3's clock; none also where it cannot be read, so
    /// that one spoilt status does not end a walk over all videos.
    pub(crate) async fn readable_status(
        &self,
        id: VideoId,
    ) -> Result<Option<(Status, Duration)>, Error> {
        match self.fetch_status(id).await {
            Ok(there) => Ok(there.map(|(stored, fetched)| (stored.status, fetched.age))),
            Err(error @ Error::Corrupt { .. }) => {
                tracing::error!(video_id = %id, %error, "video passed over");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn fetch_status(
        &self,
        id: VideoId,
    ) -> Result<Option<(StoredStatus, Fetched)>, Error> {
        let object = Object::Status(id);
        let Some(fetched) = self.read(&object).await? else {
            return Ok(None);
        };
        Ok(Some((read_json(&object, &fetched.body)?, fetched)))
    }

    /// Creates the status of an uploaded video; one that is there already stays.
    pub(crate) async fn create_status(&self, id: VideoId, filename: &str) -> Result<(), Error> {
        let body = Status::pending(id, filename).to_json();
        self.swap(&Object::Status(id), body, Condition::Absent)
            .await
            .map(drop)
    }

    /// Sets a failed video back to pending, for a re-queue, and one whose status cannot be read. Any other is
    /// left as it is. Says what it was; one without a status is pending, one that cannot be read has failed.
    pub(crate) async fn reset_failed_status(
        &self,
        id: VideoId,
        filename: &str,
    ) -> Result<State, Error> {
        let object = Object::Status(id);
        let Some(there) = self.read(&object).await? else {
            return Ok(State::Pending);
        };
        let stored = serde_json::from_slice::<StoredStatus>(&there.body).ok();
        let state = stored
            .as_ref()
            .map_or(State::Error, |stored| stored.status.status);
        if state == State::Error {
            // Until it goes, the marker may be all that names the event.
            if let Some(stored) = stored
                && self.exists(&Object::Marker(id)).await?
            {
                self.store_event(&stored).await?;
            }
            let body = Status::pending(id, filename).to_json();
            let condition = Condition::Is(&there.etag);
            self.swap(&object, body, condition).await?;
        }
        Ok(state)
    }
}

pub(crate) fn read_json<T: DeserializeOwned>(object: &Object<'_>, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Corrupt {
        key: object.key(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_what_clients_were_written_for() {
        let id = VideoId::new();
        let pending = Status::pending(id, "film.mp4");
        let json: serde_json::Value = serde_json::from_slice(&pending.to_json()).unwrap();
        assert_eq!(json["status"], "pending");
        assert_eq!(json["qualities"], serde_json::json!([]));
        assert_eq!(json["id"], id.to_string());
        assert_eq!(json.get("error"), None);
        assert_eq!(serde_json::from_value::<Status>(json).unwrap(), pending);

        let failed = Status {
            status: State::Error,
            error: Some("No.".into()),
            ..pending
        };
        let json: serde_json::Value = serde_json::from_slice(&failed.to_json()).unwrap();
        assert_eq!(
            (&json["status"], &json["error"]),
            (&"error".into(), &"No.".into())
        );
    }

    #[test]
    fn what_is_private_is_stored_and_not_shown() {
        let status = Status::pending(VideoId::new(), "film.mp4");
        let stored = StoredStatus::json(&status, true);
        let json: serde_json::Value = serde_json::from_slice(&stored).unwrap();
        assert_eq!(json["webhook"], true);
        let read: StoredStatus = serde_json::from_slice(&stored).unwrap();
        assert!(read.has_event);
        assert_eq!(read.status, status);
        assert!(
            serde_json::to_value(&read.status)
                .unwrap()
                .get("webhook")
                .is_none()
        );
        let without: StoredStatus = serde_json::from_slice(&status.to_json()).unwrap();
        assert!(!without.has_event);
    }

    #[test]
    fn a_status_of_a_later_version_is_still_read() {
        let json = format!(
            r#"{{"status":"done","qualities":["360p"],"id":"{}","filename":"a","progress":1,
                "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","new":[1]}}"#,
            VideoId::new()
        );
        assert_eq!(
            serde_json::from_str::<Status>(&json).unwrap().status,
            State::Done
        );
    }
}
