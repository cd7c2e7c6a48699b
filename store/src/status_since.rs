//! What became of a status that is known already: cheap where nothing did.

use crate::conditional::Reread;
use crate::keys::Object;
use crate::status::read_json;
use crate::{Error, Status, Store, Versioned, VideoId};

/// What became of a video's status.
#[derive(Debug, Clone, PartialEq)]
pub enum Since {
    /// Nothing: it is the version that is known.
    Unchanged,
    /// It is another now.
    Changed(Box<Versioned<Status>>),
    /// There is none (any more).
    Gone,
}

impl Store {
    /// What became of a status since the version `etag`. Where nothing did, S3 sends no body.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn status_since(&self, id: VideoId, etag: Option<&str>) -> Result<Since, Error> {
        let object = Object::Status(id);
        Ok(match self.read_unless(&object, etag).await? {
            Reread::Same => Since::Unchanged,
            Reread::Missing => Since::Gone,
            Reread::There(fetched) => Since::Changed(Box::new(Versioned {
                value: read_json(&object, &fetched.body)?,
                etag: fetched.etag.0,
            })),
        })
    }
}
