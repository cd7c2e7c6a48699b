//! One writer and one reader on the same SQLite file; both block, so both are used from
//! `spawn_blocking` only.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use s3s::{S3Error, S3Result};

use crate::blobs::BlobName;
use crate::error::{Error, disk_is_full};

/// Raised when the schema changes; a folder written by another version is refused.
const SCHEMA_VERSION: i64 = 1;

pub(crate) struct Database {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

/// A write transaction, and the blobs that lose their last name by it.
pub(crate) struct Write<'a> {
    pub(crate) tx: Transaction<'a>,
    pub(crate) garbage: Vec<BlobName>,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let damaged = |source| Error::Database {
            path: path.to_owned(),
            source,
        };
        let database = Self::connect(path).map_err(damaged)?;
        match database.schema_version().map_err(damaged)? {
            SCHEMA_VERSION => Ok(database),
            version => Err(Error::SchemaVersion {
                path: path.to_owned(),
                version,
            }),
        }
    }

    fn connect(path: &Path) -> rusqlite::Result<Self> {
        let mut writer = Connection::open(path)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.pragma_update(None, "synchronous", "FULL")?;
        writer.pragma_update(None, "foreign_keys", true)?;
        create_schema(&mut writer)?;
        let reader = Connection::open(path)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }

    fn schema_version(&self) -> rusqlite::Result<i64> {
        lock(&self.reader).query_row("PRAGMA user_version", [], |row| row.get(0))
    }

    /// Every blob that some row names.
    pub(crate) fn named_blobs(&self) -> rusqlite::Result<HashSet<BlobName>> {
        lock(&self.reader)
            .prepare("SELECT blob FROM extent UNION SELECT blob FROM part")?
            .query_map([], |row| row.get(0))?
            .collect()
    }

    /// Runs `work` as one transaction. Returns what it returned and the garbage to remove.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&mut Write<'_>) -> S3Result<T>,
    ) -> S3Result<(T, Vec<BlobName>)> {
        let mut connection = lock(&self.writer);
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut write = Write {
            tx,
            garbage: Vec::new(),
        };
        let done = work(&mut write)?;
        let Write { tx, garbage } = write;
        tx.commit().map_err(failed)?;
        Ok((done, garbage))
    }

    /// Runs `work` on one consistent snapshot.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut connection = lock(&self.reader);
        let tx = connection.transaction().map_err(failed)?;
        work(&tx)
    }
}

/// The database failed: the client hears that the disk is full or "internal error", the log hears why.
pub(crate) fn failed(error: rusqlite::Error) -> S3Error {
    tracing::error!(%error, "the object database failed");
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => disk_is_full(),
        _ => S3Error::internal_error(error),
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A transaction that panicked was rolled back when it was dropped.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In a new file; any other is left as it is.
fn create_schema(connection: &mut Connection) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        tx.execute_batch(include_str!("schema.sql"))?;
        tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    tx.commit()
}
