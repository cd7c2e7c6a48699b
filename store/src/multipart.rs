//! A rendition's multipart upload: completed, or given up whatever becomes of its owner.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::runtime::Handle;

use crate::client;
use crate::error::is_missing;
use crate::keys::Object;
use crate::{Error, Store};

/// A multipart upload that is open. Dropped, it is given up in the background (and swept, should that fail).
#[derive(Debug)]
pub(crate) struct Multipart {
    store: Store,
    bucket: String,
    key: String,
    /// None once it is completed or given up.
    upload_id: Option<String>,
    /// Where a drop, on whatever thread, gives the upload up.
    runtime: Handle,
}

impl Multipart {
    /// Opens an upload. Who stops waiting leaves nothing open: the request is seen to its end all the same,
    /// since only its answer tells what there is to give up.
    pub(crate) async fn begin(
        store: &Store,
        object: &Object<'_>,
        runtime: &Handle,
    ) -> Result<Self, Error> {
        let doing = format!("begin upload {}", object.key());
        let request = store
            .s3()
            .create_multipart_upload()
            .bucket(object.bucket(store.settings()))
            .key(object.key())
            .content_type(object.content_type())
            .cache_control(object.cache_control())
            .customize()
            .config_override(client::patient());
        let mut multipart = Self {
            store: store.clone(),
            bucket: object.bucket(store.settings()).to_owned(),
            key: object.key(),
            upload_id: None,
            runtime: runtime.clone(),
        };
        let opened = runtime.spawn(async move {
            let answer = request.send().await;
            answer.map(|answer| {
                multipart.upload_id = answer.upload_id;
                multipart
            })
        });
        match opened.await {
            Ok(Ok(multipart)) => Ok(multipart),
            Ok(Err(error)) => Err(Error::from_sdk(doing, &error)),
            Err(error) => Err(Error::Unavailable {
                doing,
                reason: error.to_string(),
            }),
        }
    }

    pub(crate) async fn send(&self, number: i32, part: Bytes) -> Result<CompletedPart, Error> {
        let answer = self
            .store
            .s3()
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_upload_id(self.upload_id.clone())
            .part_number(number)
            .body(ByteStream::from(part))
            .customize()
            .config_override(client::patient())
            .send()
            .await
            .map_err(|error| {
                Error::from_sdk(format!("upload part {number} of {}", self.key), &error)
            })?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .build())
    }

    /// Makes `object`, for which it was begun, visible.
    pub(crate) async fn complete(
        mut self,
        object: &Object<'_>,
        parts: Vec<CompletedPart>,
    ) -> Result<(), Error> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        let answer = self
            .store
            .s3()
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_upload_id(self.upload_id.clone())
            .multipart_upload(parts)
            .customize()
            .config_override(client::patient())
            .send()
            .await;
        match answer {
            Ok(_) => {}
            // The first answer was lost and the SDK asked again: the upload is gone, the file is there.
            Err(error) if is_missing(&error) && self.store.exists(object).await? => {}
            Err(error) => {
                let doing = format!("complete upload {}", self.key);
                return Err(Error::from_sdk(doing, &error));
            }
        }
        self.upload_id = None;
        Ok(())
    }

    /// Gives it up.
    pub(crate) async fn abort(mut self) -> Result<(), Error> {
        match self.upload_id.take() {
            Some(upload_id) => {
                let store = &self.store;
                store
                    .abort_multipart(&self.bucket, &self.key, &upload_id)
                    .await
            }
            None => Ok(()),
        }
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        let Some(upload_id) = self.upload_id.take() else {
            return;
        };
        let (store, bucket) = (self.store.clone(), self.bucket.clone());
        let key = self.key.clone();
        self.runtime.spawn(async move {
            if let Err(error) = store.abort_multipart(&bucket, &key, &upload_id).await {
                tracing::debug!(key, %error, "left for the sweep");
            }
        });
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
