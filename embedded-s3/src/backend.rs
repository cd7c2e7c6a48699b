//! The state behind the protocol, and the table of the operations it answers.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result};
use tokio::task::spawn_blocking;

use crate::blobs::{Blobs, sync_folder};
use crate::database::{Database, Write};
use crate::error::Error;

pub(crate) struct Backend {
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) database: Arc<Database>,
    /// Locked for as long as this process may write here.
    _lock: File,
}

impl Backend {
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let disk = |action: &'static str, path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| Error::Disk {
                action,
                path,
                source,
            }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(disk("create", data_dir))?;
        let lock = lock(data_dir)?;

        let blob_dir = data_dir.join("blobs");
        let blobs = Blobs::open(blob_dir.clone()).map_err(disk("create", &blob_dir))?;
        let database_path = data_dir.join("objects.sqlite");
        // In a new database no row names a blob, so that all of them would be unlinked below.
        let is_new = !database_path
            .try_exists()
            .map_err(disk("read", &database_path))?;
        if is_new && !blobs.is_empty().map_err(disk("read", &blob_dir))? {
            return Err(Error::DatabaseMissing {
                path: database_path,
                blob_dir,
            });
        }
        let database = Database::open(&database_path)?;
        sync_folder(data_dir).map_err(disk("sync", data_dir))?;

        let named = database.named_blobs().map_err(|source| Error::Database {
            path: database_path,
            source,
        })?;
        let orphans = blobs
            .collect_orphans(&named)
            .map_err(disk("clean", &blob_dir))?;
        if orphans > 0 {
            tracing::info!(
                orphans,
                "removed blobs that an interrupted write left behind"
            );
        }
        Ok(Self {
            blobs: Arc::new(blobs),
            database: Arc::new(database),
            _lock: lock,
        })
    }

    /// Runs `work` as one transaction on a blocking thread, then unlinks what it made garbage.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Write<'_>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let (database, blobs) = (Arc::clone(&self.database), Arc::clone(&self.blobs));
        spawn_blocking(move || {
            let (done, garbage) = database.write(work)?;
            blobs.remove(&garbage);
            Ok(done)
        })
        .await
        .map_err(S3Error::internal_error)?
    }

    /// Runs `work` on one snapshot of the database on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let database = Arc::clone(&self.database);
        spawn_blocking(move || database.read(work))
            .await
            .map_err(S3Error::internal_error)?
    }
}

fn lock(data_dir: &Path) -> Result<File, Error> {
    let path = data_dir.join("lock");
    let disk = |source| Error::Disk {
        action: "lock",
        path: path.clone(),
        source,
    };
    let file = File::create(&path).map_err(disk)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(disk(source)),
    }
}

/// Answers the protocol from a [`Backend`].
pub(crate) struct Operations(pub(crate) Arc<Backend>);

/// Each operation is a method of `Backend`, written next to its like.
macro_rules! operations {
    ($($operation:ident($input:ty) -> $output:ty;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(async fn $operation(
                &self,
                request: S3Request<$input>,
            ) -> S3Result<S3Response<$output>> {
                self.0.$operation(request).await.map(S3Response::new)
            })*
        }
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput;
    head_bucket(HeadBucketInput) -> HeadBucketOutput;
    list_buckets(ListBucketsInput) -> ListBucketsOutput;
    put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput;
    get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput;
    delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput;
    put_object(PutObjectInput) -> PutObjectOutput;
    copy_object(CopyObjectInput) -> CopyObjectOutput;
    get_object(GetObjectInput) -> GetObjectOutput;
    head_object(HeadObjectInput) -> HeadObjectOutput;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    upload_part(UploadPartInput) -> UploadPartOutput;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
    list_parts(ListPartsInput) -> ListPartsOutput;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput;
}
