//! Writing, copying and deleting whole objects.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::condition::{ReadCondition, WriteCondition, now_s, timestamp};
use crate::receive::{Expected, receive};
use crate::rows::{
    Extent, NewObject, StoredHeaders, bucket_id, delete_object, extents, object, replace_object,
};

/// S3's limit on the length of a key, in bytes.
const MAX_KEY_LEN_BYTES: usize = 1024;

/// S3's limit on what one `DeleteObjects` names.
const MAX_DELETIONS: usize = 1000;

/// The fields of the same name that several inputs share.
macro_rules! stored_headers {
    ($input:expr) => {
        $crate::rows::StoredHeaders {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            content_type: $input.content_type.take(),
            metadata: $input
                .metadata
                .take()
                .unwrap_or_default()
                .into_iter()
                .collect(),
        }
    };
}

/// What the client announced about the body of a `PutObject` or an `UploadPart`.
macro_rules! expected {
    ($request:expr) => {
        $crate::receive::Expected {
            len_bytes: $request.input.content_length,
            md5: $request.input.content_md5.take(),
            checksum: s3s::dto::Checksum {
                checksum_crc32: $request.input.checksum_crc32.take(),
                checksum_crc32c: $request.input.checksum_crc32c.take(),
                checksum_sha1: $request.input.checksum_sha1.take(),
                checksum_sha256: $request.input.checksum_sha256.take(),
                checksum_crc64nvme: $request.input.checksum_crc64nvme.take(),
                ..s3s::dto::Checksum::default()
            },
            announced_trailers: $crate::receive::announced_trailers(&$request.headers),
            trailers: $request.trailing_headers.take(),
        }
    };
}
pub(crate) use {expected, stored_headers};

impl Backend {
    pub(crate) async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<PutObjectOutput> {
        let expected: Expected = expected!(request);
        let mut input = request.input;
        let headers: StoredHeaders = stored_headers!(input);
        let condition = WriteCondition {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
        };
        check_key(&input.key)?;
        let bucket = input.bucket.clone();
        // Before the body is taken: a bucket that is not there needs no bytes.
        self.read(move |tx| bucket_id(tx, &bucket)).await?;

        let received = receive(&self.blobs, input.body.take(), expected).await?;
        let checksum = received.checksum;
        let etag = received.etag.clone();
        self.write(move |write| {
            let bucket_id = bucket_id(&write.tx, &input.bucket)?;
            let current = object(&write.tx, bucket_id, &input.key)?;
            condition.check(current.as_ref().map(|object| object.etag.as_str()))?;
            let extent = Extent {
                blob: received.blob.keep(),
                len_bytes: received.len_bytes,
            };
            let new = NewObject {
                bucket_id,
                key: &input.key,
                etag: &received.etag,
                modified_s: now_s(),
                headers: &headers,
                upload_id: None,
                extents: &[extent],
            };
            replace_object(write, &new)
        })
        .await?;
        Ok(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..PutObjectOutput::default()
        })
    }

    /// Copies no bytes: both keys name the same blobs.
    pub(crate) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<CopyObjectOutput> {
        let mut input = request.input;
        check_key(&input.key)?;
        let CopySource::Bucket {
            bucket: source_bucket,
            key: source_key,
            version_id: None,
        } = input.copy_source.clone()
        else {
            return Err(s3_error!(
                NotImplemented,
                "x-amz-copy-source must be <bucket>/<key>, without a version"
            ));
        };
        let source_condition = ReadCondition {
            if_match: input.copy_source_if_match.take(),
            if_none_match: input.copy_source_if_none_match.take(),
            if_modified_since: input.copy_source_if_modified_since.take(),
            if_unmodified_since: input.copy_source_if_unmodified_since.take(),
        };
        let replaces_headers = input
            .metadata_directive
            .take()
            .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let new_headers: StoredHeaders = stored_headers!(input);

        let modified_s = now_s();
        let etag = self
            .write(move |write| {
                let source_bucket = bucket_id(&write.tx, &source_bucket)?;
                let source = object(&write.tx, source_bucket, &source_key)?
                    .ok_or_else(|| s3_error!(NoSuchKey))?;
                source_condition
                    .check(&source.etag, source.modified_s)
                    .map_err(|error| s3_error!(error, PreconditionFailed))?;
                let new = NewObject {
                    bucket_id: bucket_id(&write.tx, &input.bucket)?,
                    key: &input.key,
                    etag: &source.etag,
                    modified_s,
                    headers: if replaces_headers {
                        &new_headers
                    } else {
                        &source.headers
                    },
                    upload_id: None,
                    extents: &extents(&write.tx, source.id)?,
                };
                replace_object(write, &new)?;
                Ok(source.etag)
            })
            .await?;
        Ok(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(ETag::Strong(etag)),
                last_modified: Some(timestamp(modified_s)),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        })
    }

    /// Deleting what is not there succeeds, unless a condition asks for it to be there.
    pub(crate) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<DeleteObjectOutput> {
        let input = request.input;
        let condition = WriteCondition {
            if_match: input.if_match,
            if_none_match: None,
        };
        self.write(move |write| {
            let bucket_id = bucket_id(&write.tx, &input.bucket)?;
            let current = object(&write.tx, bucket_id, &input.key)?;
            condition.check(current.as_ref().map(|object| object.etag.as_str()))?;
            match current {
                Some(object) => delete_object(write, object.id),
                None => Ok(()),
            }
        })
        .await?;
        Ok(DeleteObjectOutput::default())
    }

    pub(crate) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<DeleteObjectsOutput> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        if delete.objects.len() > MAX_DELETIONS {
            return Err(s3_error!(
                MalformedXML,
                "at most {MAX_DELETIONS} keys at a time"
            ));
        }
        let quiet = delete.quiet.unwrap_or(false);
        let deleted = self
            .write(move |write| {
                let bucket_id = bucket_id(&write.tx, &bucket)?;
                let mut deleted = Vec::with_capacity(delete.objects.len());
                for ObjectIdentifier { key, .. } in delete.objects {
                    if let Some(object) = object(&write.tx, bucket_id, &key)? {
                        delete_object(write, object.id)?;
                    }
                    deleted.push(DeletedObject {
                        key: Some(key),
                        ..DeletedObject::default()
                    });
                }
                Ok(deleted)
            })
            .await?;
        Ok(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            ..DeleteObjectsOutput::default()
        })
    }
}

pub(crate) fn check_key(key: &str) -> S3Result<()> {
    match key.len() {
        1..=MAX_KEY_LEN_BYTES => Ok(()),
        _ => Err(s3_error!(
            KeyTooLongError,
            "a key has 1 to {MAX_KEY_LEN_BYTES} bytes"
        )),
    }
}
