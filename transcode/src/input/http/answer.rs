//! What the head of an answer says: is it the part that was asked for, of the same object?

use std::io;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// Why a request brought less than was asked for, and what follows.
pub(super) enum Failure {
    /// It is worth another try.
    Passing {
        error: io::Error,
        /// No sooner than this.
        retry_after: Duration,
    },
    /// It is worth another try with a fresh URL.
    Refused(io::Error),
    Final(io::Error),
}

impl Failure {
    pub(super) fn passing(error: io::Error) -> Self {
        Self::Passing {
            error,
            retry_after: Duration::ZERO,
        }
    }
}

/// What tells an object from what replaces it.
pub(super) struct Version {
    pub(super) len_bytes: u64,
    pub(super) modified: Option<HeaderValue>,
    etag: Option<HeaderValue>,
}

impl Version {
    /// A weak tag cannot be used with If-Match (RFC 9110 §13.1.1).
    pub(super) fn strong_etag(&self) -> Option<&HeaderValue> {
        let is_strong = |tag: &&HeaderValue| !tag.as_bytes().starts_with(b"W/");
        self.etag.as_ref().filter(is_strong)
    }

    /// Servers that ignore conditions may still tell. Tags are compared weakly (§8.8.3.2): some
    /// servers call a tag weak only while the object is new.
    fn differs_from(&self, other: &Self) -> bool {
        let opaque = |tag: &HeaderValue| {
            let bytes = tag.as_bytes();
            bytes.strip_prefix(b"W/").unwrap_or(bytes).to_vec()
        };
        self.len_bytes != other.len_bytes
            || match (&self.etag, &other.etag) {
                (Some(one), Some(two)) => opaque(one) != opaque(two),
                _ => match (&self.modified, &other.modified) {
                    (Some(one), Some(two)) => one != two,
                    _ => false,
                },
            }
    }
}

/// Of an answer that is good.
pub(super) struct Head {
    /// Where the body ends in the object: beyond `from`, unless both are at its end.
    pub(super) end: u64,
    pub(super) version: Version,
}

impl Head {
    /// Of an answer to a request for the bytes from `from`; `known` is what earlier answers told.
    pub(super) fn read(
        response: &Response,
        from: u64,
        known: Option<&Version>,
    ) -> Result<Self, Failure> {
        let status = response.status();
        let header = |name: HeaderName| response.headers().get(name);
        let say = |what: &str| io::Error::other(format!("{what} (HTTP status {status})"));
        let replaced = || Failure::Final(say("the original was replaced while it was being read"));
        let version = |len_bytes| Version {
            len_bytes,
            modified: header(LAST_MODIFIED).cloned(),
            etag: header(ETAG).cloned(),
        };
        let passing = |what: &str| Failure::Passing {
            error: say(what),
            retry_after: header(RETRY_AFTER).map_or(Duration::ZERO, seconds),
        };
        match status {
            StatusCode::PARTIAL_CONTENT => {
                let range = header(CONTENT_RANGE).and_then(|value| value.to_str().ok());
                let (start, end, len_bytes) = range.and_then(content_range).ok_or_else(|| {
                    Failure::Final(say("the server's Content-Range is unreadable"))
                })?;
                let version = version(len_bytes);
                if known.is_some_and(|known| known.differs_from(&version)) {
                    return Err(replaced());
                }
                if start != from {
                    let what = "the server answered with another range";
                    return Err(Failure::Final(say(what)));
                }
                Ok(Self { end, version })
            }
            // No byte of an empty object can be given; of another it was known to be there.
            StatusCode::RANGE_NOT_SATISFIABLE => match known {
                None => Ok(Self {
                    end: from,
                    version: version(0),
                }),
                Some(_) => Err(replaced()),
            },
            StatusCode::OK => Err(Failure::Final(say("the server does not serve ranges"))),
            StatusCode::PRECONDITION_FAILED => Err(replaced()),
            // S3 answers 400 where the credentials that signed the URL have expired.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => Err(
                Failure::Refused(say("the server refused access to the original")),
            ),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Err(passing("the server is busy"))
            }
            _ if status.is_server_error() => Err(passing("the server failed")),
            _ => Err(Failure::Final(say(
                "the server does not give out the original",
            ))),
        }
    }
}

/// `bytes 0-9/100` as (0, 10, 100).
fn content_range(value: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = total.parse().ok()?;
    (first <= last && last < total).then(|| (first, last + 1, total))
}

/// The form in seconds of `Retry-After` (RFC 9110 §10.2.3); a date counts as nothing.
fn seconds(value: &HeaderValue) -> Duration {
    let seconds = value.to_str().ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

pub(super) fn without_url(error: reqwest::Error) -> io::Error {
    io::Error::other(error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_believed_only_if_it_can_be_true() {
        assert_eq!(content_range("bytes 0-9/100"), Some((0, 10, 100)));
        assert_eq!(content_range("bytes 99-99/100"), Some((99, 100, 100)));
        for wrong in [
            "bytes 5-4/100",
            "bytes 0-100/100",
            "bytes 0-9/*",
            "bytes */100",
            "items 0-9/100",
            "bytes 0-18446744073709551615/18446744073709551615",
            "",
        ] {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }
}
