//! A receiver of webhooks on a socket of its own, which answers as a test wants it to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::AbortHandle;

pub(crate) const SECRET: &str = "whsec_QXNzZXRMYWIncyBzZWNyZXQgZm9yIHRlc3Rz";

/// What a request is answered with.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16),
    /// A redirect to this address.
    Redirect(String),
    /// Nothing, for good.
    Never,
    /// The connection ends instead.
    Cut,
}

/// A request that came in whole.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Method, path and version.
    pub(crate) request_line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// Whether it was told that its event was taken, as far as that can be known here.
    pub(crate) is_taken: bool,
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn event_id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub(crate) fn video_id(&self) -> String {
        self.json()["video"]["id"].as_str().unwrap().to_owned()
    }
}

type Answers = dyn Fn(&[Heard], &Heard) -> Answer + Send + Sync;

/// A port that refuses connections until [`come_up`](Self::come_up), or for good.
pub(crate) struct Receiver {
    address: SocketAddr,
    /// Bound, and nobody listens yet.
    down: Option<TcpSocket>,
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Answers>,
    serving: Option<AbortHandle>,
}

impl Receiver {
    /// `answers` is asked with what was heard before, and what is heard now.
    pub(crate) fn down(
        answers: impl Fn(&[Heard], &Heard) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self {
            address: socket.local_addr().unwrap(),
            down: Some(socket),
            heard: Arc::default(),
            answers: Arc::new(answers),
            serving: None,
        }
    }

    pub(crate) fn up(answers: impl Fn(&[Heard], &Heard) -> Answer + Send + Sync + 'static) -> Self {
        let mut receiver = Self::down(answers);
        receiver.come_up();
        receiver
    }

    pub(crate) fn come_up(&mut self) {
        let listener = self.down.take().unwrap().listen(64).unwrap();
        let (heard, answers) = (Arc::clone(&self.heard), Arc::clone(&self.answers));
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (heard, answers) = (Arc::clone(&heard), Arc::clone(&answers));
                tokio::spawn(async move { converse(stream, &heard, &*answers).await });
            }
        });
        self.serving = Some(serving.abort_handle());
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Every request so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        lock(&self.heard).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// One request; a sender that breaks off is not heard.
async fn converse(mut stream: TcpStream, all: &Mutex<Vec<Heard>>, answers: &Answers) {
    let Some(mut heard) = read(&mut stream).await else {
        return;
    };
    let answer = {
        let mut all = lock(all);
        let answer = answers(&all, &heard);
        heard.is_taken = matches!(answer, Answer::Status(200..300));
        all.push(heard);
        answer
    };
    let head = match answer {
        Answer::Status(status) => format!("HTTP/1.1 {status} Told\r\n"),
        Answer::Redirect(url) => format!("HTTP/1.1 302 Found\r\nlocation: {url}\r\n"),
        Answer::Never => return std::future::pending().await,
        Answer::Cut => return,
    };
    let answer = format!("{head}content-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_len].to_vec()).unwrap();
    let mut lines = head.lines();
    let request_line = lines.next()?.to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = bytes.split_off(head_len);
    let body_len: usize = headers["content-length"].parse().unwrap();
    while body.len() < body_len {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Heard {
        request_line,
        headers,
        body,
        is_taken: false,
    })
}

fn lock(heard: &Mutex<Vec<Heard>>) -> std::sync::MutexGuard<'_, Vec<Heard>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
