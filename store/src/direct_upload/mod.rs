//! Uploads that go part by part straight to S3, by URLs that are signed for one part each.
//!
//! Only the plan is kept (`uploads/<id>.info`): name, length, part length. Which parts have arrived, S3 alone
//! knows (ListParts); nobody's word is taken for it, since a client that sends parts to S3 tells us nothing
//! that we could trust.

mod ending;

use std::collections::HashMap;
use std::time::SystemTime;

pub use ending::{Abort, Completion};

use crate::keys::Object;
use crate::listing::ListedPart;
use crate::multipart::Multipart;
use crate::part_layout::PartLayout;
use crate::upload_info::HeldUploadInfo;
use crate::{
    Error, FailPoint, PartUrl, Store, UploadInfo, UploadKind, UploadState, VideoId, part_len_bytes,
};

/// An upload straight to S3, as its info said when it was read.
#[derive(Debug)]
pub struct DirectUpload {
    store: Store,
    id: VideoId,
    held: HeldUploadInfo,
    layout: PartLayout,
    multipart: Multipart,
}

/// A part that S3 has, of the right length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedPart {
    /// From 1.
    pub number: u16,
    /// Its length.
    pub len_bytes: u64,
    /// As S3 named it in the answer to the part.
    pub etag: String,
}

impl Store {
    /// Begins an upload of a file of this length. None where the id has an upload already.
    ///
    /// # Errors
    /// [`Error::Input`] for no bytes, or more than S3 takes; [`Error::Deleted`] for a deleted video, of which nothing is left then; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn begin_direct_upload(
        &self,
        id: VideoId,
        filename: &str,
        len_bytes: u64,
    ) -> Result<Option<DirectUpload>, Error> {
        let mut info = UploadInfo::new(UploadKind::Direct, filename, Some(len_bytes), None);
        let layout = PartLayout::new(len_bytes, part_len_bytes(len_bytes)).ok_or_else(|| {
            Error::Input(format!("S3 takes no file of {len_bytes} bytes in parts"))
        })?;
        let multipart = Multipart::begin_original(self, id, &info.filename).await?;
        FailPoint::UploadOpened.reached(id);
        info.s3_upload_id = Some(multipart.upload_id().to_owned());
        // Whether an error of S3's kept the info from being created is not known: the sweep finds out.
        match self.create_upload_info(id, info).await? {
            Some(held) => {
                FailPoint::UploadNamed.reached(id);
                // A tombstone that came in between has not seen the info.
                if let Err(error) = self.unless_deleted(id).await {
                    // What cannot be taken back now, the sweep finds.
                    let _ = multipart.abort().await;
                    return Err(error);
                }
                Ok(Some(DirectUpload {
                    store: self.clone(),
                    id,
                    held,
                    layout,
                    multipart,
                }))
            }
            None => {
                // What cannot be taken back now, the sweep finds.
                let _ = self.abort_unless_named(id, &multipart).await;
                Ok(None)
            }
        }
    }

    /// The upload of this id; none where there is none that goes straight to S3.
    ///
    /// # Errors
    /// [`Error::Deleted`] where there is none because the video was deleted; [`Error::Corrupt`] where its info cannot be read; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn direct_upload(&self, id: VideoId) -> Result<Option<DirectUpload>, Error> {
        let Some(held) = self.upload_info(id).await? else {
            return match self.is_deleted(id).await? {
                true => Err(Error::Deleted(id)),
                false => Ok(None),
            };
        };
        if held.info.kind != UploadKind::Direct {
            return Ok(None);
        }
        let info = &held.info;
        let layout = info
            .len_bytes
            .and_then(|len_bytes| PartLayout::new(len_bytes, info.part_len_bytes));
        let (Some(layout), Some(s3_upload_id)) = (layout, &info.s3_upload_id) else {
            return Err(Error::Corrupt {
                key: Object::UploadInfo(id).key(),
                reason: "it does not say of which parts the upload is made".into(),
            });
        };
        Ok(Some(DirectUpload {
            multipart: Multipart::of_original(self, id, s3_upload_id.clone()),
            store: self.clone(),
            id,
            layout,
            held,
        }))
    }
}

