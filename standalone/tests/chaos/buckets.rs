//! Everything that lies in the buckets.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Config, Credentials, Region};

use crate::site::Site;

pub(crate) struct Buckets(Client);

impl Buckets {
    pub(crate) fn of(site: &Site) -> Self {
        let key = site.access_key();
        let config = Config::builder()
            .behavior_version_latest()
            .region(Region::new("us-east-1"))
            .endpoint_url(&site.endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(key.id, key.secret, None, None, "test"))
            .build();
        Self(Client::from_conf(config))
    }

    /// All keys under a prefix.
    pub(crate) async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let page = self
                .0
                .list_objects_v2()
                .bucket(bucket)
                .prefix(prefix)
                .set_start_after(keys.last().cloned())
                .send()
                .await
                .unwrap();
            let listed = page.contents().iter();
            keys.extend(listed.map(|object| object.key().unwrap().to_owned()));
            if !page.is_truncated().unwrap_or(false) {
                return keys;
            }
        }
    }

    /// The keys of multipart uploads that are open.
    pub(crate) async fn unfinished_uploads(&self, bucket: &str) -> Vec<String> {
        let request = self.0.list_multipart_uploads().bucket(bucket);
        let page = request.send().await.unwrap();
        let uploads = page.uploads().iter();
        uploads
            .map(|upload| upload.key().unwrap().to_owned())
            .collect()
    }

    /// An object's content; empty where it is not there.
    pub(crate) async fn text(&self, bucket: &str, key: &str) -> String {
        let answer = self.0.get_object().bucket(bucket).key(key).send().await;
        let Ok(answer) = answer else {
            return String::new();
        };
        let bytes = answer.body.collect().await.unwrap().into_bytes();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
