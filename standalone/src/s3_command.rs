//! `assetlab s3`: the embedded S3 alone, for API and worker as processes of their own.

use anyhow::Context;
use embedded_s3::Credentials;

use crate::config::S3Args;
use crate::data_dir::DataDir;
use crate::site::{REGION, bind_s3, origins};

pub(crate) async fn run(s3: S3Args) -> anyhow::Result<()> {
    let stop = api::stop_signal().context("cannot listen for signals")?;
    let data = DataDir::open(&s3.data.data_dir)?;
    let (credentials, keys) = match (s3.aws_access_key_id, s3.aws_secret_access_key) {
        (Some(id), Some(secret)) => (Credentials::new(id, secret), "the environment".to_owned()),
        _ => (
            data.s3_credentials()?,
            data.s3_keys_path().display().to_string(),
        ),
    };
    let server = data.open_s3(&credentials)?;
    for bucket in [&s3.buckets.s3_raw_bucket, &s3.buckets.s3_video_bucket] {
        server.create_bucket(bucket).await?;
        server
            .allow_origins(bucket, &origins(&s3.cors_origins))
            .await?;
    }
    let listener = bind_s3(s3.data.s3_port).await?;
    println!(
        "S3 is running. Its clients need:\n\n    \
         AWS_ENDPOINT_URL_S3=http://{}\n    AWS_REGION={REGION}\n    \
         S3_RAW_BUCKET={}\n    S3_VIDEO_BUCKET={}\n\nand the keys from {keys}. Ctrl-C stops.",
        listener.local_addr()?,
        s3.buckets.s3_raw_bucket,
        s3.buckets.s3_video_bucket,
    );
    server.serve(listener, stop).await;
    Ok(())
}
