//! A server under test: how to reach it, two empty buckets in it, and how its answers read.

use std::fmt::{Debug, Display};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt, stream};
use store::{AccessKey, Settings};

/// What came of a check: a sentence on what the server does in place of what is right.
pub(crate) type Verdict = Result<(), String>;

/// The least size of all parts but the last.
pub(crate) const MIN_PART_LEN_BYTES: usize = 5 << 20;

/// Requests at once where many objects are made or removed.
const AT_ONCE: usize = 16;

pub(crate) struct Server {
    /// As the table calls it.
    pub(crate) name: &'static str,
    pub(crate) client: Client,
    pub(crate) bucket: String,
    pub(crate) other_bucket: String,
    /// Checks that it is known not to pass, each with the sentence that comes out.
    pub(crate) declared: &'static [(&'static str, &'static str)],
    endpoint: String,
    region: String,
    access_key: AccessKey,
}

impl Server {
    pub(crate) fn new(
        name: &'static str,
        endpoint: &str,
        access_key: AccessKey,
        [bucket, other_bucket]: [&str; 2],
    ) -> Self {
        Self {
            name,
            client: client(endpoint, "us-east-1", &access_key),
            bucket: bucket.to_owned(),
            other_bucket: other_bucket.to_owned(),
            declared: &[],
            endpoint: endpoint.to_owned(),
            region: "us-east-1".to_owned(),
            access_key,
        }
    }

    pub(crate) fn that_differs(self, declared: &'static [(&'static str, &'static str)]) -> Self {
        Self { declared, ..self }
    }

    pub(crate) fn in_region(self, region: &str) -> Self {
        Self {
            client: client(&self.endpoint, region, &self.access_key),
            region: region.to_owned(),
            ..self
        }
    }

    /// The store's settings for it.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            endpoint: Some(self.endpoint.clone()),
            region: Some(self.region.clone()),
            access_key: Some(self.access_key.clone()),
            ..Settings::new(&self.bucket, &self.other_bucket)
        }
    }

    pub(crate) async fn create_buckets(&self) {
        for bucket in [&self.bucket, &self.other_bucket] {
            let create = self.client.create_bucket().bucket(bucket);
            create.send().await.unwrap();
        }
    }

    /// Removes all objects and all unfinished uploads.
    pub(crate) async fn empty(&self) {
        for bucket in [&self.bucket, &self.other_bucket] {
            loop {
                let keys = self.keys(bucket, "").await;
                if keys.is_empty() {
                    break;
                }
                let keys = stream::iter(keys);
                keys.for_each_concurrent(AT_ONCE, async |key| {
                    let delete = self.client.delete_object().bucket(bucket).key(key);
                    delete.send().await.unwrap();
                })
                .await;
            }
            for (key, upload_id) in self.uploads(bucket).await {
                let abort = self.client.abort_multipart_upload().bucket(bucket);
                abort.key(key).upload_id(upload_id).send().await.unwrap();
            }
        }
    }

    /// The first page of keys.
    pub(crate) async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let list = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        let page = list.send().await.unwrap();
        page.contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    /// Key and id of the uploads on the first page.
    pub(crate) async fn uploads(&self, bucket: &str) -> Vec<(String, String)> {
        let list = self.client.list_multipart_uploads().bucket(bucket);
        let page = list.send().await.unwrap();
        page.uploads()
            .iter()
            .map(|upload| {
                let (key, id) = (upload.key().unwrap(), upload.upload_id().unwrap());
                (key.to_owned(), id.to_owned())
            })
            .collect()
    }

    pub(crate) async fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> String {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = put.body(ByteStream::from(body.into()));
        put.send().await.unwrap().e_tag.unwrap()
    }

    /// Puts many, each with its key as its body.
    pub(crate) async fn put_all(&self, keys: &[String]) {
        let keys = stream::iter(keys);
        keys.for_each_concurrent(AT_ONCE, async |key| {
            self.put(key, key.as_str()).await;
        })
        .await;
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        let object = get.send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    }

    /// `nothing`, or what a GET was answered.
    pub(crate) async fn there(&self, key: &str) -> String {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        answer(get.send().await)
    }
}

/// A client that says what it was answered: it tries nothing twice, and adds no checksums that stores of before 2025
/// refuse, as the store's own client does not either.
fn client(endpoint: &str, region: &str, key: &AccessKey) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(&key.id, &key.secret, None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .region(Region::new(region.to_owned()))
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// How a request was answered: `accepted`, or refused with an HTTP status and S3's code where there is one.
pub(crate) fn answer<T, E>(result: Result<T, SdkError<E>>) -> String
where
    E: ProvideErrorMetadata + Debug,
    SdkError<E>: Debug,
{
    let error = match result {
        Ok(_) => return "accepted".to_owned(),
        Err(error) => error,
    };
    let Some(response) = error.raw_response() else {
        return format!("no answer ({error:?})");
    };
    let status = response.status().as_u16();
    match error.code() {
        _ if response.status().is_success() => "an answer that cannot be read".to_owned(),
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

/// Holds what was seen against what is right.
pub(crate) fn expect<S: Display + PartialEq<W>, W: Display>(
    what: &str,
    seen: S,
    wanted: W,
) -> Verdict {
    if seen == wanted {
        return Ok(());
    }
    Err(format!("{what}: {seen}, not {wanted}"))
}

/// As [`expect`], where what is seen cannot be told in a word.
pub(crate) fn ensure(holds: bool, otherwise: &str) -> Verdict {
    if holds {
        return Ok(());
    }
    Err(otherwise.to_owned())
}

/// Bytes that differ from block to block, so that a mixed-up order shows.
pub(crate) fn pattern(len_bytes: usize) -> Vec<u8> {
    (0..len_bytes).map(|i| (i / 251 + i) as u8).collect()
}
