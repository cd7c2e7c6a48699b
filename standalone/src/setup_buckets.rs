//! `assetlab setup-buckets`: makes two buckets on any S3 ready for AssetLab.

use anyhow::{Context, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::BehaviorVersion;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CorsConfiguration, CorsRule, CreateBucketConfiguration,
};

use crate::config::SetupBucketsArgs;
use crate::site::origins;

/// The region whose name CreateBucket must not be told.
const DEFAULT_REGION: &str = "us-east-1";

pub(crate) async fn run(setup: SetupBucketsArgs) -> anyhow::Result<()> {
    let origins = origins(&setup.cors_origins);
    if setup.store.s3_raw_bucket == setup.store.s3_video_bucket {
        bail!("S3_RAW_BUCKET and S3_VIDEO_BUCKET name the same bucket: use two");
    }
    let s3 = connect(&setup).await;
    for bucket in [&setup.store.s3_raw_bucket, &setup.store.s3_video_bucket] {
        create_if_missing(&s3, bucket).await?;
        if origins.is_empty() {
            continue;
        }
        let rule = CorsRule::builder()
            .set_allowed_origins(Some(origins.clone()))
            .set_allowed_methods(Some(["GET", "HEAD", "PUT"].map(str::to_owned).into()))
            .allowed_headers("*")
            .set_expose_headers(Some(
                ["ETag", "Content-Range", "Content-Length"]
                    .map(str::to_owned)
                    .into(),
            ))
            .max_age_seconds(3600)
            .build()?;
        let rules = CorsConfiguration::builder().cors_rules(rule).build()?;
        let put = s3
            .put_bucket_cors()
            .bucket(bucket)
            .cors_configuration(rules)
            .send()
            .await;
        put.map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(error)))
            .with_context(|| format!("cannot set the cross-origin rules of bucket {bucket}"))?;
        println!("{bucket}: pages of {} may read it", origins.join(", "));
    }
    if origins.is_empty() {
        println!("CORS_ORIGINS is unset: the buckets' cross-origin rules are left as they are");
    }
    Ok(())
}

async fn connect(setup: &SetupBucketsArgs) -> Client {
    let environment = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let endpoint = setup.store.s3_endpoint.as_ref();
    let path_style = setup.store.s3_path_style.unwrap_or(endpoint.is_some());
    let mut config = aws_sdk_s3::config::Builder::from(&environment).force_path_style(path_style);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::from_conf(config.build())
}

async fn create_if_missing(s3: &Client, bucket: &str) -> anyhow::Result<()> {
    match s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => {
            println!("{bucket}: there");
            return Ok(());
        }
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_not_found()) => {}
        Err(error) => bail!(
            "cannot look for bucket {bucket}: {}",
            DisplayErrorContext(error)
        ),
    }
    let region = s3
        .config()
        .region()
        .map_or(DEFAULT_REGION, |region| region.as_ref());
    let place = (region != DEFAULT_REGION).then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build()
    });
    let create = s3
        .create_bucket()
        .bucket(bucket)
        .set_create_bucket_configuration(place);
    create
        .send()
        .await
        .map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(error)))
        .with_context(|| format!("cannot create bucket {bucket}"))?;
    println!("{bucket}: created");
    Ok(())
}
