//! A whole site on loopback: the router over a socket, its buckets in a real S3 server.

use std::net::Ipv4Addr;
use std::time::Duration;

use api::{AdminToken, App, CorsOrigins, HttpArgs, Pages, Rate, RateArgs, TrustedProxies};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use embedded_s3::test_server::TestServer;
use governor::clock::{Clock, FakeRelativeClock};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use store::{AccessKey, Settings, Store, VideoId};
use tokio::task::JoinHandle;

use crate::documented::documented;

pub(crate) const TOKEN: &str = "a token for tests";
pub(crate) const INDEX: &str = "<!doctype html><title>AssetLab</title>";
/// As Vite writes it.
const MANIFEST: &str = r#"{
    "index.html": {"file": "assets/index-4f3a.js", "isEntry": true, "css": ["assets/index-1.css"]},
    "_shared.js": {"file": "assets/shared-2.js"},
    "src/watch/WatchPage.svelte": {
        "file": "assets/WatchPage-3.js",
        "imports": ["index.html", "_shared.js"],
        "dynamicImports": ["src/watch/later.ts"],
        "css": ["assets/WatchPage-4.css"]
    },
    "src/watch/later.ts": {"file": "assets/later-5.js"},
    "src/library/LibraryPage.svelte": {"file": "assets/LibraryPage-6.js"}
}"#;
pub(crate) const MIB: u64 = 1 << 20;

pub(crate) struct Site {
    pub(crate) s3: TestServer,
    pub(crate) store: Store,
    pub(crate) client: Client,
    /// `http://127.0.0.1:<port>`
    pub(crate) base: String,
    serving: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    /// Starts a site whose settings `change` has changed.
    pub(crate) async fn start_with(change: impl FnOnce(&mut HttpArgs, &mut Settings)) -> Self {
        Self::start_at(&FakeRelativeClock::default(), change).await
    }

    /// As [`start_with`](Self::start_with), its rates by a clock that the test drives.
    pub(crate) async fn start_at(
        time: &FakeRelativeClock,
        change: impl FnOnce(&mut HttpArgs, &mut Settings),
    ) -> Self {
        let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
        let mut settings = settings_of(&s3);
        let mut http = http_args();
        change(&mut http, &mut settings);

        let store = Store::connect(settings).await.unwrap();
        let pages = Pages::from_files([
            ("index.html", INDEX.as_bytes()),
            ("favicon.svg", b"<svg/>"),
            ("assets/index-4f3a.js", b"console.log(1)"),
            ("assets/index-4f3a.js.br", b"in brotli"),
            ("assets/index-4f3a.js.gz", b"in gzip"),
            (".vite/manifest.json", MANIFEST.as_bytes()),
        ]);
        let token: AdminToken = TOKEN.parse().unwrap();
        let app = App::new(store.clone(), token, Some(pages.unwrap()), &http)
            .await
            .unwrap();
        let time = time.clone();
        let app = app.with_rate_clock(&http.rates, move || {
            Duration::from_nanos(time.now().as_u64())
        });
        let listener = api::bind(Ipv4Addr::LOCALHOST.into(), http.port)
            .await
            .unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = documented(api::router(app)).await;
        let serving = tokio::spawn(async move {
            api::serve(listener, router, std::future::pending())
                .await
                .unwrap();
        });
        Self {
            s3,
            store,
            // An upload stands still for as long as the API tries to reach its storage.
            client: Client::builder()
                .no_proxy()
                .tcp_user_timeout(None)
                .build()
                .unwrap(),
            base,
            serving,
        }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// An upload of a form, with the token.
    pub(crate) fn upload(&self, form: Form) -> RequestBuilder {
        self.client
            .post(format!("{}/api/upload", self.base))
            .bearer_auth(TOKEN)
            .multipart(form)
    }

    /// Uploads a small file and returns its id.
    pub(crate) async fn uploaded(&self, filename: &str, bytes: &'static [u8]) -> VideoId {
        let file = Part::bytes(bytes).file_name(filename.to_owned());
        let response = self
            .upload(Form::new().part("file", file))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        json(response).await["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// The `url` in the answer to a path.
    pub(crate) async fn url(&self, path: &str) -> String {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        json(response).await["url"].as_str().unwrap().to_owned()
    }

    /// The S3 API of the buckets.
    pub(crate) fn buckets(&self) -> aws_sdk_s3::Client {
        buckets(&self.s3)
    }

    /// How many multipart uploads are open in the raw bucket.
    pub(crate) async fn open_uploads(&self) -> usize {
        open_uploads(&self.s3).await
    }

    /// All keys of the raw bucket.
    pub(crate) async fn raw_keys(&self) -> Vec<String> {
        raw_keys(&self.s3).await
    }
}

/// Settings that get in no test's way.
pub(crate) fn http_args() -> HttpArgs {
    HttpArgs {
        port: 0,
        bind: None,
        public_url: None,
        cors_origins: CorsOrigins::SameOrigin,
        frame_ancestors: CorsOrigins::SameOrigin,
        max_upload_bytes: 64 * MIB,
        max_uploads: 8,
        upload_idle_timeout: Duration::from_secs(60),
        max_event_streams: 300,
        max_event_streams_per_address: 300,
        rates: RateArgs {
            upload_rate: Rate::OFF,
            upload_rate_per_token: Rate::OFF,
            signing_rate: Rate::OFF,
            signing_rate_per_token: Rate::OFF,
            failed_token_rate: Rate::OFF,
            trusted_proxies: TrustedProxies::default(),
        },
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn settings_of(s3: &TestServer) -> Settings {
    let keys = s3.credentials();
    Settings {
        endpoint: Some(s3.endpoint()),
        access_key: Some(AccessKey {
            id: keys.access_key_id().to_owned(),
            secret: keys.secret_access_key().to_owned(),
        }),
        ..Settings::new("raw", "video")
    }
}

/// A store of its own on a server's buckets.
pub(crate) async fn store_of(s3: &TestServer, change: impl FnOnce(&mut Settings)) -> Store {
    let mut settings = settings_of(s3);
    change(&mut settings);
    Store::connect(settings).await.unwrap()
}

/// The S3 API of a server.
pub(crate) fn buckets(s3: &TestServer) -> aws_sdk_s3::Client {
    let keys = s3.credentials();
    let keys = Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        None,
        None,
        "test",
    );
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(keys)
        .endpoint_url(s3.endpoint())
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// How many multipart uploads are open in the raw bucket of a server.
pub(crate) async fn open_uploads(s3: &TestServer) -> usize {
    let uploads = buckets(s3).list_multipart_uploads().bucket("raw");
    uploads.send().await.unwrap().uploads().len()
}

/// All keys of the raw bucket of a server.
pub(crate) async fn raw_keys(s3: &TestServer) -> Vec<String> {
    let list = buckets(s3).list_objects_v2().bucket("raw");
    let listed = list.send().await.unwrap();
    let keys = listed.contents().iter().filter_map(|object| object.key());
    keys.map(str::to_owned).collect()
}

pub(crate) async fn json(response: Response) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    response.json().await.unwrap()
}

/// Checks an error answer: its status, its code, and that it has the one shape there is.
pub(crate) async fn assert_error(response: Response, status: StatusCode, code: &str) {
    assert_eq!(response.status(), status);
    let body = json(response).await;
    assert_eq!(body["error"]["code"], code);
    assert!(
        body["error"]["message"].as_str().unwrap().ends_with('.'),
        "{body}"
    );
    assert_eq!(body.as_object().unwrap().len(), 1);
    assert_eq!(body["error"].as_object().unwrap().len(), 2);
}
