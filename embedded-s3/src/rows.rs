//! The rows of the database, and the few statements that more than one operation needs.

use std::collections::{BTreeMap, HashSet};

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use s3s::dto::Metadata;
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use crate::blobs::BlobName;
use crate::database::{Write, failed};

/// The headers that a client stores with an object and gets back with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredHeaders {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: Option<String>,
    /// `x-amz-meta-*`, without that prefix.
    pub(crate) metadata: BTreeMap<String, String>,
}

impl StoredHeaders {
    pub(crate) fn metadata_for_client(&self) -> Option<Metadata> {
        let metadata = &self.metadata;
        (!metadata.is_empty()).then(|| metadata.clone().into_iter().collect())
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and maps of strings are always JSON")
    }
}

/// One row of `object`.
pub(crate) struct Object {
    pub(crate) id: i64,
    pub(crate) len_bytes: u64,
    pub(crate) etag: String,
    pub(crate) modified_s: i64,
    pub(crate) headers: StoredHeaders,
    pub(crate) upload_id: Option<String>,
}

/// One row of `extent`: a stretch of an object's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) blob: BlobName,
    pub(crate) len_bytes: u64,
}

/// What a key is to point to.
pub(crate) struct NewObject<'a> {
    pub(crate) bucket_id: i64,
    pub(crate) key: &'a str,
    pub(crate) etag: &'a str,
    pub(crate) modified_s: i64,
    pub(crate) headers: &'a StoredHeaders,
    pub(crate) upload_id: Option<&'a str>,
    pub(crate) extents: &'a [Extent],
}

/// The id of a bucket.
pub(crate) fn bucket_id(tx: &Transaction<'_>, name: &str) -> S3Result<i64> {
    tx.prepare_cached("SELECT id FROM bucket WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
        .map_err(failed)?
        .ok_or_else(|| s3_error!(NoSuchBucket))
}

pub(crate) fn object(tx: &Transaction<'_>, bucket_id: i64, key: &str) -> S3Result<Option<Object>> {
    let sql = "SELECT id, len_bytes, etag, modified_s, headers, upload_id
               FROM object WHERE bucket_id = ?1 AND key = ?2";
    tx.prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_row(params![bucket_id, key.as_bytes()], |row| {
                    Ok(Object {
                        id: row.get(0)?,
                        len_bytes: row.get(1)?,
                        etag: row.get(2)?,
                        modified_s: row.get(3)?,
                        headers: headers(row, 4)?,
                        upload_id: row.get(5)?,
                    })
                })
                .optional()
        })
        .map_err(failed)
}

pub(crate) fn extents(tx: &Transaction<'_>, object_id: i64) -> S3Result<Vec<Extent>> {
    let sql = "SELECT blob, len_bytes FROM extent WHERE object_id = ?1 ORDER BY ordinal";
    tx.prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_map([object_id], |row| {
                    Ok(Extent {
                        blob: row.get(0)?,
                        len_bytes: row.get(1)?,
                    })
                })?
                .collect()
        })
        .map_err(failed)
}

/// Points a key to new bytes; what it pointed to before becomes garbage.
pub(crate) fn replace_object(write: &mut Write<'_>, new: &NewObject<'_>) -> S3Result<()> {
    if let Some(old) = object(&write.tx, new.bucket_id, new.key)? {
        delete_object(write, old.id)?;
    }
    let len_bytes: u64 = new.extents.iter().map(|extent| extent.len_bytes).sum();
    let insert = || {
        write.tx.execute(
            "INSERT INTO object (bucket_id, key, len_bytes, etag, modified_s, headers, upload_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                new.bucket_id,
                new.key.as_bytes(),
                len_bytes,
                new.etag,
                new.modified_s,
                new.headers.to_json(),
                new.upload_id,
            ],
        )?;
        let object_id = write.tx.last_insert_rowid();
        let mut statement = write.tx.prepare_cached(
            "INSERT INTO extent (object_id, ordinal, blob, len_bytes) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (ordinal, extent) in new.extents.iter().enumerate() {
            statement.execute(params![object_id, ordinal, extent.blob, extent.len_bytes])?;
        }
        Ok(())
    };
    insert().map_err(failed)?;
    // A copy onto itself names its blobs again.
    let kept: HashSet<&BlobName> = new.extents.iter().map(|extent| &extent.blob).collect();
    write.garbage.retain(|blob| !kept.contains(blob));
    Ok(())
}

/// Deletes an object; the blobs that no copy of it shares become garbage.
pub(crate) fn delete_object(write: &mut Write<'_>, object_id: i64) -> S3Result<()> {
    let extents = extents(&write.tx, object_id)?;
    let delete = || {
        write
            .tx
            .execute("DELETE FROM object WHERE id = ?1", [object_id])?;
        let mut shared = write
            .tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM extent WHERE blob = ?1)")?;
        let mut unnamed = Vec::new();
        for extent in extents {
            let is_shared: bool = shared.query_row([&extent.blob], |row| row.get(0))?;
            if !is_shared {
                unnamed.push(extent.blob);
            }
        }
        Ok(unnamed)
    };
    let unnamed: Vec<BlobName> = delete().map_err(failed)?;
    write.garbage.extend(unnamed);
    Ok(())
}

/// A column that holds [`StoredHeaders`] as JSON.
pub(crate) fn headers(row: &Row<'_>, column: usize) -> rusqlite::Result<StoredHeaders> {
    let json: String = row.get(column)?;
    serde_json::from_str(&json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// A column that holds a key.
pub(crate) fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    String::from_utf8(row.get(column)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error))
    })
}
