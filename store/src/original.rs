//! Originals: arriving by one multipart upload, and entering the queue.

use bytes::Bytes;
use tokio::time::Instant;

use crate::error::is_missing;
use crate::keys::Object;
use crate::multipart::{FILENAME_METADATA, Multipart, PARTS_MAX};
use crate::presign::percent_decode;
use crate::upload_info::{HeldUploadInfo, UploadInfo, UploadKind, UploadState};
use crate::{Error, FailPoint, Store, VideoId};

/// File systems take no longer names. Percent-encoded it is 765 bytes at most, of the 2 KB that object
/// metadata holds.
const FILENAME_BYTES_MAX: usize = 255;
/// What a file is called whose name says nothing.
const UNNAMED: &str = "video";

impl Store {
    /// Begins the upload of an original; its name decides its content type. Nothing is visible before
    /// [`OriginalUpload::complete`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn begin_original(
        &self,
        id: VideoId,
        filename: &str,
    ) -> Result<OriginalUpload, Error> {
        let multipart = Multipart::begin_original(self, id, &tidy_filename(filename)).await?;
        FailPoint::OriginalBegun.reached(id);
        Ok(OriginalUpload {
            id,
            multipart,
            parts: Vec::new(),
        })
    }

    /// Begins the upload of an original by a form, which spends a link: `info` says so from now on. None where
    /// the link is spent already.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn begin_form(
        &self,
        id: VideoId,
        mut info: UploadInfo,
    ) -> Result<Option<(OriginalUpload, HeldUploadInfo)>, Error> {
        let upload = self.begin_original(id, &info.filename).await?;
        info.s3_upload_id = Some(upload.multipart.upload_id().to_owned());
        match self.create_upload_info(id, info).await {
            Ok(Some(held)) => {
                FailPoint::UploadNamed.reached(id);
                Ok(Some((upload, held)))
            }
            not_ours => {
                // What cannot be taken back now, the sweep finds.
                let _ = upload.abort().await;
                not_ours.map(|_| None)
            }
        }
    }

    /// Gives up the form by which a link's original is on its way, if there is one: it cannot be gone on
    /// with, and its server may have died. Who asks then whether the original [has
    /// arrived](Self::has_arrived) knows whether it was too late for that; if not, it never will.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn give_up_form(&self, id: VideoId) -> Result<(), Error> {
        let held = self.upload_info(id).await?;
        let open_form = held.filter(|HeldUploadInfo { info, .. }| {
            info.kind == UploadKind::Form && info.state == UploadState::Open
        });
        match open_form {
            // Where another has written meanwhile, what becomes of it is that one's affair.
            Some(held) => self.give_up_upload(id, &held).await.map(drop),
            None => Ok(()),
        }
    }

    /// Puts an uploaded video into the queue: status, listing, marker, in this order, so that a crash in
    /// between leaves what repair finds. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`Error::Deleted`] for a deleted video, of which nothing is left then; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn enqueue(&self, id: VideoId, filename: &str) -> Result<(), Error> {
        let started_at = Instant::now();
        self.put_in_queue(id, filename).await?;
        let duration_ms = started_at.elapsed().as_millis() as u64;
        tracing::info!(video_id = %id, duration_ms, "queued");
        Ok(())
    }

    /// As [`enqueue`](Self::enqueue), for who has another word for it. Says whether the marker was not there yet.
    pub(crate) async fn put_in_queue(&self, id: VideoId, filename: &str) -> Result<bool, Error> {
        self.unless_deleted(id).await?;
        self.create_status(id, &tidy_filename(filename)).await?;
        FailPoint::StatusCreated.reached(id);
        self.write(&Object::Index(id), Bytes::new()).await?;
        FailPoint::Indexed.reached(id);
        let is_new = self.create_marker(id).await?;
        FailPoint::Queued.reached(id);
        // A tombstone that came in between has not seen what was just written.
        self.unless_deleted(id).await?;
        Ok(is_new)
    }

    /// Whether an original of this video has arrived before, even if the video was deleted since: a
    /// tombstone outlives every link that could upload it again.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn has_arrived(&self, id: VideoId) -> Result<bool, Error> {
        // In the order in which they take over from each other, so that none slips through.
        for object in [
            Object::Original(id),
            Object::Status(id),
            Object::Tombstone(id),
        ] {
            if self.exists(&object).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whoever deleted the video may not have seen what was just written.
    pub(crate) async fn unless_deleted(&self, id: VideoId) -> Result<(), Error> {
        if !self.is_deleted(id).await? {
            return Ok(());
        }
        self.erase(id).await?;
        Err(Error::Deleted(id))
    }

    /// The name the uploader gave, from the original's metadata; empty where the original is gone.
    pub(crate) async fn original_filename(&self, id: VideoId) -> Result<String, Error> {
        let object = Object::Original(id);
        let answer = self
            .s3()
            .head_object()
            .bucket(object.bucket(self.settings()))
            .key(object.key())
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer
                .metadata
                .and_then(|metadata| {
                    metadata
                        .get(FILENAME_METADATA)
                        .map(|name| percent_decode(name))
                })
                .unwrap_or_default()),
            Err(error) if is_missing(&error) => Ok(String::new()),
            Err(error) => Err(Error::from_sdk(
                format!("look for {}", object.key()),
                &error,
            )),
        }
    }
}

