//! An S3 server on local disk, for people who have no cloud at hand.
//!
//! The crate `s3s` does the protocol: routing, signatures, presigned URLs, XML. What is stored, and
//! when, is decided here:
//!
//! - The bytes of an object are immutable *blobs* with random names; a key is never a path.
//! - Keys, metadata, ETags and multipart state live in one SQLite database (WAL, `synchronous=FULL`).
//! - A write streams into a new blob, is checked and fsynced, and then **one transaction** tests the
//!   condition (`If-Match`, `If-None-Match`) and moves the key to the blob. There is one writer, so of
//!   any number of racing conditional writes exactly one wins, and what was acknowledged survives a
//!   power cut.
//! - A blob is unlinked only after the transaction that dropped its last reference has committed, and
//!   only when nobody is reading it; what a crash leaves behind is collected when the folder is opened.
//! - A disk that is all but full takes no more media (507) but still small objects, and a fuller one only
//!   changes to the database: deleting makes room again.
//!
//! Path-style addresses only. Objects are not versioned, and there are no access rules beyond "signed
//! with the one pair of keys".

mod backend;
mod blobs;
mod buckets;
mod completion;
mod condition;
mod cors;
mod credentials;
mod database;
mod error;
mod front;
mod listing;
mod multipart;
mod objects;
mod part_writers;
mod read;
mod receive;
mod rows;
mod serve;
pub mod test_server;
mod upload_listing;

use std::path::Path;
use std::sync::Arc;

use s3s::auth::SimpleAuth;
use s3s::dto::CORSRule;
use s3s::service::{S3Service, S3ServiceBuilder};

pub use credentials::Credentials;
pub use error::Error;
pub use front::{FRONT_ENDPOINT, Front};
pub use part_writers::FrontLimits;

use backend::Backend;

/// A data folder opened as an S3 server. Clones share it; the folder's lock is released when the
/// last clone, and the last request under way, are gone.
#[derive(Clone)]
pub struct EmbeddedS3 {
    backend: Arc<Backend>,
    protocol: S3Service,
}

impl EmbeddedS3 {
    /// Opens the data folder, creating it if need be, and removes what a crash left behind.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has the folder open; otherwise what failed on disk.
    pub fn open(data_dir: &Path, credentials: &Credentials) -> Result<Self, Error> {
        let backend = Arc::new(Backend::open(data_dir)?);
        let mut builder = S3ServiceBuilder::new(backend::Operations(Arc::clone(&backend)));
        builder.set_auth(SimpleAuth::from_single(
            credentials.access_key_id(),
            credentials.secret_access_key(),
        ));
        Ok(Self {
            backend,
            protocol: builder.build(),
        })
    }

    /// Creates a bucket; one that is there already is left as it is.
    ///
    /// # Errors
    /// [`Error::BucketName`] if S3 does not allow the name.
    pub async fn create_bucket(&self, name: &str) -> Result<(), Error> {
        if !s3s::path::check_bucket_name(name) {
            return Err(Error::BucketName(name.to_owned()));
        }
        self.backend
            .make_bucket(name.to_owned())
            .await
            .map(drop)
            .map_err(|error| Error::Refused(error.to_string()))
    }

    /// Lets pages of these origins (`*` for all) read objects of a bucket by presigned URL, and send
    /// parts to one; an empty list lets none.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is no such bucket.
    pub async fn allow_origins(&self, bucket: &str, origins: &[String]) -> Result<(), Error> {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let rule = CORSRule {
            allowed_origins: origins.to_vec(),
            allowed_methods: list(&["GET", "HEAD", "PUT"]),
            allowed_headers: Some(list(&["*"])),
            expose_headers: Some(list(&["ETag", "Content-Range", "Content-Length"])),
            max_age_seconds: Some(3600),
            ..CORSRule::default()
        };
        let rules = (!origins.is_empty()).then(|| vec![rule]);
        self.backend
            .set_cors(bucket.to_owned(), rules)
            .await
            .map_err(|error| Error::Refused(error.to_string()))
    }

    /// The service for browsers, to be mounted on a port of its own: see [`Front`].
    pub fn front(&self, limits: FrontLimits) -> Front {
        Front::new(self.clone(), limits)
    }
}
