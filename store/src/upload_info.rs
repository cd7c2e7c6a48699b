//! `uploads/<id>.info`: how far an upload is that takes more than one request.
//!
//! Written by compare-and-swap only, it is the one truth about such an upload, so that any process goes on
//! with what another began. What it names (the multipart upload, its parts, the tail) was stored before.
//! Each write carries its writer's nonce: no two writers' are equal, and who swaps in its own takes over.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::conditional::{Condition, ETag, Swap};
use crate::id::random_hex;
use crate::keys::Object;
use crate::multipart::{Multipart, PARTS_MAX};
use crate::original::tidy_filename;
use crate::{Error, Store, VideoId};

/// S3 takes no part smaller than 5 MiB but the last, and some stores want all others equal.
const PART_LEN_BYTES: u64 = 8 << 20;

/// By which route an upload comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadKind {
    /// Resumable, through the API (tus 1.0).
    Tus,
    /// Part by part, straight to S3.
    Direct,
    /// One form, by a one-time link, which its info says is being used.
    Form,
}

/// How an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Bytes may come.
    Open,
    /// The original is whole, and its video was queued.
    Complete,
    /// Expired or ended by its client: what is left of it is being deleted.
    GivenUp,
}

/// The bytes after the last part that do not fill one yet, in an object of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadTail {
    /// The end of its key.
    pub nonce: String,
    /// Its length.
    pub len_bytes: u64,
}

/// What is known of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadInfo {
    /// The route it comes by.
    pub kind: UploadKind,
    /// How it stands.
    pub state: UploadState,
    /// The name the uploader gave the file.
    pub filename: String,
    /// `Upload-Metadata` as a tus client sent it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// The file's length as declared; none while its client does not know it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub len_bytes: Option<u64>,
    /// What the file may not exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_len_bytes: Option<u64>,
    /// Part n is bytes [(n−1)·P, n·P) of the file, P being this; only the last may be shorter.
    pub part_len_bytes: u64,
    /// The multipart upload that the parts belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_upload_id: Option<String>,
    /// The ETags of the parts that are stored, from number 1 on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// What is stored after them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<UploadTail>,
    /// Who wrote this.
    pub writer: String,
}

impl UploadInfo {
    /// An upload of which nothing has come yet.
    #[must_use]
    pub fn new(
        kind: UploadKind,
        filename: &str,
        len_bytes: Option<u64>,
        max_len_bytes: Option<u64>,
    ) -> Self {
        let at_most = len_bytes.or(max_len_bytes).unwrap_or(0);
        Self {
            kind,
            state: UploadState::Open,
            filename: tidy_filename(filename),
            metadata: String::new(),
            len_bytes,
            max_len_bytes,
            part_len_bytes: part_len_bytes(at_most),
            s3_upload_id: None,
            parts: Vec::new(),
            tail: None,
            writer: random_hex(),
        }
    }

    /// The same, in another state and by another writer.
    #[must_use]
    pub fn in_state(&self, state: UploadState) -> Self {
        Self {
            state,
            writer: random_hex(),
            ..self.clone()
        }
    }

    /// How many bytes of the file, from its first on, are stored and recorded.
    #[must_use]
    pub fn offset_bytes(&self) -> u64 {
        let parts_bytes = self.parts.len() as u64 * self.part_len_bytes;
        let tail_bytes = self.tail.as_ref().map_or(0, |tail| tail.len_bytes);
        // Only the last part may be short, and it is recorded when the length is known.
        let len_bytes = self.len_bytes.unwrap_or(u64::MAX);
        (parts_bytes + tail_bytes).min(len_bytes)
    }

    /// Whether it comes through the API in several requests, of which none is missing.
    pub(crate) fn is_resumable_and_whole(&self) -> bool {
        self.kind == UploadKind::Tus && self.has_all_bytes()
    }

    /// Whether no byte is missing.
    #[must_use]
    pub fn has_all_bytes(&self) -> bool {
        self.len_bytes == Some(self.offset_bytes())
    }
}

/// The length of all parts but the last of a file that is this long at most: no smaller than 8 MiB, and so
/// large that S3's 10,000 parts are enough.
#[must_use]
pub fn part_len_bytes(file_len_bytes: u64) -> u64 {
    let least = file_len_bytes.div_ceil(PARTS_MAX as u64);
    least.next_multiple_of(1 << 20).max(PART_LEN_BYTES)
}