impl DirectUpload {
    /// The video's id.
    #[must_use]
    pub fn id(&self) -> VideoId {
        self.id
    }

    /// Where the original will lie in the raw bucket, or lies.
    #[must_use]
    pub fn key(&self) -> &str {
        self.multipart.key()
    }

    /// The file's name.
    #[must_use]
    pub fn filename(&self) -> &str {
        &self.held.info.filename
    }

    /// The file's length.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.layout.len_bytes()
    }

    /// The length of every part but the last.
    #[must_use]
    pub fn part_len_bytes(&self) -> u64 {
        self.layout.part_len_bytes()
    }

    /// How many parts there are; their numbers go from 1 to this.
    #[must_use]
    pub fn part_count(&self) -> u16 {
        self.layout.count()
    }

    /// Whether the original is whole and its video queued.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.held.info.state == UploadState::Complete
    }

    /// Whether parts may come: it was neither completed nor given up, nor has it expired.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.held.info.state == UploadState::Open
            && self.held.age < self.store.settings().upload_expiry
    }

    /// When it is given up unless URLs are asked for before, by S3's clock.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.store.now() + self.store.settings().upload_expiry - self.held.age
    }

    /// Lets it live for `UPLOAD_EXPIRY` from now on. False where it has ended in the meantime.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn renew(&mut self) -> Result<bool, Error> {
        let next = self.held.info.in_state(UploadState::Open);
        let (store, id) = (&self.store, self.id);
        if let Some(held) = store.swap_upload_info(id, &self.held, next).await? {
            self.held = held;
            return Ok(true);
        }
        // Who else asks for URLs renews it as well.
        match store.upload_info(id).await? {
            Some(held) => self.held = held,
            None => return Ok(false),
        }
        Ok(self.is_open())
    }

    /// URLs for browsers of the parts of these numbers, and when they lapse by S3's clock. S3 takes a body of
    /// exactly the part's length there.
    ///
    /// # Errors
    /// [`Error::Input`] for a number that no part has; [`Error::Settings`] when nothing can be signed (credentials).
    pub async fn part_urls(
        &self,
        numbers: impl IntoIterator<Item = u16>,
    ) -> Result<(Vec<PartUrl>, SystemTime), Error> {
        let parts: Result<Vec<_>, Error> = numbers
            .into_iter()
            .map(|number| {
                let unknown = || Error::Input(format!("there is no part {number}"));
                self.layout.part(number).ok_or_else(unknown)
            })
            .collect();
        self.store
            .part_urls(self.id, self.multipart.upload_id(), parts?)
            .await
    }

    /// The parts that S3 holds, and the numbers of those that are missing: neither once the original was made
    /// of them.
    ///
    /// # Errors
    /// [`Error::Missing`] where S3 does not know the upload any more; [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn parts(&self) -> Result<(Vec<ArrivedPart>, Vec<u16>), Error> {
        match self.held_parts().await {
            Err(error @ Error::Missing(_)) => {
                self.unless_it_has_arrived(error).await?;
                Ok((Vec::new(), Vec::new()))
            }
            parts => parts,
        }
    }

    async fn held_parts(&self) -> Result<(Vec<ArrivedPart>, Vec<u16>), Error> {
        let listed = self.multipart.list_parts().await?;
        let mut listed: HashMap<_, _> =
            listed.into_iter().map(|part| (part.number, part)).collect();
        let (mut arrived, mut missing) = (Vec::new(), Vec::new());
        for part in self.layout.parts() {
            match listed.remove(&i32::from(part.number)) {
                Some(ListedPart {
                    len_bytes, etag, ..
                }) if len_bytes == part.len_bytes => arrived.push(ArrivedPart {
                    number: part.number,
                    len_bytes,
                    etag,
                }),
                _ => missing.push(part.number),
            }
        }
        Ok((arrived, missing))
    }
}
