//! Deleting what nothing names any more, by S3's clock:
//!
//! - originals of videos that are done, once the URLs handed out for them have lapsed;
//! - takes that the status does not name (left by workers that lost their claim);
//! - multipart uploads of such takes, and of originals older than `UPLOAD_EXPIRY`.
//!
//! Whatever is listed is judged by a status read *after* the listing. A worker's take stands in the status
//! before its first byte is uploaded, so a listed take that the later status does not name never will be.

use std::collections::HashMap;
use std::time::Duration;

use crate::conditional::ServerDate;
use crate::keys::{self, Object};
use crate::{Error, State, Status, Store, Take, VideoId};

/// What a sweep deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Originals of videos that are done.
    pub originals: usize,
    /// Objects of takes that no status names.
    pub take_objects: usize,
    /// Multipart uploads given up.
    pub uploads: usize,
}

/// A multipart upload as LIST shows it.
struct Unfinished {
    key: String,
    upload_id: String,
    age: Duration,
}

impl Store {
    /// Deletes what nothing names. Any number of processes may do it at any time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; what is left is swept the next time.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        Ok(Swept {
            originals: self.sweep_originals().await?,
            take_objects: self.sweep_takes().await?,
            uploads: self.sweep_uploads().await?,
        })
    }

    async fn sweep_originals(&self) -> Result<usize, Error> {
        if self.settings().keep_originals {
            return Ok(0);
        }
        let grace = self.settings().original_grace();
        let mut swept = 0;
        for listed in self
            .list_all(&self.settings().raw_bucket, keys::prefix::ORIGINALS)
            .await?
        {
            let Some(id) = keys::original_id(&listed.key) else {
                continue;
            };
            // An original younger than the grace cannot have been done for so long.
            if listed.age < grace {
                continue;
            }
            let Some((status, age)) = self.readable_status(id).await? else {
                continue;
            };
            if status.status == State::Done && age >= grace {
                self.delete(&Object::Original(id)).await?;
                tracing::info!(video_id = %id, "original deleted");
                swept += 1;
            }
        }
        Ok(swept)
    }

    async fn sweep_takes(&self) -> Result<usize, Error> {
        let bucket = &self.settings().video_bucket;
        let mut takes: HashMap<VideoId, Vec<(Take, String)>> = HashMap::new();
        for listed in self.list_all(bucket, keys::prefix::VIDEOS).await? {
            if let Some((id, take)) = keys::take_of(&listed.key) {
                takes.entry(id).or_default().push((take, listed.key));
            }
        }
        let mut swept = 0;
        for (id, objects) in takes {
            let Some((status, _)) = self.readable_status(id).await? else {
                continue;
            };
            for (_, key) in objects.iter().filter(|(take, _)| is_garbage(&status, take)) {
                self.delete_key(bucket, key).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    async fn sweep_uploads(&self) -> Result<usize, Error> {
        let settings = self.settings();
        let mut swept = 0;
        for upload in self
            .list_uploads(&settings.video_bucket, keys::prefix::VIDEOS)
            .await?
        {
            let Some((id, take)) = keys::take_of(&upload.key) else {
                continue;
            };
            let Some((status, _)) = self.readable_status(id).await? else {
                continue;
            };
            // A final status names a take whose uploads are all complete.
            if is_garbage(&status, &take) || status.status.is_terminal() {
                self.abort_multipart(&settings.video_bucket, &upload.key, &upload.upload_id)
                    .await?;
                swept += 1;
            }
        }
        for upload in self
            .list_uploads(&settings.raw_bucket, keys::prefix::ORIGINALS)
            .await?
        {
            if upload.age >= settings.upload_expiry {
                self.abort_multipart(&settings.raw_bucket, &upload.key, &upload.upload_id)
                    .await?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<Unfinished>, Error> {
        let mut uploads = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let server_date = ServerDate::default();
            let page = self
                .s3()
                .list_multipart_uploads()
                .bucket(bucket)
                .prefix(prefix)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .customize()
                .interceptor(server_date.clone())
                .send()
                .await
                .map_err(|error| Error::from_sdk(format!("list uploads under {prefix}"), &error))?;
            uploads.extend(page.uploads().iter().filter_map(|upload| {
                Some(Unfinished {
                    key: upload.key()?.to_owned(),
                    upload_id: upload.upload_id()?.to_owned(),
                    age: server_date.age_of(upload.initiated()),
                })
            }));
            if !page.is_truncated().unwrap_or(false) {
                return Ok(uploads);
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }
}

/// Whether a take can never be played: another one is named, or the video was given up.
fn is_garbage(status: &Status, take: &Take) -> bool {
    status.take.as_ref() != Some(take) || status.status == State::Error
}
