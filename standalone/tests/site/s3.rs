//! `assetlab s3` as a process, and a client of it.

use std::process::Command;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use store::{AccessKey, Settings, Store};

use crate::process::{Folder, Running, assetlab};

pub(crate) const BUCKET: &str = "assetlab-raw";
const KEY_ID: &str = "tests";
const SECRET: &str = "a secret of the tests";

/// The command, with keys that do not change with the folder.
pub(crate) fn command() -> Command {
    let mut command = assetlab(&["s3"]);
    command
        .env("AWS_ACCESS_KEY_ID", KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    command
}

pub(crate) fn start(command: Command, folder: &Folder) -> (Running, Client) {
    let s3 = Running::start(command, folder, "S3_VIDEO_BUCKET=");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "test"))
        .endpoint_url(s3.printed_after("AWS_ENDPOINT_URL_S3="))
        .force_path_style(true)
        .region(Region::from_static("us-east-1"))
        // As the store's own client: without optimisation, checksums of all that is sent take longer than the rest.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(RetryConfig::disabled())
        .build();
    (s3, Client::from_conf(config))
}

/// The buckets as the API and workers see them, which try each job once.
pub(crate) async fn store(s3: &Running) -> Store {
    let settings = Settings {
        endpoint: Some(s3.printed_after("AWS_ENDPOINT_URL_S3=").to_owned()),
        region: Some("us-east-1".to_owned()),
        access_key: Some(AccessKey {
            id: KEY_ID.to_owned(),
            secret: SECRET.to_owned(),
        }),
        max_failures: 1,
        ..Settings::new(BUCKET, "assetlab-video")
    };
    Store::connect(settings).await.unwrap()
}

pub(crate) async fn begin_upload(client: &Client, key: &str) -> Option<String> {
    let create = client.create_multipart_upload().bucket(BUCKET).key(key);
    create.send().await.ok()?.upload_id
}

pub(crate) async fn send_part(
    client: &Client,
    key: &str,
    upload_id: &str,
    number: i32,
    bytes: Vec<u8>,
) -> Option<CompletedPart> {
    let part = client.upload_part().bucket(BUCKET).key(key);
    let part = part.upload_id(upload_id).part_number(number);
    let etag = part.body(bytes.into()).send().await.ok()?.e_tag?;
    let done = CompletedPart::builder().part_number(number);
    Some(done.e_tag(etag).build())
}

/// The ETag of the object, if it was acknowledged.
pub(crate) async fn complete_upload(
    client: &Client,
    key: &str,
    upload_id: &str,
    parts: Vec<CompletedPart>,
) -> Option<String> {
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
    let complete = client.complete_multipart_upload().bucket(BUCKET).key(key);
    let complete = complete
        .upload_id(upload_id)
        .multipart_upload(parts.build());
    complete.send().await.ok()?.e_tag
}

/// An object's bytes and its ETag; none if it is not there.
pub(crate) async fn get(client: &Client, key: &str) -> Option<(Vec<u8>, String)> {
    match client.get_object().bucket(BUCKET).key(key).send().await {
        Ok(object) => {
            let etag = object.e_tag.clone().unwrap();
            Some((object.body.collect().await.unwrap().to_vec(), etag))
        }
        Err(error) => {
            assert_eq!(refusal(&error), "404 NoSuchKey");
            None
        }
    }
}

/// The HTTP status and S3's code.
pub(crate) fn refusal<E: ProvideErrorMetadata + std::fmt::Debug>(error: &SdkError<E>) -> String {
    let Some(answer) = error.raw_response() else {
        return format!("no answer: {error:?}");
    };
    let code = error.code().unwrap_or("no code");
    format!("{} {code}", answer.status().as_u16())
}
