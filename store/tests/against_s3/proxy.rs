//! A TCP proxy between a store and its S3 server that on demand loses answers, holds or breaks off
//! requests and goes dark, and counts what is read of originals.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// What takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Proxy {
    endpoint: String,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// The answer to the next request that begins so is swallowed after the request took effect.
    swallow: Mutex<Option<String>>,
    /// The answers to all requests that begin so are swallowed after they took effect.
    swallow_all: Mutex<Option<String>>,
    /// The answer to the next request that begins so breaks off before its last byte.
    cut: Mutex<Option<String>>,
    /// Requests that begin so wait.
    held: Mutex<Option<String>>,
    /// The next request that begins so waits.
    held_one: Mutex<Option<String>>,
    holding: Notify,
    released: Notify,
    /// The beginning of the answer to the one request that was held.
    late_answer: Mutex<Option<String>>,
    answered_late: Notify,
    /// Requests that begin so are broken off before they take effect.
    broken: Mutex<Option<String>>,
    /// Listed uploads seem to have been begun in the year 2000.
    ages_uploads: AtomicBool,
    dark: AtomicBool,
    went_dark: Notify,
    /// Bytes of answers to GETs of originals, heads included.
    original_bytes: AtomicU64,
}

/// What the request last seen on a connection asks of its answer.
#[derive(Default)]
struct Asked {
    swallow: AtomicBool,
    cut: AtomicBool,
    original: AtomicBool,
    late: AtomicBool,
}

impl Faults {
    /// Returns once the request may go on, and whether it is the one that had to wait by itself.
    async fn hold(&self, request: &[u8]) -> bool {
        let released = self.released.notified();
        let is_one = is_the_one(&self.held_one, request);
        if is_one || begins_as(&self.held, request) {
            self.holding.notify_one();
            released.await;
        }
        is_one
    }
}

fn begins_as(wanted: &Mutex<Option<String>>, request: &[u8]) -> bool {
    let wanted = wanted.lock().unwrap();
    wanted
        .as_ref()
        .is_some_and(|wanted| request.starts_with(wanted.as_bytes()))
}

/// Whether this is the request that was waited for; only the first one is.
fn is_the_one(wanted: &Mutex<Option<String>>, request: &[u8]) -> bool {
    let begins = |wanted: &mut String| request.starts_with(wanted.as_bytes());
    wanted.lock().unwrap().take_if(begins).is_some()
}

