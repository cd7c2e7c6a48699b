//! URLs that carry their own right to read one object for a while.
//!
//! Workers get URLs for the internal endpoint, browsers for the public one. Where the page's own origin
//! serves the buckets (`origin_relative_urls`), the public endpoint is a constant host that nothing ever
//! connects to: URLs are handed out without it, and that origin puts it back before the signature is
//! checked.
//!
//! A URL of a part signs its length, too: S3 itself refuses a request whose `content-length` is another
//! (SigV4: a signed header that differs is a wrong signature), before a byte of it is stored.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;

use crate::keys::Object;
use crate::part_layout::Part;
use crate::settings::{PRESIGN_TTL_FLOOR, PRESIGN_TTL_MAX, Settings};
use crate::{Error, RungName, Status, Store, VideoId};

/// A URL with a signature in it. Never printed: it is a secret while it lives.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedUrl(String);

impl PresignedUrl {
    /// The URL, for the one who may use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Path and query, without scheme and host.
    #[must_use]
    pub fn origin_relative(&self) -> String {
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        let path = self.0[after_scheme..]
            .find('/')
            .map_or(self.0.len(), |at| after_scheme + at);
        self.0[path..].to_owned()
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A part of an upload, and the URL to send it to.
#[derive(Debug)]
pub struct PartUrl {
    /// From 1.
    pub number: u16,
    /// Takes a body of exactly the part's length.
    pub url: PresignedUrl,
}

impl Store {
    /// A URL of the original for browsers.
    ///
    /// # Errors
    /// [`Error::Settings`] when nothing can be signed (credentials).
    pub async fn original_url(&self, id: VideoId) -> Result<PresignedUrl, Error> {
        self.presign(&self.inner.public_s3, &Object::Original(id), None, None)
            .await
    }

    /// A URL of the original for a worker: the internal endpoint.
    ///
    /// # Errors
    /// [`Error::Settings`] when nothing can be signed (credentials).
    pub async fn original_url_internal(&self, id: VideoId) -> Result<PresignedUrl, Error> {
        self.presign(&self.inner.s3, &Object::Original(id), None, None)
            .await
    }

    /// A URL of a rendition's MP4 for browsers. With `download_as` (a file name of any characters) the
    /// answer carries a Content-Disposition that saves it under that name.
    ///
    /// # Errors
    /// [`Error::Missing`] when the video has no such rendition (yet).
    pub async fn rendition_url(
        &self,
        status: &Status,
        rung: &RungName,
        download_as: Option<&str>,
    ) -> Result<PresignedUrl, Error> {
        let take = status.take_with(rung)?;
        let object = Object::Rendition(status.id, take, rung);
        let disposition = download_as.map(content_disposition);
        self.presign(
            &self.inner.public_s3,
            &object,
            status.duration_ms,
            disposition,
        )
        .await
    }

    /// URLs for browsers of these parts of an original's multipart upload, each for a body of exactly its
    /// length, and when they lapse by S3's clock.
    pub(crate) async fn part_urls(
        &self,
        id: VideoId,
        upload_id: &str,
        parts: impl IntoIterator<Item = Part>,
    ) -> Result<(Vec<PartUrl>, SystemTime), Error> {
        let object = Object::Original(id);
        let (config, lapse_at) = self.presigning(None).await?;
        let mut urls = Vec::new();
        for part in parts {
            let request = self
                .inner
                .public_s3
                .upload_part()
                .bucket(object.bucket(self.settings()))
                .key(object.key())
                .upload_id(upload_id)
                .part_number(part.number.into())
                .content_length(part.len_bytes as i64)
                .presigned(config.clone())
                .await
                .map_err(|error| unsigned(&error))?;
            urls.push(PartUrl {
                number: part.number,
                url: PresignedUrl(request.uri().to_owned()),
            });
        }
        Ok((urls, lapse_at))
    }

    async fn presign(
        &self,
        client: &Client,
        object: &Object<'_>,
        duration_ms: Option<u64>,
        disposition: Option<String>,
    ) -> Result<PresignedUrl, Error> {
        let (config, _) = self.presigning(duration_ms).await?;
        let request = client
            .get_object()
            .bucket(object.bucket(self.settings()))
            .key(object.key())
            .set_response_content_disposition(disposition)
            .presigned(config)
            .await
            .map_err(|error| unsigned(&error))?;
        Ok(PresignedUrl(request.uri().to_owned()))
    }

    /// How URLs are signed now, and when they lapse, both by S3's clock.
    async fn presigning(
        &self,
        duration_ms: Option<u64>,
    ) -> Result<(PresigningConfig, SystemTime), Error> {
        let ttl = presign_ttl(self.settings(), duration_ms, self.credentials_left().await);
        let now = self.now();
        let config = PresigningConfig::builder()
            .start_time(now)
            .expires_in(ttl)
            .build()
            .map_err(|error| unsigned(&error))?;
        Ok((config, now + ttl))
    }
}

fn unsigned(reason: &dyn fmt::Display) -> Error {
    Error::Settings(format!("cannot sign a URL: {reason}"))
}

/// How long a URL lives: exactly `PRESIGN_TTL` where set, else long enough to watch the video twice; never
/// longer than S3 or the credentials allow.
fn presign_ttl(
    settings: &Settings,
    duration_ms: Option<u64>,
    credentials_left: Option<Duration>,
) -> Duration {
    let twice = Duration::from_millis(duration_ms.unwrap_or(0).saturating_mul(2));
    let wanted = settings.presign_ttl.unwrap_or(twice.max(PRESIGN_TTL_FLOOR));
    let allowed = credentials_left.map_or(PRESIGN_TTL_MAX, |left| left.min(PRESIGN_TTL_MAX));
    // S3 counts whole seconds and refuses zero.
    Duration::from_secs(wanted.min(allowed).as_secs().max(1))
}

/// `attachment` with the name twice (RFC 6266): in ASCII for old clients, and as it is.
fn content_disposition(name: &str) -> String {
    let ascii: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "attachment; filename=\"{ascii}\"; filename*=UTF-8''{}",
        percent_encode(name)
    )
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Reverses [`percent_encode`]; what is no escape stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| {
                text.get(at + 1..at + 3)
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            })
            .flatten();
        decoded.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_url_is_not_printed() {
        let url = PresignedUrl("http://host:9000/raw/uploads/x?X-Amz-Signature=abc".into());
        assert_eq!(format!("{url} {url:?}"), "[redacted] [redacted]");
        assert_eq!(url.origin_relative(), "/raw/uploads/x?X-Amz-Signature=abc");
    }

