//! Ranges of one object, whatever happens on the way (RFC 9110 §14).

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::header::{IF_MATCH, IF_UNMODIFIED_SINCE, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout_at};

use super::answer::{Failure, Head, Version, without_url};
use super::{RetryPolicy, UrlProvider};
use crate::input::Line;

/// A cancel is heard no later than this.
const CANCEL_STEP: Duration = Duration::from_millis(50);
const MAX_REDIRECTS: usize = 5;
/// A URL that was signed anew and is refused as well will not be accepted by patience.
const MAX_REFUSALS: u32 = 3;

/// The object behind a URL.
pub(super) struct Original {
    client: Client,
    runtime: Background,
    policy: RetryPolicy,
    provider: Box<UrlProvider>,
    given_url: String,
    /// Where the given URL leads to.
    current_url: String,
    line: Arc<Line>,
    /// As the first answer told it: the object must stay the same.
    version: Option<Version>,
}

/// Drives one request at a time. When it goes, it does not wait for a name that is being looked up.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Original {
    pub(super) fn new(
        mut provider: Box<UrlProvider>,
        policy: RetryPolicy,
        line: Arc<Line>,
    ) -> io::Result<Self> {
        let client = Client::builder()
            .connect_timeout(policy.connect_timeout)
            .redirect(redirects(Arc::clone(&line)))
            // A signed URL must not be told to whom it leads to.
            .referer(false)
            .build()
            .map_err(without_url)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let given_url = provider()?;
        Ok(Self {
            client,
            runtime: Background(Some(runtime)),
            policy,
            provider,
            current_url: given_url.clone(),
            given_url,
            line,
            version: None,
        })
    }

    /// Known from the first answer on.
    pub(super) fn len_bytes(&self) -> Option<u64> {
        self.version.as_ref().map(|version| version.len_bytes)
    }

    /// The bytes from `from` to `end`, or to the object's end.
    pub(super) fn get(&mut self, from: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut failures = 0;
        loop {
            let at = from + bytes.len() as u64;
            let end = end.min(self.len_bytes().unwrap_or(u64::MAX));
            if at >= end {
                return Ok(bytes);
            }
            let before = bytes.len();
            let Err(failure) = self.fetch(at, end, &mut bytes) else {
                failures = 0;
                continue;
            };
            failures = if bytes.len() > before {
                1
            } else {
                failures + 1
            };
            self.recover(failure, failures)?;
        }
    }

    /// One request for the bytes `from..end`, appended to `bytes` as they arrive. A server may
    /// answer with fewer (§15.3.7), but with at least one.
    fn fetch(&mut self, from: u64, end: u64, bytes: &mut Vec<u8>) -> Result<(), Failure> {
        let mut request = self.client.get(&self.current_url);
        request = request.header(RANGE, format!("bytes={from}-{}", end - 1));
        if let Some(version) = &self.version {
            // If-Range would have a changed object sent whole; this has it refused.
            request = match (version.strong_etag(), &version.modified) {
                (Some(etag), _) => request.header(IF_MATCH, etag),
                (None, Some(modified)) => request.header(IF_UNMODIFIED_SINCE, modified),
                (None, None) => request,
            };
        }
        self.line.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let mut response = self.wait(request.send())?;
        let head = Head::read(&response, from, self.version.as_ref())?;
        let end = head.end.min(end);
        self.current_url = response.url().to_string();
        self.version.get_or_insert(head.version);
        self.receive(&mut response, (end - from) as usize, bytes)
    }

    /// Appends exactly `len` bytes of the body; more of it, if there is more, is left unread.
    fn receive(
        &self,
        response: &mut Response,
        len: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let end = bytes.len() + len;
        bytes.reserve(len);
        while bytes.len() < end {
            let Some(chunk) = self.wait(response.chunk())? else {
                return Err(Failure::passing(io::ErrorKind::UnexpectedEof.into()));
            };
            let taken = &chunk[..chunk.len().min(end - bytes.len())];
            self.line
                .traffic
                .bytes
                .fetch_add(taken.len() as u64, Ordering::Relaxed);
            bytes.extend_from_slice(taken);
        }
        Ok(())
    }

    /// Waits for one step of a request, not longer than the policy allows, and not when nobody
    /// wants it any more.
    fn wait<T>(&self, step: impl Future<Output = reqwest::Result<T>>) -> Result<T, Failure> {
        let Some(runtime) = &self.runtime.0 else {
            return Err(Failure::Final(cancelled()));
        };
        runtime.block_on(async {
            let mut step = pin!(step);
            let deadline = Instant::now() + self.policy.stall_timeout;
            loop {
                if self.line.cancel.is_cancelled() {
                    return Err(Failure::Final(cancelled()));
                }
                let now = Instant::now();
                if now >= deadline {
                    return Err(Failure::passing(io::ErrorKind::TimedOut.into()));
                }
                let until = deadline.min(now + CANCEL_STEP);
                match timeout_at(until, step.as_mut()).await {
                    Ok(Ok(done)) => return Ok(done),
                    Ok(Err(error)) if error.is_redirect() || error.is_builder() => {
                        return Err(Failure::Final(without_url(error)));
                    }
                    Ok(Err(error)) => return Err(Failure::passing(without_url(error))),
                    Err(_) => {}
                }
            }
        })
    }

    /// Waits before the next try, or gives up.
    fn recover(&mut self, failure: Failure, failures: u32) -> io::Result<()> {
        let doubled = 2_u32.saturating_pow(failures - 1);
        let mut wait = self.policy.first_wait.saturating_mul(doubled);
        let error = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Refused(error) if failures >= MAX_REFUSALS => return Err(error),
            Failure::Passing { error, .. } if failures >= self.policy.max_failures => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, error));
            }
            Failure::Refused(error) => {
                self.given_url = (self.provider)()?;
                if failures == 1 {
                    wait = Duration::ZERO;
                }
                error
            }
            Failure::Passing { error, retry_after } => {
                wait = wait.max(retry_after);
                error
            }
        };
        self.current_url.clone_from(&self.given_url);
        tracing::debug!(%error, failures, "reading the original failed, trying again");
        self.pause(wait.min(self.policy.longest_wait))
    }

    fn pause(&self, mut wait: Duration) -> io::Result<()> {
        while !wait.is_zero() {
            if self.line.cancel.is_cancelled() {
                return Err(cancelled());
            }
            let step = wait.min(CANCEL_STEP);
            std::thread::sleep(step);
            wait -= step;
        }
        Ok(())
    }
}

/// S3 sends to another region's endpoint, other servers to where they keep their files; but what
/// began under TLS stays under it.
fn redirects(line: Arc<Line>) -> Policy {
    Policy::custom(move |attempt| {
        let was_tls = attempt.previous().last().map(|url| url.scheme()) == Some("https");
        if was_tls && attempt.url().scheme() != "https" {
            attempt.error("the server redirects from https to http")
        } else if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("the server redirects again and again")
        } else {
            line.traffic.requests.fetch_add(1, Ordering::Relaxed);
            attempt.follow()
        }
    })
}

fn cancelled() -> io::Error {
    io::Error::other("cancelled")
}
