//! The S3 clients: one for this process, one that signs URLs for browsers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::Error;
use crate::kept_files::KeptFiles;
use crate::request_count::RequestCount;
use crate::server_clock::ServerClock;
use crate::settings::Settings;
use crate::{Inner, Store};

/// A part of an upload on a slow line still fits; a connection that went dark does not hold a job for long.
const BULKY_TIMEOUT: Duration = Duration::from_secs(60);
/// All else is small.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Attempts of one call inside the SDK, with its exponential backoff.
const ATTEMPTS: u32 = 4;
/// Attempts for what a job's work of minutes hangs on: they outlast a store that restarts.
const PATIENT_ATTEMPTS: u32 = 8;
/// A readiness check of both buckets that takes longer has failed: a balancer would not wait for its answer.
const READY_TIMEOUT: Duration = Duration::from_secs(5);
/// Credentials that end sooner are asked for anew.
const CREDENTIALS_MARGIN: Duration = Duration::from_secs(300);

impl Store {
    /// Makes the clients from the settings and the AWS SDK's environment. Talks to nobody but, where the
    /// environment names them, the sources of credentials.
    ///
    /// # Errors
    /// [`Error::Settings`] when settings contradict each other or no credentials are found.
    pub async fn connect(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(key) = &settings.access_key {
            loader = loader.credentials_provider(Credentials::new(
                &key.id,
                &key.secret,
                None,
                None,
                "settings",
            ));
        }
        let environment = loader.load().await;
        let credentials =
            CachedCredentials::new(environment.credentials_provider().ok_or_else(|| {
                Error::Settings(
                    "no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into(),
                )
            })?);

        let endpoint = settings
            .endpoint
            .clone()
            .or_else(|| environment.endpoint_url().map(str::to_owned));
        let clock = ServerClock::default();
        let mut config = aws_sdk_s3::config::Builder::from(&environment)
            .interceptor(clock.clone())
            .credentials_provider(credentials.clone())
            .interceptor(RequestCount)
            .force_path_style(settings.path_style.unwrap_or(endpoint.is_some()))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .retry_partition(unrationed())
            .timeout_config(timeouts(ATTEMPT_TIMEOUT));
        if environment.region().is_none() {
            // A name is signed into every request; stores that are not AWS take any.
            config = config.region(Region::new("us-east-1"));
        }
        if let Some(endpoint) = endpoint {
            // Stores that are not AWS often refuse the SDK's newer default checksums.
            config = config
                .endpoint_url(endpoint)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        let mut public_config = config.clone();
        if let Some(endpoint) = &settings.public_endpoint {
            public_config = public_config.endpoint_url(endpoint);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                s3: aws_sdk_s3::Client::from_conf(config.build()),
                public_s3: aws_sdk_s3::Client::from_conf(public_config.build()),
                settings,
                credentials,
                clock,
                known_done: Default::default(),
                kept_files: KeptFiles::new(),
            }),
            requests: Arc::default(),
        })
    }

    /// Whether both buckets can be reached, within 5 s in all; for readiness checks.
    ///
    /// # Errors
    /// Names the bucket that cannot.
    pub async fn ready(&self) -> Result<(), Error> {
        let deadline = Instant::now() + READY_TIMEOUT;
        for bucket in [&self.settings().raw_bucket, &self.settings().video_bucket] {
            let head = self.s3().head_bucket().bucket(bucket).send();
            let doing = format!("reach bucket {bucket}");
            match tokio::time::timeout_at(deadline, head).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(Error::from_sdk(doing, &error)),
                Err(_) => {
                    return Err(Error::Unavailable {
                        doing,
                        reason: "no answer in time".into(),
                    });
                }
            }
        }
        Ok(())
    }

    /// How much longer the credentials are good for; none if they do not end.
    pub(crate) async fn credentials_left(&self) -> Option<Duration> {
        let expiry = self.inner.credentials.current().await.ok()?.expiry()?;
        Some(expiry.duration_since(self.now()).unwrap_or_default())
    }
}

/// By default a process whose retries have failed some dozens of times makes none any more, until hundreds of
/// requests went well: after an outage each single fault would then fail a job. Ours are bounded in each call.
fn unrationed() -> RetryPartition {
    RetryPartition::custom("assetlab")
        .token_bucket(TokenBucket::unlimited())
        .build()
}

/// Overrides a client's settings for requests that a job cannot do without.
pub(crate) fn patient() -> aws_sdk_s3::config::Builder {
    let retries = RetryConfig::standard().with_max_attempts(PATIENT_ATTEMPTS);
    bulky().retry_config(retries)
}

/// Overrides a client's settings for requests that move or join megabytes.
pub(crate) fn bulky() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts(BULKY_TIMEOUT))
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .build()
}

/// The environment's credentials, kept so that a URL can be signed for no longer than they last.
#[derive(Debug, Clone)]
pub(crate) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    cached: Arc<Mutex<Option<Credentials>>>,
}

impl CachedCredentials {
    fn new(provider: SharedCredentialsProvider) -> Self {
        Self {
            provider,
            cached: Arc::default(),
        }
    }

    async fn current(&self) -> provider::Result {
        let mut cached = self.cached.lock().await;
        if let Some(credentials) = &*cached {
            let fresh_until = credentials
                .expiry()
                .map(|expiry| expiry - CREDENTIALS_MARGIN);
            if fresh_until.is_none_or(|until| SystemTime::now() < until) {
                return Ok(credentials.clone());
            }
        }
        let credentials = self.provider.provide_credentials().await?;
        *cached = Some(credentials.clone());
        Ok(credentials)
    }
}

impl ProvideCredentials for CachedCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.current())
    }
}
