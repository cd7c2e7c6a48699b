//! What an operator can set about the buckets, as a library sees it ([`Settings`]) and as the command line
//! and the environment spell it ([`StoreArgs`]).

use std::fmt;
use std::time::Duration;

use crate::error::Error;

/// The longest life S3 allows a presigned URL (SigV4 query authentication).
pub(crate) const PRESIGN_TTL_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// The shortest life of a presigned URL where `PRESIGN_TTL` is unset.
pub(crate) const PRESIGN_TTL_FLOOR: Duration = Duration::from_secs(3600);

/// How to reach the buckets, and the rules of the queue.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bucket of originals, markers and tombstones.
    pub raw_bucket: String,
    /// Bucket of statuses and renditions.
    pub video_bucket: String,
    /// S3's address for this process; unset: the AWS SDK's own environment, then AWS.
    pub endpoint: Option<String>,
    /// S3's address for browsers; unset: the same as `endpoint`.
    pub public_endpoint: Option<String>,
    /// Playlists carry presigned URLs without scheme and host: the page's own origin serves the buckets.
    pub origin_relative_urls: bool,
    /// `http://host/bucket/key` in place of `http://bucket.host/key`; unset: yes with an own endpoint.
    pub path_style: Option<bool>,
    /// Unset: the AWS SDK's own environment.
    pub region: Option<String>,
    /// Unset: the AWS SDK's own chain of credentials.
    pub access_key: Option<AccessKey>,
    /// The exact life of presigned URLs; unset: an hour or twice the video's duration, whichever is longer.
    pub presign_ttl: Option<Duration>,
    /// How long an original stays after `done`; unset: as long as a URL handed out for it lives.
    pub original_grace: Option<Duration>,
    /// Originals stay for good.
    pub keep_originals: bool,
    /// Unfinished uploads older than this are swept.
    pub upload_expiry: Duration,
    /// A claim not renewed for so long may be taken over.
    pub lease: Duration,
    /// How long a job waits after its first failed attempt; twice as long after each further one.
    pub retry_backoff: Duration,
    /// Attempts of a job that may fail before it is given up.
    pub max_failures: u32,
    /// How often a job may be taken over from a worker that went silent.
    pub max_takeovers: u32,
    /// Whether each end of a video is an event to be delivered.
    pub webhooks: bool,
    /// Events that nobody tries to deliver any more are swept when they are so old.
    pub event_expiry: Duration,
}

impl Settings {
    /// The defaults for two buckets.
    #[must_use]
    pub fn new(raw_bucket: impl Into<String>, video_bucket: impl Into<String>) -> Self {
        Self {
            raw_bucket: raw_bucket.into(),
            video_bucket: video_bucket.into(),
            endpoint: None,
            public_endpoint: None,
            origin_relative_urls: false,
            path_style: None,
            region: None,
            access_key: None,
            presign_ttl: None,
            original_grace: None,
            keep_originals: false,
            upload_expiry: Duration::from_secs(24 * 3600),
            lease: Duration::from_secs(30),
            retry_backoff: Duration::from_secs(5),
            max_failures: 3,
            max_takeovers: 10,
            webhooks: false,
            event_expiry: Duration::from_secs(7 * 24 * 3600),
        }
    }

    /// How long an original stays after `done`: no shorter than the URLs handed out for it live.
    pub(crate) fn original_grace(&self) -> Duration {
        self.original_grace
            .or(self.presign_ttl)
            .unwrap_or(PRESIGN_TTL_FLOOR)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |message: &str| Err(Error::Settings(message.to_owned()));
        if self.raw_bucket == self.video_bucket {
            return refuse("S3_RAW_BUCKET and S3_VIDEO_BUCKET name the same bucket: use two");
        }
        if self
            .presign_ttl
            .is_some_and(|ttl| ttl.is_zero() || ttl > PRESIGN_TTL_MAX)
        {
            return refuse("PRESIGN_TTL must be more than 0 and at most 7d, S3's own limit");
        }
        // S3 dates have a resolution of one second, twice: a shorter lease would lapse by rounding.
        if self.lease < Duration::from_secs(3) {
            return refuse("LEASE must be at least 3s");
        }
        if self.max_failures == 0 {
            return refuse("MAX_ATTEMPTS must be at least 1");
        }
        Ok(())
    }
}

/// A pair of S3 keys. The secret is never printed.
#[derive(Clone)]
pub struct AccessKey {
    /// The access key's id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("secret", &"[redacted]")
            .finish()
    }
}