/// Where the original of a video lies in the raw bucket.
#[must_use]
pub fn original_key(id: VideoId) -> String {
    Object::Original(id).key()
}

/// The last part of a path-like name, without control characters, at most 255 bytes of UTF-8.
pub(crate) fn tidy_filename(filename: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    if name.trim_matches('.').is_empty() {
        return UNNAMED.to_owned();
    }
    // The extension says what the file is, so the name is shortened before it.
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if name.len() - dot <= 16 => name.split_at(dot),
        _ => (name, ""),
    };
    let stem = &stem[..stem.floor_char_boundary(FILENAME_BYTES_MAX - extension.len())];
    format!("{stem}{extension}")
}

/// An original on its way in. Dropped without [`complete`](Self::complete) it never becomes visible; call
/// [`abort`](Self::abort) to free its space at once, else the sweep does later.
#[derive(Debug)]
pub struct OriginalUpload {
    id: VideoId,
    multipart: Multipart,
    /// The ETags of those that are stored.
    parts: Vec<String>,
}

impl OriginalUpload {
    /// Appends a part: 5 MiB to 5 GiB, the last one may be shorter. Parts go in order, one at a time.
    ///
    /// # Errors
    /// [`Error::Input`] past 10,000 parts; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn part(&mut self, bytes: Bytes) -> Result<(), Error> {
        if self.parts.len() == PARTS_MAX {
            return Err(Error::Input(format!(
                "an upload has at most {PARTS_MAX} parts: use larger ones"
            )));
        }
        let number = self.parts.len() as i32 + 1;
        self.parts.push(self.multipart.part(number, bytes).await?);
        FailPoint::OriginalPartStored.reached(self.id);
        Ok(())
    }

    /// Makes the original visible, whole, and returns its key in the raw bucket. After an error there is
    /// still something to [`abort`](Self::abort).
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn complete(&mut self) -> Result<String, Error> {
        if self.parts.is_empty() {
            // S3 wants one part at least, and takes an empty one.
            self.part(Bytes::new()).await?;
        }
        self.multipart.complete(&self.parts).await?;
        FailPoint::OriginalStored.reached(self.id);
        Ok(self.multipart.key().to_owned())
    }

    /// Gives the upload up and frees its space.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the sweep frees it then.
    pub async fn abort(self) -> Result<(), Error> {
        self.multipart.abort().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tidied() {
        assert_eq!(tidy_filename(r"C:\films\a b.mp4"), "a b.mp4");
        assert_eq!(tidy_filename("../../x\u{7}.mp4"), "x.mp4");
        assert_eq!(tidy_filename("a\u{0}b\r\n.mp4"), "ab.mp4");
        assert_eq!(tidy_filename("Käse 映画 🎬.webm"), "Käse 映画 🎬.webm");
        for nothing in ["", "  ", "..", "dir/"] {
            assert_eq!(tidy_filename(nothing), "video", "{nothing:?}");
        }
        assert_eq!(tidy_filename(&"é".repeat(500)), "é".repeat(127));
        let long = tidy_filename(&format!("{}.mp4", "ü".repeat(300)));
        assert!(
            long.len() <= FILENAME_BYTES_MAX && long.ends_with("ü.mp4"),
            "{long}"
        );
        assert_eq!(tidy_filename(&long), long);
    }
}
