//! The S3 calls of a multipart upload, for all that is uploaded so: originals by whichever route they come,
//! and renditions. What becomes of an upload that nobody completes is its owner's affair.

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use crate::client;
use crate::error::is_missing;
use crate::id::random_hex;
use crate::keys::{Object, original_content_type};
use crate::listing::ListedPart;
use crate::presign::percent_encode;
use crate::{Error, Store, VideoId};

/// S3's limit of parts in one upload.
pub(crate) const PARTS_MAX: usize = 10_000;
/// Object metadata with the name the uploader gave, percent-encoded: headers are ASCII.
pub(crate) const FILENAME_METADATA: &str = "filename";
const CREATED_AT_METADATA: &str = "created-at-ms";
/// Object metadata that tells what one upload became from what another one of the same key did.
const UPLOAD_METADATA: &str = "upload";

/// A multipart upload that is open.
#[derive(Debug, Clone)]
pub(crate) struct Multipart {
    store: Store,
    bucket: String,
    key: String,
    upload_id: String,
    /// How patient calls are that move or join megabytes.
    patience: fn() -> Builder,
    /// What the object carries that this upload becomes; none where another process opened it.
    mark: Option<String>,
}

impl Multipart {
    /// Opens the upload of an original; its name, which travels with it, decides its content type.
    pub(crate) async fn begin_original(
        store: &Store,
        id: VideoId,
        filename: &str,
    ) -> Result<Self, Error> {
        let object = Object::Original(id);
        let mark = random_hex();
        let answer = store
            .s3()
            .create_multipart_upload()
            .bucket(object.bucket(store.settings()))
            .key(object.key())
            .content_type(original_content_type(filename))
            .cache_control(object.cache_control())
            .metadata(FILENAME_METADATA, percent_encode(filename))
            .metadata(CREATED_AT_METADATA, id.created_at_ms().to_string())
            .metadata(UPLOAD_METADATA, &mark)
            .send()
            .await
            .map_err(|error| Error::from_sdk(format!("begin upload {}", object.key()), &error))?;
        let upload_id = answer.upload_id.unwrap_or_default();
        Ok(Self {
            mark: Some(mark),
            ..Self::of_original(store, id, upload_id)
        })
    }

    /// The upload of an original that this or another process opened. Of one id only one is ever completed.
    pub(crate) fn of_original(store: &Store, id: VideoId, upload_id: String) -> Self {
        let object = Object::Original(id);
        Self {
            store: store.clone(),
            bucket: object.bucket(store.settings()).to_owned(),
            key: object.key(),
            upload_id,
            patience: client::bulky,
            mark: None,
        }
    }

    /// Opens the upload of a rendition. A job waits long for S3 before it fails.
    pub(crate) fn begin_rendition(
        store: &Store,
        object: &Object<'_>,
    ) -> impl Future<Output = Result<Self, Error>> + Send + use<> {
        let mark = random_hex();
        let request = store
            .s3()
            .create_multipart_upload()
            .bucket(object.bucket(store.settings()))
            .key(object.key())
            .content_type(object.content_type())
            .cache_control(object.cache_control())
            .metadata(UPLOAD_METADATA, &mark)
            .customize()
            .config_override(client::patient());
        let multipart = Self {
            store: store.clone(),
            bucket: object.bucket(store.settings()).to_owned(),
            key: object.key(),
            upload_id: String::new(),
            patience: client::patient,
            mark: Some(mark),
        };
        async move {
            let answer = request.send().await.map_err(|error| {
                Error::from_sdk(format!("begin upload {}", multipart.key), &error)
            })?;
            Ok(Self {
                upload_id: answer.upload_id.unwrap_or_default(),
                ..multipart
            })
        }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn upload_id(&self) -> &str {
        &self.upload_id
    }

    /// Stores a part, in place of an older one of this number. Returns its ETag.
    pub(crate) async fn part(&self, number: i32, bytes: Bytes) -> Result<String, Error> {
        let answer = self
            .store
            .s3()
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .part_number(number)
            .body(ByteStream::from(bytes))
            .customize()
            .config_override((self.patience)())
            .send()
            .await
            .map_err(|error| {
                Error::from_sdk(format!("upload part {number} of {}", self.key), &error)
            })?;
        Ok(answer.e_tag.unwrap_or_default())
    }

    /// Makes the object visible, made of exactly these parts, from number 1 on. [`Error::Missing`] where there is neither the
    /// upload nor what it would have become, [`Error::PartsDiffer`] where S3 holds other parts.
    pub(crate) async fn complete(&self, etags: &[String]) -> Result<(), Error> {
        let parts = (1..).zip(etags).map(|(number, etag)| {
            CompletedPart::builder()
                .part_number(number)
                .e_tag(etag)
                .build()
        });
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let answer = self
            .store
            .s3()
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .multipart_upload(parts)
            .customize()
            .config_override((self.patience)())
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        let error = Error::from_sdk(format!("complete upload {}", self.key), &error);
        // Answers may have been lost: the upload is gone then, or nothing is known, and the object is there.
        let may_be_done = error.is_transient() || matches!(error, Error::Missing(_));
        if may_be_done && self.is_done().await? {
            return Ok(());
        }
        Err(error)
    }

    /// The parts that are stored. [`Error::Missing`] where there is no such upload any more.
    pub(crate) async fn list_parts(&self) -> Result<Vec<ListedPart>, Error> {
        self.store
            .list_parts(&self.bucket, &self.key, &self.upload_id)
            .await
    }

    /// Whether the object is there that this upload becomes.
    async fn is_done(&self) -> Result<bool, Error> {
        let head = self.store.s3().head_object();
        match head.bucket(&self.bucket).key(&self.key).send().await {
            Ok(there) => Ok(self.mark.as_deref().is_none_or(|mark| {
                let metadata = there.metadata.unwrap_or_default();
                metadata.get(UPLOAD_METADATA).is_some_and(|it| it == mark)
            })),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(Error::from_sdk(format!("look for {}", self.key), &error)),
        }
    }

    /// Gives it up and frees its space.
    pub(crate) async fn abort(&self) -> Result<(), Error> {
        self.store
            .abort_multipart(&self.bucket, &self.key, &self.upload_id)
            .await
    }
}

impl Store {
    pub(crate) async fn abort_multipart(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<(), Error> {
        let answer = self
            .s3()
            .abort_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(upload_id)
            .customize()
            .config_override(client::patient())
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(Error::from_sdk(format!("abort upload {key}"), &error)),
        }
    }
}