/// The buckets' part of a command line. Credentials and region come from the AWS SDK's own environment
/// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, …).
#[derive(Debug, Clone, clap::Args)]
pub struct StoreArgs {
    /// Bucket of originals, job markers and tombstones
    #[arg(long, env = "S3_RAW_BUCKET")]
    pub s3_raw_bucket: String,
    /// Bucket of statuses and renditions
    #[arg(long, env = "S3_VIDEO_BUCKET")]
    pub s3_video_bucket: String,
    /// S3's address for this process [default: AWS]
    #[arg(long, env = "AWS_ENDPOINT_URL_S3")]
    pub s3_endpoint: Option<String>,
    /// S3's address for browsers [default: the same]
    #[arg(long, env = "S3_PUBLIC_ENDPOINT")]
    pub s3_public_endpoint: Option<String>,
    /// Bucket in the path instead of the host name [default: true with an own endpoint]
    #[arg(long, env = "S3_PATH_STYLE")]
    pub s3_path_style: Option<bool>,
    /// Exact life of presigned URLs, up to 7d [default: 1h or twice the video's duration]
    #[arg(long, env = "PRESIGN_TTL", value_parser = parse_duration)]
    pub presign_ttl: Option<Duration>,
    /// How long an original stays after its video is done [default: PRESIGN_TTL, else 1h]
    #[arg(long, env = "ORIGINAL_GRACE", value_parser = parse_duration)]
    pub original_grace: Option<Duration>,
    /// Keep originals for good
    #[arg(long, env = "KEEP_ORIGINALS", default_value_t = false, action = clap::ArgAction::Set)]
    pub keep_originals: bool,
    /// Unfinished uploads older than this are swept
    #[arg(long, env = "UPLOAD_EXPIRY", value_parser = parse_duration, default_value = "24h")]
    pub upload_expiry: Duration,
    /// A job whose worker is silent for so long is taken over by another
    #[arg(long, env = "LEASE", value_parser = parse_duration, default_value = "30s")]
    pub lease: Duration,
    /// Failed attempts after which a job is given up
    #[arg(long, env = "MAX_ATTEMPTS", default_value_t = 3)]
    pub max_attempts: u32,
    /// Times a job may be taken over from workers that went silent
    #[arg(long, env = "MAX_TAKEOVERS", default_value_t = 10)]
    pub max_takeovers: u32,
}

impl From<StoreArgs> for Settings {
    fn from(args: StoreArgs) -> Self {
        Self {
            endpoint: args.s3_endpoint,
            public_endpoint: args.s3_public_endpoint,
            path_style: args.s3_path_style,
            presign_ttl: args.presign_ttl,
            original_grace: args.original_grace,
            keep_originals: args.keep_originals,
            upload_expiry: args.upload_expiry,
            lease: args.lease,
            max_failures: args.max_attempts,
            max_takeovers: args.max_takeovers,
            ..Self::new(args.s3_raw_bucket, args.s3_video_bucket)
        }
    }
}

/// Reads a duration such as `500ms`, `30s`, `10m`, `24h` or `7d`; a bare number counts seconds.
///
/// # Errors
/// A sentence that says which form is expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    number
        .parse::<u64>()
        .ok()
        .filter(|_| unit_ms > 0)
        .and_then(|number| number.checked_mul(unit_ms))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            format!("{text:?} is no duration: write for example 500ms, 30s, 10m, 24h or 7d")
        })
}

/// As [`parse_duration`], for what makes no sense below a second: less would wear S3 out, or give up what only
/// takes its time.
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_duration_from_1s(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        duration if duration < Duration::from_secs(1) => Err("write 1s or more".into()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("7d"), Ok(PRESIGN_TTL_MAX));
        for bad in ["", "s", "-1s", "1.5h", "1 h", "99999999999999999999d", "1w"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        assert!(Settings::new("raw", "video").check().is_ok());
        assert!(Settings::new("one", "one").check().is_err());
        let settings = Settings {
            presign_ttl: Some(Duration::from_secs(8 * 86_400)),
            ..Settings::new("a", "b")
        };
        assert!(settings.check().is_err());
    }

    #[test]
    fn the_secret_key_is_not_printed() {
        let key = AccessKey {
            id: "id".into(),
            secret: "hunter2".into(),
        };
        assert!(!format!("{key:?}").contains("hunter2"));
    }
}