/// An upload's info, in the version that was read or written last.
#[derive(Debug, Clone)]
pub struct HeldUploadInfo {
    /// What it says.
    pub info: UploadInfo,
    /// How long ago it was written when it was read, by S3's clock.
    pub age: Duration,
    etag: ETag,
}

impl HeldUploadInfo {
    /// Whether nobody wrote in between.
    pub(crate) fn is_version_of(&self, other: &Self) -> bool {
        self.etag == other.etag
    }
}

impl Store {
    /// Creates an upload's info. None where there is one already: it is spent.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn create_upload_info(
        &self,
        id: VideoId,
        info: UploadInfo,
    ) -> Result<Option<HeldUploadInfo>, Error> {
        self.put_upload_info(id, info, Condition::Absent).await
    }

    /// Takes back a multipart upload whose info was not created. Whoever has written the info since may go on
    /// with it: then only the answer to its creation was lost.
    pub(crate) async fn abort_unless_named(
        &self,
        id: VideoId,
        multipart: &Multipart,
    ) -> Result<(), Error> {
        let there = self.upload_info(id).await?;
        let named = there.and_then(|there| there.info.s3_upload_id);
        match named.as_deref() == Some(multipart.upload_id()) {
            true => Ok(()),
            false => multipart.abort().await,
        }
    }

    /// Reads an upload's info; none if it is not there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it cannot be read; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn upload_info(&self, id: VideoId) -> Result<Option<HeldUploadInfo>, Error> {
        let object = Object::UploadInfo(id);
        let Some(fetched) = self.read(&object).await? else {
            return Ok(None);
        };
        let info = serde_json::from_slice(&fetched.body).map_err(|error| Error::Corrupt {
            key: object.key(),
            reason: error.to_string(),
        })?;
        Ok(Some(HeldUploadInfo {
            info,
            age: fetched.age,
            etag: fetched.etag,
        }))
    }

    /// Puts `next` in the place of what is held. None where that is not there any more: another has written,
    /// or the upload is gone.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn swap_upload_info(
        &self,
        id: VideoId,
        held: &HeldUploadInfo,
        next: UploadInfo,
    ) -> Result<Option<HeldUploadInfo>, Error> {
        self.put_upload_info(id, next, Condition::Is(&held.etag))
            .await
    }

    /// Deletes an upload's info. Whoever may still write it must have lost before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn delete_upload_info(&self, id: VideoId) -> Result<(), Error> {
        self.delete(&Object::UploadInfo(id)).await
    }

    async fn put_upload_info(
        &self,
        id: VideoId,
        info: UploadInfo,
        condition: Condition<'_>,
    ) -> Result<Option<HeldUploadInfo>, Error> {
        let body = serde_json::to_vec(&info).expect("an info has only string keys");
        let (object, body) = (Object::UploadInfo(id), Bytes::from(body));
        Ok(match self.swap(&object, body, condition).await? {
            Swap::Won(etag) => Some(HeldUploadInfo {
                info,
                age: Duration::ZERO,
                etag,
            }),
            Swap::Lost => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_needs_more_parts_than_s3_takes() {
        const MIB: u64 = 1 << 20;
        for (file_len_bytes, expected) in [
            (0, 8 * MIB),
            (80_000 * MIB, 8 * MIB),
            (80_000 * MIB + 1, 9 * MIB),
            (5 << 40, 525 * MIB),
        ] {
            let part_len_bytes = part_len_bytes(file_len_bytes);
            assert_eq!(part_len_bytes, expected);
            assert!(file_len_bytes.div_ceil(part_len_bytes) <= PARTS_MAX as u64);
        }
    }

    #[test]
    fn the_offset_is_what_parts_and_tail_hold() {
        let mut info = UploadInfo::new(UploadKind::Tus, "a.mp4", None, Some(1 << 30));
        assert_eq!(info.offset_bytes(), 0);
        info.parts = vec!["\"1\"".into(), "\"2\"".into()];
        info.tail = Some(UploadTail {
            nonce: "0".into(),
            len_bytes: 5,
        });
        assert_eq!(info.offset_bytes(), (16 << 20) + 5);
        assert!(!info.has_all_bytes());
        info.len_bytes = Some(info.offset_bytes());
        assert!(info.has_all_bytes());
        // The tail has become the last part.
        info.tail = None;
        info.parts.push("\"3\"".into());
        assert!(info.has_all_bytes());
        let json = serde_json::to_vec(&info).unwrap();
        assert_eq!(serde_json::from_slice::<UploadInfo>(&json).unwrap(), info);
    }
}