    #[test]
    fn urls_live_long_enough_to_watch_twice() {
        let settings = Settings::new("raw", "video");
        assert_eq!(presign_ttl(&settings, None, None), HOUR);
        assert_eq!(presign_ttl(&settings, Some(60_000), None), HOUR);
        assert_eq!(presign_ttl(&settings, Some(3 * 3_600_000), None), 6 * HOUR);
        assert_eq!(
            presign_ttl(&settings, Some(u64::MAX), None),
            PRESIGN_TTL_MAX
        );
        assert_eq!(presign_ttl(&settings, None, Some(HOUR / 2)), HOUR / 2);
        let exact = Settings {
            presign_ttl: Some(Duration::from_secs(5)),
            ..settings
        };
        assert_eq!(
            presign_ttl(&exact, Some(3 * 3_600_000), None),
            Duration::from_secs(5)
        );
    }

    #[test]
    fn any_name_can_be_downloaded_as() {
        assert_eq!(
            content_disposition("Ünï \"x\".mp4"),
            "attachment; filename=\"_n_ _x_.mp4\"; filename*=UTF-8''%C3%9Cn%C3%AF%20%22x%22.mp4"
        );
        assert!(!content_disposition("a\r\nSet-Cookie: b").contains('\n'));
    }

    #[test]
    fn percent_encoding_reads_back() {
        for name in ["plain.mp4", "100 % – Ünï/?#&.mov", "%zz%4"] {
            assert_eq!(percent_decode(&percent_encode(name)), name);
        }
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }
}
