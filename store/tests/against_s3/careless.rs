//! A store that gets conditional writes wrong: moto, behind a proxy that takes the conditions out of requests. (moto does
//! not check signatures, so that it does not notice.)

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use store::{AccessKey, Settings, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::Barrier;
use tokio::time::timeout;

use crate::moto::Moto;

/// What becomes of the conditions of a PUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carelessness {
    IgnoresBoth,
    IgnoresIfMatch,
    IgnoresIfNoneMatch,
    /// It looks whether they hold, and then writes.
    LooksThenWrites,
    /// 501, as of a header that the store does not know.
    RefusesBoth,
}

pub(crate) struct CarelessStore {
    _moto: Moto,
    endpoint: String,
}

impl CarelessStore {
    /// With two buckets, `raw` and `video`; none where there is no moto.
    pub(crate) async fn start(carelessness: Carelessness) -> Option<Self> {
        let moto = Moto::start()?;
        let store = Store::connect(settings(moto.endpoint())).await.unwrap();
        store.setup_buckets(&[]).await.unwrap();
        let upstream = moto.endpoint().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        // Two that have looked write together.
        let pairs = Arc::new(Barrier::new(2));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, pairs) = (upstream.clone(), Arc::clone(&pairs));
                tokio::spawn(async move { pass(client, &upstream, carelessness, &pairs).await });
            }
        });
        Some(Self {
            _moto: moto,
            endpoint,
        })
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(&self.endpoint)
    }

    /// The same for a process of its own.
    fn environment(&self) -> [(&'static str, String); 6] {
        let settings = self.settings();
        let key = settings.access_key.unwrap();
        [
            ("S3_RAW_BUCKET", settings.raw_bucket),
            ("S3_VIDEO_BUCKET", settings.video_bucket),
            ("AWS_ENDPOINT_URL_S3", self.endpoint.clone()),
            ("AWS_REGION", settings.region.unwrap()),
            ("AWS_ACCESS_KEY_ID", key.id),
            ("AWS_SECRET_ACCESS_KEY", key.secret),
        ]
    }
}

/// Each kind of store that ignores conditions is refused by a program that is started on it, in plain words;
/// `at_work` is what it says only once it has begun to work.
pub(crate) async fn assert_refused_by(program: &str, environment: &[(&str, &str)], at_work: &str) {
    for (carelessness, ignored) in [
        (Carelessness::IgnoresBoth, "`If-None-Match: *`"),
        (Carelessness::IgnoresIfNoneMatch, "`If-None-Match: *`"),
        (Carelessness::IgnoresIfMatch, "`If-Match` of one version"),
    ] {
        let Some(careless) = CarelessStore::start(carelessness).await else {
            return;
        };
        let mut process = Command::new(program);
        process
            .env_clear()
            .envs(careless.environment())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let ended = timeout(Duration::from_secs(60), process.output()).await;
        let ended = ended.expect("it goes on running").unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.code().is_some_and(|code| code != 0), "{said}");
        for words in [
            ignored,
            "the S3 store ignores conditional writes",
            "Use a store that honours `If-None-Match` and `If-Match` on PUT",
        ] {
            assert!(said.contains(words), "{carelessness:?}: {said}");
        }
        assert!(!said.contains(at_work), "{said}");
    }
}

fn settings(endpoint: &str) -> Settings {
    Settings {
        endpoint: Some(endpoint.to_owned()),
        region: Some("us-east-1".to_owned()),
        access_key: Some(AccessKey {
            id: "any".to_owned(),
            secret: "any".to_owned(),
        }),
        ..Settings::new("raw", "video")
    }
}

/// Answers the one request of a connection.
async fn pass(
    mut client: TcpStream,
    upstream: &str,
    carelessness: Carelessness,
    pairs: &Barrier,
) -> Option<()> {
    let request = Request::read(&mut client).await?;
    let is_conditional =
        request.is_put() && (request.if_match().or(request.if_none_match())).is_some();
    let answer = match carelessness {
        Carelessness::RefusesBoth if is_conditional => {
            b"HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                .to_vec()
        }
        Carelessness::LooksThenWrites if is_conditional => {
            let looked = request.as_head().send(upstream).await?;
            let etag = header(&String::from_utf8(looked).ok()?, "etag");
            pairs.wait().await;
            let holds = match request.if_match() {
                Some(wanted) => etag == Some(wanted),
                None => etag.is_none(),
            };
            if holds {
                request
                    .without(&["if-match", "if-none-match"])
                    .send(upstream)
                    .await?
            } else {
                b"HTTP/1.1 412 Precondition Failed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    .to_vec()
            }
        }
        Carelessness::IgnoresIfMatch => request.without(&["if-match"]).send(upstream).await?,
        Carelessness::IgnoresIfNoneMatch => {
            request.without(&["if-none-match"]).send(upstream).await?
        }
        Carelessness::IgnoresBoth => {
            let request = request.without(&["if-match", "if-none-match"]);
            request.send(upstream).await?
        }
        _ => request.send(upstream).await?,
    };
    client.write_all(&answer).await.ok()
}

#[derive(Clone)]
struct Request {
    /// The request line and the headers, each without its end.
    lines: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    async fn read(client: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let head_len = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            client
                .read_buf(&mut bytes)
                .await
                .ok()
                .filter(|&read| read > 0)?;
        };
        let mut body = bytes.split_off(head_len + 4);
        let head = String::from_utf8(bytes[..head_len].to_vec()).ok()?;
        let body_len = header(&head, "content-length").map_or(0, |len| len.parse().unwrap());
        while body.len() < body_len {
            client
                .read_buf(&mut body)
                .await
                .ok()
                .filter(|&read| read > 0)?;
        }
        let lines = head.split("\r\n").map(str::to_owned);
        let request = Self {
            lines: lines.collect(),
            body,
        };
        Some(request.without(&["connection"]))
    }

    fn is_put(&self) -> bool {
        self.lines[0].starts_with("PUT ")
    }

    fn if_match(&self) -> Option<String> {
        header(&self.lines.join("\r\n"), "if-match")
    }

    fn if_none_match(&self) -> Option<String> {
        header(&self.lines.join("\r\n"), "if-none-match")
    }

    fn without(&self, names: &[&str]) -> Self {
        let is_kept = |line: &&String| !names.iter().any(|name| header(line, name).is_some());
        Self {
            lines: self.lines.iter().filter(is_kept).cloned().collect(),
            body: self.body.clone(),
        }
    }

    /// The same asked of the object's head alone.
    fn as_head(&self) -> Self {
        let mut head = self.without(&["if-match", "if-none-match", "content-length"]);
        head.lines[0] = head.lines[0].replacen("PUT", "HEAD", 1);
        head.body.clear();
        head
    }

    async fn send(&self, upstream: &str) -> Option<Vec<u8>> {
        let mut server = TcpStream::connect(upstream).await.ok()?;
        let head = format!("{}\r\nconnection: close\r\n\r\n", self.lines.join("\r\n"));
        server.write_all(head.as_bytes()).await.ok()?;
        server.write_all(&self.body).await.ok()?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await.ok()?;
        Some(answer)
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.split("\r\n").find_map(|line| {
        let (its_name, value) = line.split_once(':')?;
        let is_it = its_name.eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().to_owned())
    })
}
