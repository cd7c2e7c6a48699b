//! A real S3 server with two buckets for each test, and a proxy in front of it that misbehaves on demand.

use std::time::Duration;

use bytes::Bytes;
use embedded_s3::test_server::TestServer;

use store::queue::{Claim, Queue};
use store::{AccessKey, Settings, StatusWriter, Store, VideoId};

use crate::proxy::Proxy;

/// The shortest lease there may be: S3 dates have whole seconds.
pub(crate) const SHORT_LEASE: Duration = Duration::from_secs(3);

pub(crate) struct Buckets {
    server: TestServer,
}

impl Buckets {
    pub(crate) async fn start() -> Self {
        Self {
            server: TestServer::start(&["raw", "video"]).await.unwrap(),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            endpoint: Some(self.server.endpoint()),
            region: Some("us-east-1".into()),
            access_key: Some(AccessKey {
                id: self.server.credentials().access_key_id().to_owned(),
                secret: self.server.credentials().secret_access_key().to_owned(),
            }),
            ..Settings::new("raw", "video")
        }
    }

    pub(crate) async fn store(&self) -> Store {
        self.store_with(|_| {}).await
    }

    pub(crate) async fn store_with(&self, change: impl FnOnce(&mut Settings)) -> Store {
        let mut settings = self.settings();
        change(&mut settings);
        Store::connect(settings).await.unwrap()
    }

    /// The same buckets, behind a proxy.
    pub(crate) fn settings_behind(&self, proxy: &Proxy) -> Settings {
        Settings {
            endpoint: Some(proxy.endpoint()),
            ..self.settings()
        }
    }

    /// A proxy in front of the server.
    pub(crate) async fn proxy(&self) -> Proxy {
        Proxy::start(self.server.endpoint().trim_start_matches("http://")).await
    }

    /// A store whose every request goes through a proxy.
    pub(crate) async fn store_behind_proxy(
        &self,
        change: impl FnOnce(&mut Settings),
    ) -> (Store, Proxy) {
        let proxy = self.proxy().await;
        let mut settings = self.settings_behind(&proxy);
        change(&mut settings);
        let store = Store::connect(settings).await.unwrap();
        (store, proxy)
    }

    /// The S3 client itself, to look at what is there.
    pub(crate) fn client(&self) -> aws_sdk_s3::Client {
        let credentials = aws_sdk_s3::config::Credentials::new(
            self.server.credentials().access_key_id(),
            self.server.credentials().secret_access_key(),
            None,
            None,
            "test",
        );
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_s3::config::Region::new("us-east-1"))
            .endpoint_url(self.server.endpoint())
            .force_path_style(true)
            .credentials_provider(credentials)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub(crate) async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let page = self
            .client()
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .send()
            .await
            .unwrap();
        page.contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    pub(crate) async fn unfinished_uploads(&self, bucket: &str) -> usize {
        let page = self
            .client()
            .list_multipart_uploads()
            .bucket(bucket)
            .send()
            .await
            .unwrap();
        page.uploads().len()
    }

    pub(crate) async fn body(&self, bucket: &str, key: &str) -> Bytes {
        let answer = self
            .client()
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .unwrap();
        answer.body.collect().await.unwrap().into_bytes()
    }
}

/// Uploads a little original; it is not queued yet.
pub(crate) async fn upload(store: &Store) -> VideoId {
    let id = VideoId::new();
    let mut upload = store.begin_original(id, "film.mp4").await.unwrap();
    upload
        .part(Bytes::from_static(b"an original"))
        .await
        .unwrap();
    upload.complete().await.unwrap();
    id
}

/// Uploads a little original and queues it.
pub(crate) async fn enqueue(store: &Store) -> VideoId {
    let id = upload(store).await;
    store.enqueue(id, "film.mp4").await.unwrap();
    id
}

/// Claims the one job there is.
pub(crate) async fn claim(store: &Store, owner: &str) -> (Claim, StatusWriter) {
    Queue::new(store.clone(), owner)
        .claim(1)
        .await
        .unwrap()
        .expect("a job to claim")
}

/// Asks again until there is a job: for claims that have to lapse first.
pub(crate) async fn claim_when_lapsed(store: &Store, owner: &str) -> (Claim, StatusWriter) {
    let queue = Queue::new(store.clone(), owner);
    for _ in 0..100 {
        if let Some(claimed) = queue.claim(1).await.unwrap() {
            return claimed;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no claim lapsed in 10 s");
}
