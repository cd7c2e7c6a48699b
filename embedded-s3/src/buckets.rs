//! Buckets.

use rusqlite::params;
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::backend::Backend;
use crate::condition::{now_s, timestamp};
use crate::database::failed;
use crate::rows::bucket_id;

impl Backend {
    /// Whether the bucket is new.
    pub(crate) async fn make_bucket(&self, name: String) -> S3Result<bool> {
        self.write(move |write| {
            let sql = "INSERT INTO bucket (name, created_s) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            let inserted = write
                .tx
                .execute(sql, params![name, now_s()])
                .map_err(failed)?;
            Ok(inserted == 1)
        })
        .await
    }

    pub(crate) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<CreateBucketOutput> {
        let name = request.input.bucket;
        let location = Some(format!("/{name}"));
        if !self.make_bucket(name).await? {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        Ok(CreateBucketOutput { location })
    }

    pub(crate) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<HeadBucketOutput> {
        self.read(move |tx| bucket_id(tx, &request.input.bucket))
            .await?;
        Ok(HeadBucketOutput::default())
    }

    pub(crate) async fn list_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<ListBucketsOutput> {
        let prefix = request.input.prefix.clone().unwrap_or_default();
        let buckets = self
            .read(move |tx| {
                tx.prepare("SELECT name, created_s FROM bucket ORDER BY name")
                    .and_then(|mut statement| {
                        statement
                            .query_map([], |row| {
                                Ok(Bucket {
                                    name: row.get(0)?,
                                    creation_date: Some(timestamp(row.get(1)?)),
                                    ..Bucket::default()
                                })
                            })?
                            .collect::<Result<Vec<_>, _>>()
                    })
                    .map_err(failed)
            })
            .await?;
        let named = |bucket: &Bucket| bucket.name.as_ref().is_some_and(|n| n.starts_with(&prefix));
        Ok(ListBucketsOutput {
            buckets: Some(buckets.into_iter().filter(named).collect()),
            prefix: request.input.prefix,
            ..ListBucketsOutput::default()
        })
    }
}
