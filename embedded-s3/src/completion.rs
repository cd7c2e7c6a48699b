//! Completing a multipart upload: the list of parts becomes the object's list of extents. No byte is
//! copied, so it costs the same for a megabyte and for a terabyte.

use rusqlite::Transaction;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::condition::{WriteCondition, now_s};
use crate::credentials::hex;
use crate::multipart::{UploadedPart, drop_upload, part, upload};
use crate::rows::{Extent, NewObject, bucket_id, object, replace_object};

/// S3's lower limit for every part but the last.
const MIN_PART_LEN_BYTES: u64 = 5 << 20;

impl Backend {
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
