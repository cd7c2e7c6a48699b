use std::io;
use std::path::PathBuf;

use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// 507 (RFC 4918 §11.5), since S3 itself has no word for it.
pub(crate) fn disk_is_full() -> S3Error {
    let code = S3ErrorCode::Custom("InsufficientStorage".into());
    let message = "the disk is full: delete objects, or give it more room";
    let mut error = S3Error::with_message(code, message);
    error.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    error
}

/// Why the data folder cannot be opened or set up. What goes wrong with a single request is answered
/// to its client in S3's own terms.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only one process may write to a data folder.
    #[error("the data folder {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Disk {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The database is damaged, or not ours.
    #[error("cannot use the database {}: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// There are blobs and nothing that says what they are; a new database would make all of them garbage.
    #[error(
        "the database {} is missing, but {} holds the bytes of objects: put the database back (with its \
         -wal file, if there is one), or choose another data folder to start anew",
        path.display(),
        blob_dir.display()
    )]
    DatabaseMissing {
        /// Where the database should be.
        path: PathBuf,
        /// The folder that is not empty.
        blob_dir: PathBuf,
    },
    /// The folder was written by another version of this program.
    #[error(
        "the database {} has schema version {version}, which this program does not know; \
         use the program that wrote it, or another data folder",
        path.display()
    )]
    SchemaVersion {
        /// The database file.
        path: PathBuf,
        /// What it says it is.
        version: i64,
    },
    /// S3's naming rules: 3 to 63 characters of `a-z`, `0-9`, `-` and `.`.
    #[error(
        "`{0}` is not a valid bucket name: use 3 to 63 lowercase letters, digits, hyphens and dots"
    )]
    BucketName(String),
    /// The server answered with an S3 error.
    #[error("the bucket could not be set up: {0}")]
    Refused(String),
}