impl Proxy {
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::new(Faults::default());
        let (upstream, shared) = (upstream.to_owned(), Arc::clone(&faults));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !shared.dark.load(Ordering::SeqCst) {
                    tokio::spawn(pass(client, upstream.clone(), Arc::clone(&shared)));
                }
            }
        });
        Self { endpoint, faults }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Swallows the answer to the next request that begins with `request`, such as `PUT /raw/queue/`.
    pub(crate) fn swallow_answer(&self, request: &str) {
        *self.faults.swallow.lock().unwrap() = Some(request.to_owned());
    }

    /// Swallows the answers to all requests that begin so.
    pub(crate) fn swallow_answers(&self, request: &str) {
        *self.faults.swallow_all.lock().unwrap() = Some(request.to_owned());
    }

    /// Whether the answer that was to be swallowed has been asked for.
    pub(crate) fn has_swallowed(&self) -> bool {
        self.faults.swallow.lock().unwrap().is_none()
    }

    /// Breaks off the answer to the next request that begins so before its last byte.
    pub(crate) fn cut_answer(&self, request: &str) {
        *self.faults.cut.lock().unwrap() = Some(request.to_owned());
    }

    /// Keeps requests that begin so from the server until they are released.
    pub(crate) fn hold(&self, request: &str) {
        *self.faults.held.lock().unwrap() = Some(request.to_owned());
    }

    /// Keeps the next request that begins so from the server until it is released; others pass.
    pub(crate) fn hold_one(&self, request: &str) {
        *self.faults.held_one.lock().unwrap() = Some(request.to_owned());
    }

    /// Releases that request, though its sender may have given it up, and returns the beginning of its
    /// answer.
    pub(crate) async fn release_and_see_the_answer(&self) -> String {
        self.release();
        let answered = timeout(PATIENCE, self.faults.answered_late.notified());
        answered.await.expect("an answer");
        self.faults.late_answer.lock().unwrap().take().unwrap()
    }

    /// Returns once there is a request that is held.
    pub(crate) async fn holding(&self) {
        let held = timeout(PATIENCE, self.faults.holding.notified());
        held.await.expect("a request to hold");
    }

    pub(crate) fn release(&self) {
        self.release_and_hold(None);
    }

    /// Releases what is held, and from then on keeps requests that begin so.
    pub(crate) fn release_and_hold(&self, request: Option<&str>) {
        *self.faults.held.lock().unwrap() = request.map(str::to_owned);
        self.faults.released.notify_waiters();
    }

    /// Breaks off requests that begin so, or none any more.
    pub(crate) fn break_off(&self, request: Option<&str>) {
        *self.faults.broken.lock().unwrap() = request.map(str::to_owned);
    }

    /// Lets uploads that are listed from now on seem decades old.
    pub(crate) fn age_uploads(&self) {
        self.faults.ages_uploads.store(true, Ordering::SeqCst);
    }

    /// Cuts all connections and refuses new ones.
    pub(crate) fn go_dark(&self) {
        self.faults.dark.store(true, Ordering::SeqCst);
        self.faults.went_dark.notify_waiters();
    }

    /// Bytes of originals that went through, with their HTTP heads.
    pub(crate) fn original_bytes(&self) -> u64 {
        self.faults.original_bytes.load(Ordering::SeqCst)
    }

    pub(crate) fn come_back(&self) {
        self.faults.dark.store(false, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, upstream: String, faults: Arc<Faults>) {
    let server = TcpStream::connect(upstream).await.unwrap();
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let asked = Asked::default();
    let mut answers = pin!(answers(server_read, client_write, &faults, &asked));
    let passing = async {
        tokio::select! {
            _server_write = requests(client_read, server_write, &faults, &asked) => {
                // Its sender is gone; what came of it all the same is to be seen.
                if asked.late.load(Ordering::SeqCst) {
                    answers.await;
                }
            }
            () = &mut answers => {}
        }
    };
    tokio::select! {
        () = passing => {}
        () = faults.went_dark.notified() => {}
    }
}

/// Gives back the way to the server, which closes when it is dropped.
async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    faults: &Faults,
    asked: &Asked,
) -> OwnedWriteHalf {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if faults.hold(&buffer[..read]).await {
            asked.late.store(true, Ordering::SeqCst);
        }
        if begins_as(&faults.broken, &buffer[..read]) {
            return to;
        }
        let request = &buffer[..read];
        if is_the_one(&faults.swallow, request) || begins_as(&faults.swallow_all, request) {
            asked.swallow.store(true, Ordering::SeqCst);
        }
        if is_the_one(&faults.cut, &buffer[..read]) {
            asked.cut.store(true, Ordering::SeqCst);
        }
        if let Some(original) = asks_for_original(&buffer[..read]) {
            asked.original.store(original, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return to;
        }
    }
    to
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, faults: &Faults, asked: &Asked) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if faults.ages_uploads.load(Ordering::SeqCst) {
            backdate(&mut buffer[..read]);
        }
        if asked.original.load(Ordering::SeqCst) {
            faults
                .original_bytes
                .fetch_add(read as u64, Ordering::SeqCst);
        }
        if asked.late.swap(false, Ordering::SeqCst) {
            let answer = String::from_utf8_lossy(&buffer[..read]).into_owned();
            *faults.late_answer.lock().unwrap() = Some(answer);
            faults.answered_late.notify_one();
        }
        if asked.cut.load(Ordering::SeqCst) {
            // Small objects come in one read.
            let _ = to.write_all(&buffer[..read - 1]).await;
            return;
        }
        if asked.swallow.load(Ordering::SeqCst) || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Changes the years in a list of uploads, which comes in one read, and leaves its length as it is.
fn backdate(answer: &mut [u8]) {
    let (tag, year) = (b"<Initiated>", b"2000");
    for at in tag.len()..answer.len().saturating_sub(year.len()) {
        if answer[..at].ends_with(tag) {
            answer[at..at + year.len()].copy_from_slice(year);
        }
    }
}

/// Whether a request that begins here is a GET of an original; none in the middle of a body.
fn asks_for_original(bytes: &[u8]) -> Option<bool> {
    let methods: [&[u8]; 5] = [b"GET ", b"PUT ", b"POST ", b"HEAD ", b"DELETE "];
    let begins = methods.iter().any(|method| bytes.starts_with(method));
    begins.then(|| bytes.starts_with(b"GET /raw/uploads/"))
}
