//! Lists of unfinished uploads and of their parts.

use rusqlite::params;
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::condition::timestamp;
use crate::database::failed;
use crate::listing::{encoder, page_size, successor_of_key, successor_of_prefix};
use crate::multipart::upload;
use crate::rows::{bucket_id, key};

impl Backend {
    pub(crate) async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<ListMultipartUploadsOutput> {
        let input = request.input;
        if input
            .delimiter
            .as_ref()
            .is_some_and(|delimiter| !delimiter.is_empty())
        {
            return Err(s3_error!(
                NotImplemented,
                "a delimiter in a list of uploads"
            ));
        }
        let max_uploads = page_size(input.max_uploads)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let bucket = input.bucket.clone();
        // Uploads come after (key, id); a key marker alone skips all uploads of that key.
        let (after_key, after_id) = match (&input.key_marker, &input.upload_id_marker) {
            (None, _) => (Vec::new(), String::new()),
            (Some(key), Some(id)) => (key.clone().into_bytes(), id.clone()),
            (Some(key), None) => (successor_of_key(key), String::new()),
        };
        let mut uploads = self
            .read(move |tx| {
                let bucket_id = bucket_id(tx, &bucket)?;
                let sql = "SELECT key, id, initiated_s FROM upload
                           WHERE bucket_id = ?1 AND (key, id) > (?2, ?3)
                             AND key >= ?4 AND (?5 IS NULL OR key < ?5)
                           ORDER BY key, id LIMIT ?6";
                let bounds = params![
                    bucket_id,
                    after_key,
                    after_id,
                    prefix.as_bytes(),
                    successor_of_prefix(&prefix),
                    max_uploads + 1,
                ];
                tx.prepare_cached(sql)
                    .and_then(|mut statement| {
                        statement
                            .query_map(bounds, |row| {
                                Ok(MultipartUpload {
                                    key: Some(key(row, 0)?),
                                    upload_id: row.get(1)?,
                                    initiated: Some(timestamp(row.get(2)?)),
                                    ..MultipartUpload::default()
                                })
                            })?
                            .collect::<Result<Vec<_>, _>>()
                    })
                    .map_err(failed)
            })
            .await?;
        let is_truncated = uploads.len() > max_uploads;
        uploads.truncate(max_uploads);
        let last = uploads.last().filter(|_| is_truncated).cloned();
        let encode = encoder(input.encoding_type.as_ref())?;
        for upload in &mut uploads {
            upload.key = upload.key.take().map(encode);
        }
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix.map(encode),
            key_marker: input.key_marker.map(encode),
            upload_id_marker: input.upload_id_marker,
            encoding_type: input.encoding_type,
            max_uploads: i32::try_from(max_uploads).ok(),
            is_truncated: Some(is_truncated),
            next_key_marker: last.as_ref().and_then(|last| last.key.clone()).map(encode),
            next_upload_id_marker: last.and_then(|last| last.upload_id),
            uploads: Some(uploads),
            ..ListMultipartUploadsOutput::default()
        })
    }

    pub(crate) async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<ListPartsOutput> {
        let input = request.input;
        let max_parts = page_size(input.max_parts)?;
        let after = input.part_number_marker.unwrap_or_default();
        let (bucket, key, upload_id) = (
            input.bucket.clone(),
            input.key.clone(),
            input.upload_id.clone(),
        );
        let mut parts = self
            .read(move |tx| {
                upload(tx, &bucket, &key, &upload_id)?;
                let sql = "SELECT number, len_bytes, etag, modified_s FROM part
                           WHERE upload_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
                tx.prepare_cached(sql)
                    .and_then(|mut statement| {
                        statement
                            .query_map(params![upload_id, after, max_parts + 1], |row| {
                                Ok(Part {
                                    part_number: row.get(0)?,
                                    size: row.get(1)?,
                                    e_tag: Some(ETag::Strong(row.get(2)?)),
                                    last_modified: Some(timestamp(row.get(3)?)),
                                    ..Part::default()
                                })
                            })?
                            .collect::<Result<Vec<_>, _>>()
                    })
                    .map_err(failed)
            })
            .await?;
        let is_truncated = parts.len() > max_parts;
        parts.truncate(max_parts);
        let last = parts.last().filter(|_| is_truncated);
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            max_parts: i32::try_from(max_parts).ok(),
            part_number_marker: input.part_number_marker,
            next_part_number_marker: last.and_then(|last| last.part_number),
            is_truncated: Some(is_truncated),
            parts: Some(parts),
            ..ListPartsOutput::default()
        })
    }
}
