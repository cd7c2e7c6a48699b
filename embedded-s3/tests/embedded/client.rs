//! A server on a socket and the official SDK speaking to it.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use embedded_s3::test_server::TestServer;

pub(crate) const BUCKET: &str = "first";
pub(crate) const OTHER_BUCKET: &str = "second";

/// The least size of all parts but the last.
pub(crate) const MIN_PART_LEN_BYTES: usize = 5 << 20;

pub(crate) async fn start() -> (TestServer, Client) {
    let server = TestServer::start(&[BUCKET, OTHER_BUCKET]).await.unwrap();
    let client = client(&server.endpoint(), server.credentials());
    (server, client)
}

pub(crate) fn client(endpoint: &str, credentials: &embedded_s3::Credentials) -> Client {
    let credentials = Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        None,
        None,
        "test",
    );
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
        .force_path_style(true)
        .region(Region::from_static("us-east-1"))
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

pub(crate) async fn put(client: &Client, key: &str, body: impl Into<Vec<u8>>) -> String {
    client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(ByteStream::from(body.into()))
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap()
}

pub(crate) async fn get(client: &Client, key: &str) -> Vec<u8> {
    let object = client
        .get_object()
        .bucket(BUCKET)
        .key(key)
        .send()
        .await
        .unwrap();
    object.body.collect().await.unwrap().to_vec()
}

/// The HTTP status and S3's code of a failed request.
pub(crate) fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E>>,
) -> (u16, String) {
    let error = result.expect_err("the request should be refused");
    let status = error
        .raw_response()
        .map_or(0, |response| response.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

pub(crate) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Blobs in the server's data folder.
pub(crate) fn count_blobs(server: &TestServer) -> usize {
    std::fs::read_dir(server.data_dir().join("blobs"))
        .unwrap()
        .count()
}

/// Bytes that differ from block to block, so that a mixed-up order shows.
pub(crate) fn pattern(len_bytes: usize) -> Vec<u8> {
    (0..len_bytes).map(|i| (i / 251 + i) as u8).collect()
}
