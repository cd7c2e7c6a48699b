//! Multipart uploads. Each part is a blob; completing one makes the list of parts the object's list
//! of extents, so it costs the same for a byte and for a terabyte.

use rusqlite::{OptionalExtension, Transaction, params};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::condition::{WriteCondition, now_s};
use crate::credentials::{hex, random_hex};
use crate::database::failed;
use crate::objects::{check_key, expected, stored_headers};
use crate::receive::{Expected, receive};
use crate::rows::{Extent, NewObject, StoredHeaders, bucket_id, headers, object, replace_object};

/// S3's lower limit for every part but the last.
const MIN_PART_LEN_BYTES: u64 = 5 << 20;

/// S3's range of part numbers.
const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

/// An unfinished upload.
struct Upload {
    bucket_id: i64,
    headers: StoredHeaders,
}

/// A part as it was uploaded.
struct UploadedPart {
    extent: Extent,
    /// MD5 in hexadecimal digits.
    etag: String,
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

        let received = receive(&self.blobs, body, expected).await?;
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

    /// Answers a repeated completion like the first, as long as its object is in place: the first
    /// answer may have been lost on the way.
    pub(crate) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let input = request.input;
        let condition = WriteCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
        };
        let mut output = CompleteMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            ..CompleteMultipartUploadOutput::default()
        };
        let wanted = input
            .multipart_upload
            .and_then(|list| list.parts)
            .unwrap_or_default();
        let (bucket, key, upload_id) = (input.bucket, input.key, input.upload_id);
        let etag = self
            .write(move |write| {
                let found = upload(&write.tx, &bucket, &key, &upload_id);
                let current = object(&write.tx, bucket_id(&write.tx, &bucket)?, &key)?;
                let upload = match (found, &current) {
                    (Ok(upload), _) => upload,
                    (Err(_), Some(object)) if object.upload_id.as_ref() == Some(&upload_id) => {
                        return Ok(object.etag.clone());
                    }
                    (Err(gone), _) => return Err(gone),
                };
                condition.check(current.as_ref().map(|object| object.etag.as_str()))?;
                let parts = chosen_parts(&write.tx, &upload_id, &wanted)?;
                let len_bytes: u64 = parts.iter().map(|part| part.extent.len_bytes).sum();
                if input
                    .mpu_object_size
                    .is_some_and(|size| u64::try_from(size) != Ok(len_bytes))
                {
                    return Err(s3_error!(
                        InvalidRequest,
                        "the parts sum up to {len_bytes} bytes"
                    ));
                }
                let etag = multipart_etag(&parts)?;
                let extents: Vec<Extent> = parts.into_iter().map(|part| part.extent).collect();
                // Those parts that were not chosen are garbage, the others are named again below.
                drop_upload(write, &upload_id)?;
                replace_object(
                    write,
                    &NewObject {
                        bucket_id: upload.bucket_id,
                        key: &key,
                        etag: &etag,
                        modified_s: now_s(),
                        headers: &upload.headers,
                        upload_id: Some(&upload_id),
                        extents: &extents,
                    },
                )?;
                Ok(etag)
            })
            .await?;
        output.e_tag = Some(ETag::Strong(etag));
        Ok(output)
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

fn upload(tx: &Transaction<'_>, bucket: &str, key: &str, upload_id: &str) -> S3Result<Upload> {
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

/// For operations that only need to know that the upload is there.
pub(crate) fn check_upload(
    tx: &Transaction<'_>,
    bucket: &str,
    key: &str,
    upload_id: &str,
) -> S3Result<()> {
    upload(tx, bucket, key, upload_id).map(drop)
}

fn part(tx: &Transaction<'_>, upload_id: &str, number: i32) -> S3Result<Option<UploadedPart>> {
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

/// The parts a completion lists. Numbers may have gaps, but must ascend.
fn chosen_parts(
    tx: &Transaction<'_>,
    upload_id: &str,
    wanted: &[CompletedPart],
) -> S3Result<Vec<UploadedPart>> {
    if wanted.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "a completion lists at least one part"
        ));
    }
    let ascends = wanted
        .windows(2)
        .all(|pair| pair[0].part_number < pair[1].part_number);
    if !ascends {
        return Err(s3_error!(InvalidPartOrder));
    }
    let mut parts = Vec::with_capacity(wanted.len());
    for (index, wanted_part) in wanted.iter().enumerate() {
        let number = wanted_part.part_number.unwrap_or_default();
        let etag = wanted_part.e_tag.as_ref().map(ETag::value);
        let part = part(tx, upload_id, number)?
            .filter(|part| etag == Some(part.etag.as_str()))
            .ok_or_else(|| {
                s3_error!(InvalidPart, "part {number} is missing or has another ETag")
            })?;
        let is_last = index + 1 == wanted.len();
        if !is_last && part.extent.len_bytes < MIN_PART_LEN_BYTES {
            return Err(s3_error!(
                EntityTooSmall,
                "part {number} has {} bytes; all but the last need {MIN_PART_LEN_BYTES}",
                part.extent.len_bytes
            ));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// As S3 does it: the MD5 of the parts' MD5s, and how many there are.
fn multipart_etag(parts: &[UploadedPart]) -> S3Result<String> {
    let mut digest = Md5::new();
    for part in parts {
        let mut bytes = [0; 16];
        for (byte, digits) in bytes.iter_mut().zip(part.etag.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(S3Error::internal_error)?;
            *byte = u8::from_str_radix(digits, 16).map_err(S3Error::internal_error)?;
        }
        digest.update(&bytes);
    }
    Ok(format!("{}-{}", hex(&digest.finalize()), parts.len()))
}

/// Forgets an upload; the blobs of all its parts become garbage.
fn drop_upload(write: &mut crate::database::Write<'_>, upload_id: &str) -> S3Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_etag_of_parts_is_that_of_aws() {
        // Two parts of zero bytes each; the digest of the digests computed with md5sum.
        let part = || UploadedPart {
            extent: Extent {
                blob: String::new(),
                len_bytes: 0,
            },
            etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        };
        let etag = multipart_etag(&[part(), part()]).unwrap();
        assert_eq!(etag, "5873dd45edd01f09c1ef2e7819369e8e-2");
    }
}
