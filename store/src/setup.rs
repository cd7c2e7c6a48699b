//! Making the two buckets ready for AssetLab.

use aws_sdk_s3::types::{
    BucketLocationConstraint, CorsConfiguration, CorsRule, CreateBucketConfiguration,
};

use crate::error::http_status;
use crate::{Error, Store};

/// The region whose name CreateBucket must not be told.
const DEFAULT_REGION: &str = "us-east-1";

impl Store {
    /// Creates the buckets where they are missing, and lets pages of `origins` (`*` for all) read objects by
    /// presigned URL and send parts to one. Without origins the buckets' cross-origin rules are left as
    /// they are. Returns the names of the buckets that were created.
    ///
    /// # Errors
    /// [`Error::Refused`] without the right to do so, [`Error::Unavailable`] when S3 does not answer.
    pub async fn setup_buckets(&self, origins: &[String]) -> Result<Vec<&str>, Error> {
        let mut created = Vec::new();
        for bucket in [&self.settings().raw_bucket, &self.settings().video_bucket] {
            if self.create_if_missing(bucket).await? {
                created.push(bucket.as_str());
            }
            if !origins.is_empty() {
                self.allow_origins(bucket, origins).await?;
            }
        }
        Ok(created)
    }

    async fn create_if_missing(&self, bucket: &str) -> Result<bool, Error> {
        match self.s3().head_bucket().bucket(bucket).send().await {
            Ok(_) => return Ok(false),
            Err(error) if http_status(&error) == Some(404) => {}
            Err(error) => return Err(Error::from_sdk(format!("look for bucket {bucket}"), &error)),
        }
        let region = self.inner.s3.config().region();
        let place = region
            .map(AsRef::as_ref)
            .filter(|&region: &&str| region != DEFAULT_REGION)
            .map(|region| {
                CreateBucketConfiguration::builder()
                    .location_constraint(BucketLocationConstraint::from(region))
                    .build()
            });
        self.s3()
            .create_bucket()
            .bucket(bucket)
            .set_create_bucket_configuration(place)
            .send()
            .await
            .map_err(|error| Error::from_sdk(format!("create bucket {bucket}"), &error))?;
        Ok(true)
    }

    async fn allow_origins(&self, bucket: &str, origins: &[String]) -> Result<(), Error> {
        let list = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        let rule = CorsRule::builder()
            .set_allowed_origins(Some(origins.to_vec()))
            .set_allowed_methods(list(&["GET", "HEAD", "PUT"]))
            .allowed_headers("*")
            .set_expose_headers(list(&["ETag", "Content-Range", "Content-Length"]))
            .max_age_seconds(3600)
            .build()
            .expect("origins and methods are set");
        let rules = CorsConfiguration::builder()
            .cors_rules(rule)
            .build()
            .expect("there is a rule");
        self.s3()
            .put_bucket_cors()
            .bucket(bucket)
            .cors_configuration(rules)
            .send()
            .await
            .map_err(|error| {
                Error::from_sdk(
                    format!("set the cross-origin rules of bucket {bucket}"),
                    &error,
                )
            })?;
        Ok(())
    }
}
