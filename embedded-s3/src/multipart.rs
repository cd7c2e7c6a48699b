//! Multipart uploads before their completion. Each part is a blob.

use rusqlite::{OptionalExtension, Transaction, params};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::condition::now_s;
use crate::credentials::random_hex;
use crate::database::{Write, failed};
use crate::objects::{check_key, expected, stored_headers};
use crate::part_writers::PartWriters;
use crate::receive::{Expected, receive};
use crate::rows::{Extent, StoredHeaders, bucket_id, headers};

/// S3's range of part numbers.
const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

/// An unfinished upload.
pub(crate) struct Upload {
    pub(crate) bucket_id: i64,
    pub(crate) headers: StoredHeaders,
}

/// A part as it was uploaded.
pub(crate) struct UploadedPart {
    pub(crate) extent: Extent,
    /// MD5 in hexadecimal digits.
    pub(crate) etag: String,
}

impl Backend {
    pub(crate) async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let mut input = request.input;
        let headers: StoredHeaders = stored_headers!(input);
        check_key(&input.key)?;
        let upload_id = random_hex::<16>().map_err(S3Error::internal_error)?;
        let output = CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(upload_id.clone()),
            ..CreateMultipartUploadOutput::default()
        };
        self.write(move |write| {
            let bucket_id = bucket_id(&write.tx, &input.bucket)?;
            let sql = "INSERT INTO upload (id, bucket_id, key, initiated_s, headers)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let key = input.key.as_bytes();
            write
                .tx
                .execute(
                    sql,
                    params![upload_id, bucket_id, key, now_s(), headers.to_json()],
                )
                .map_err(failed)
        })
        .await?;
        Ok(output)
    }

    pub(crate) async fn upload_part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<UploadPartOutput> {
        let expected: Expected = expected!(request);
        let UploadPartInput {
            body,
            bucket,
            key,
            part_number,
            upload_id,
            ..
        } = request.input;
        if !PART_NUMBERS.contains(&part_number) {
            return Err(s3_error!(
                InvalidArgument,
                "part numbers go from 1 to 10000"
            ));
        }
        let is_there = {
            let (bucket, key, upload_id) = (bucket.clone(), key.clone(), upload_id.clone());
            move |tx: &Transaction<'_>| upload(tx, &bucket, &key, &upload_id).map(drop)
        };
        // Before the body is taken: an upload that is gone needs no bytes.
        self.read(is_there).await?;

        let receiving = receive(&self.blobs, body, expected);
        let received = match request.extensions.get::<PartWriters>() {
            Some(writers) => {
                let writer = writers.begin(&upload_id, part_number)?;
                writer.write(receiving).await?
            }
            None => receiving.await?,
        };
        let checksum = received.checksum;
        let etag = received.etag.clone();
        self.write(move |write| {
            upload(&write.tx, &bucket, &key, &upload_id)?;
            let replaced = part(&write.tx, &upload_id, part_number)?;
            write.garbage.extend(replaced.map(|part| part.extent.blob));
            let sql = "INSERT OR REPLACE INTO part
                       (upload_id, number, blob, len_bytes, etag, modified_s)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let blob = received.blob.keep();
            let (len_bytes, etag) = (received.len_bytes, received.etag);
            write
                .tx
                .execute(
                    sql,
                    params![upload_id, part_number, blob, len_bytes, etag, now_s()],
                )
                .map_err(failed)
        })
        .await?;
        Ok(UploadPartOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..UploadPartOutput::default()
        })
    }

    pub(crate) async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<AbortMultipartUploadOutput> {
        let input = request.input;
        self.write(move |write| {
            upload(&write.tx, &input.bucket, &input.key, &input.upload_id)?;
            drop_upload(write, &input.upload_id)
        })
        .await?;
        Ok(AbortMultipartUploadOutput::default())
    }
}

pub(crate) fn upload(
    tx: &Transaction<'_>,
    bucket: &str,
    key: &str,
    upload_id: &str,
) -> S3Result<Upload> {
    let bucket_id = bucket_id(tx, bucket)?;
    let sql = "SELECT headers FROM upload WHERE id = ?1 AND bucket_id = ?2 AND key = ?3";
    tx.prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_row(params![upload_id, bucket_id, key.as_bytes()], |row| {
                    headers(row, 0)
                })
                .optional()
        })
        .map_err(failed)?
        .map(|headers| Upload { bucket_id, headers })
        .ok_or_else(|| s3_error!(NoSuchUpload))
}

pub(crate) fn part(
    tx: &Transaction<'_>,
    upload_id: &str,
    number: i32,
) -> S3Result<Option<UploadedPart>> {
    let sql = "SELECT blob, len_bytes, etag FROM part WHERE upload_id = ?1 AND number = ?2";
    tx.prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_row(params![upload_id, number], |row| {
                    let extent = Extent {
                        blob: row.get(0)?,
                        len_bytes: row.get(1)?,
                    };
                    Ok(UploadedPart {
                        extent,
                        etag: row.get(2)?,
                    })
                })
                .optional()
        })
        .map_err(failed)
}

/// Forgets an upload; the blobs of all its parts become garbage.
pub(crate) fn drop_upload(write: &mut Write<'_>, upload_id: &str) -> S3Result<()> {
    let forget = || {
        let blobs: Vec<String> = write
            .tx
            .prepare_cached("SELECT blob FROM part WHERE upload_id = ?1")?
            .query_map([upload_id], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        write
            .tx
            .execute("DELETE FROM upload WHERE id = ?1", [upload_id])?;
        Ok(blobs)
    };
    let blobs = forget().map_err(failed)?;
    write.garbage.extend(blobs);
    Ok(())
}
