//! One rendition on its way into the video bucket, while it is being encoded.
//!
//! An MP4's head (its indexes) is known only when the last fragment is written, so the first part, which
//! holds the head and the first fragments, is kept in memory and sent at the end. A file that is no longer
//! than that is one PUT; any other is a multipart upload, begun when the first part is full. All parts but
//! the last are of equal size, as some stores demand. Memory: two parts, whatever the length.

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;

use crate::keys::Object;
use crate::multipart::Multipart;
use crate::{Error, FailPoint, RungName, Store, Take, VideoId};

/// S3 takes parts of 5 MiB to 5 GiB, 10,000 at most: 78 GiB a file with this size.
const PART_LEN_BYTES: usize = 8 << 20;

/// A rendition's upload. Nothing is visible before [`finish`](Self::finish); dropped without it, the parts
/// sent are given up in the background (and swept, should that fail).
#[derive(Debug)]
pub struct MediaUpload {
    store: Store,
    id: VideoId,
    take: Take,
    rung: RungName,
    /// None before the first part is full.
    multipart: Option<OpenMultipart>,
    head_len_bytes: usize,
    part_len_bytes: usize,
    /// The first part; it begins with room for the head.
    first: BytesMut,
    /// What does not fill a part yet.
    pending: BytesMut,
    /// The ETags of the parts sent, from number 2 on.
    sent: Vec<String>,
    len_bytes: u64,
    /// Where a drop, on whatever thread, gives the upload up.
    runtime: Handle,
}

impl MediaUpload {
    /// Begins a file whose first `head_len_bytes` bytes come last. Must be called within a runtime.
    #[must_use]
    pub fn begin(
        store: &Store,
        id: VideoId,
        take: &Take,
        rung: &RungName,
        head_len_bytes: usize,
    ) -> Self {
        Self {
            store: store.clone(),
            id,
            take: take.clone(),
            rung: rung.clone(),
            multipart: None,
            head_len_bytes,
            // The head must lie in the first part as a whole.
            part_len_bytes: PART_LEN_BYTES.max(head_len_bytes),
            first: BytesMut::zeroed(head_len_bytes),
            pending: BytesMut::new(),
            sent: Vec::new(),
            len_bytes: head_len_bytes as u64,
            runtime: Handle::current(),
        }
    }

    /// Appends after the head and what was appended before; returns when all that fills a part is sent.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn append(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        self.len_bytes += bytes.len() as u64;
        let room = self.part_len_bytes - self.first.len();
        self.first
            .extend_from_slice(&bytes.split_to(room.min(bytes.len())));
        while !bytes.is_empty() {
            let multipart = match &mut self.multipart {
                Some(multipart) => multipart,
                none => {
                    let object = Object::Rendition(self.id, &self.take, &self.rung);
                    let begun = OpenMultipart::begin(&self.store, &object, &self.runtime).await?;
                    FailPoint::RenditionBegun.reached(self.id);
                    none.insert(begun)
                }
            };
            let room = self.part_len_bytes - self.pending.len();
            self.pending
                .extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.pending.len() == self.part_len_bytes {
                let part = self.pending.split().freeze();
                let sent = multipart.part(self.sent.len() as i32 + 2, part).await?;
                self.sent.push(sent);
                FailPoint::RenditionPartStored.reached(self.id);
            }
        }
        Ok(())
    }

    /// Puts the head in front and makes the file visible, whole. Returns its length.
    ///
    /// # Errors
    /// [`Error::Input`] when `head` is not as long as announced; [`Error::Unavailable`] and its kin when
    /// S3 does not answer.
    pub async fn finish(mut self, head: &[u8]) -> Result<u64, Error> {
        if head.len() != self.head_len_bytes {
            let announced = self.head_len_bytes;
            return Err(Error::Input(format!(
                "the head of {} was announced with {announced} bytes and has {}",
                self.rung,
                head.len()
            )));
        }
        self.first[..head.len()].copy_from_slice(head);
        let first = self.first.split().freeze();
        let Some(multipart) = self.multipart.take() else {
            self.put(first).await?;
            FailPoint::RenditionStored.reached(self.id);
            return Ok(self.len_bytes);
        };
        let rest = self.pending.split().freeze();
        let last = async {
            match rest.is_empty() {
                true => Ok(None),
                false => {
                    let last = multipart.part(self.sent.len() as i32 + 2, rest);
                    last.await.map(Some)
                }
            }
        };
        let (first, last) = tokio::try_join!(multipart.part(1, first), last)?;
        self.sent.insert(0, first);
        self.sent.extend(last);
        multipart.complete(&self.sent).await?;
        FailPoint::RenditionStored.reached(self.id);
        Ok(self.len_bytes)
    }

    /// Gives the upload up and frees its space.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer; the sweep frees it then.
    pub async fn abort(self) -> Result<(), Error> {
        match self.multipart {
            Some(multipart) => multipart.abort().await,
            None => Ok(()),
        }
    }

    /// The whole file at once. Where the answer is lost it is sent again: only this take writes the key,
    /// and always the same bytes.
    async fn put(&self, file: Bytes) -> Result<(), Error> {
        let object = Object::Rendition(self.id, &self.take, &self.rung);
        self.store.write_patiently(&object, file).await
    }
}

/// A rendition's multipart upload. Dropped, it is given up in the background (and swept, should that fail).
#[derive(Debug)]
struct OpenMultipart {
    /// None once it is completed or given up.
    multipart: Option<Multipart>,
    runtime: Handle,
}

impl OpenMultipart {
    /// Opens an upload. Who stops waiting leaves nothing open: the request is seen to its end all the same,
    /// since only its answer tells what there is to give up.
    async fn begin(store: &Store, object: &Object<'_>, runtime: &Handle) -> Result<Self, Error> {
        let begin = Multipart::begin_rendition(store, object);
        let on = runtime.clone();
        let opened = runtime.spawn(async move {
            begin.await.map(|multipart| Self {
                multipart: Some(multipart),
                runtime: on,
            })
        });
        opened.await.unwrap_or_else(|error| {
            Err(Error::Unavailable {
                doing: format!("begin upload {}", object.key()),
                reason: error.to_string(),
            })
        })
    }

    async fn part(&self, number: i32, bytes: Bytes) -> Result<String, Error> {
        self.open().part(number, bytes).await
    }

    async fn complete(mut self, etags: &[String]) -> Result<(), Error> {
        self.open().complete(etags).await?;
        self.multipart = None;
        Ok(())
    }

    async fn abort(mut self) -> Result<(), Error> {
        let aborted = self.open().abort().await;
        self.multipart = None;
        aborted
    }

    fn open(&self) -> &Multipart {
        self.multipart
            .as_ref()
            .expect("who completes or aborts it gives it away")
    }
}

impl Drop for OpenMultipart {
    fn drop(&mut self) {
        let Some(multipart) = self.multipart.take() else {
            return;
        };
        self.runtime.spawn(async move {
            if let Err(error) = multipart.abort().await {
                tracing::debug!(key = multipart.key(), %error, "left for the sweep");
            }
        });
    }
}
