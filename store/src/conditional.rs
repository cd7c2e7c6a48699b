//! Reads with their ETag and age, and writes that only one of many can win.
//!
//! How an answer to a conditional PUT is read (AWS API `PutObject`):
//! - 200: won;
//! - 412 or 404: the object is not what the condition names. It may be our own earlier attempt whose
//!   answer was lost, so it is read again: our own body inside means that we won. Bodies that are swapped
//!   carry a nonce or a take and a time, so no two writers' are equal;
//! - 409, 5xx, no answer: unknown. Read again, then retry with backoff.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use bytes::Bytes;

use crate::Store;
use crate::client;
use crate::error::{Error, http_status, is_missing};
use crate::keys::Object;

/// Rounds of read-again-and-retry, each with the SDK's own retries inside.
const ROUNDS: u32 = 4;
const BACKOFF_FLOOR: Duration = Duration::from_millis(200);
/// Small objects only: a call that takes longer is taken for lost.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// An object's version as S3 names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ETag(pub(crate) String);

/// What must be true for a write to take place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Condition<'a> {
    /// No such object (`If-None-Match: *`).
    Absent,
    /// The object is still this version (`If-Match`).
    Is(&'a ETag),
}

/// What came of a conditional write.
#[derive(Debug)]
pub(crate) enum Swap {
    /// Ours is the object's content; this is its version.
    Won(ETag),
    /// The condition did not hold, and what is there (or not) is not ours.
    Lost,
}

/// Why there is nothing read.
enum Interrupted {
    /// After the SDK's own retries.
    Call(Error),
    /// The answer broke off in its body, which the SDK does not ask for again.
    Body(Error),
}

/// A small object, as one answer gave it.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) body: Bytes,
    pub(crate) etag: ETag,
    /// `Date` minus `Last-Modified` of the same answer: S3's clock twice, no other.
    pub(crate) age: Duration,
}

/// A small object, for who may have it already.
#[derive(Debug)]
pub(crate) enum Reread {
    There(Fetched),
    /// Still the version that the reader has.
    Same,
    Missing,
}

impl Store {
    /// Reads a small object; none if it is not there.
    pub(crate) async fn read(&self, object: &Object<'_>) -> Result<Option<Fetched>, Error> {
        match self.read_unless(object, None).await? {
            Reread::There(fetched) => Ok(Some(fetched)),
            Reread::Same | Reread::Missing => Ok(None),
        }
    }

    /// Reads a small object, unless it is still the version that is `held`: then S3 sends no body.
    pub(crate) async fn read_unless(
        &self,
        object: &Object<'_>,
        held: Option<&str>,
    ) -> Result<Reread, Error> {
        let mut backoff = BACKOFF_FLOOR;
        let mut round = 1;
        loop {
            match self.try_read(object, held).await {
                Ok(fetched) => return Ok(fetched),
                Err(Interrupted::Body(error)) if round < ROUNDS => {
                    tracing::debug!(%error, "read again");
                }
                Err(Interrupted::Call(error) | Interrupted::Body(error)) => return Err(error),
            }
            tokio::time::sleep(backoff).await;
            backoff *= 2;
            round += 1;
        }
    }

    async fn try_read(
        &self,
        object: &Object<'_>,
        held: Option<&str>,
    ) -> Result<Reread, Interrupted> {
        let key = object.key();
        let doing = || format!("read {key}");
        let server_date = ServerDate::default();
        let call = async {
            let answer = self
                .s3()
                .get_object()
                .bucket(object.bucket(self.settings()))
                .key(&key)
                .set_if_none_match(held.map(str::to_owned))
                .customize()
                .interceptor(server_date.clone())
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) if is_missing(&error) => return Ok(Reread::Missing),
                Err(error) if http_status(&error) == Some(304) => return Ok(Reread::Same),
                Err(error) => return Err(Interrupted::Call(Error::from_sdk(doing(), &error))),
            };
            let etag = answer.e_tag.clone().unwrap_or_default();
            let age = server_date.age_of(answer.last_modified.as_ref());
            let body = answer.body.collect().await;
            let body = body.map_err(|error| {
                Interrupted::Body(Error::Unavailable {
                    doing: doing(),
                    reason: error.to_string(),
                })
            })?;
            Ok(Reread::There(Fetched {
                body: body.into_bytes(),
                etag: ETag(etag),
                age,
            }))
        };
        match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(answer) => answer,
            Err(_) => Err(Interrupted::Call(Error::Unavailable {
                doing: doing(),
                reason: "no answer in time".into(),
            })),
        }
    }

    /// Writes `body` if `condition` holds, and finds out which it was even if the answer is lost.
    pub(crate) async fn swap(
        &self,
        object: &Object<'_>,
        body: Bytes,
        condition: Condition<'_>,
    ) -> Result<Swap, Error> {
        let mut backoff = BACKOFF_FLOOR;
        let mut round = 1;
        loop {
            let unknown = match self.try_swap(object, &body, condition).await {
                Ok(Some(etag)) => return Ok(Swap::Won(etag)),
                Ok(None) => {
                    return Ok(match self.read(object).await? {
                        Some(there) if there.body == body => Swap::Won(there.etag),
                        _ => Swap::Lost,
                    });
                }
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            match self.read(object).await {
                Ok(Some(there)) if there.body == body => return Ok(Swap::Won(there.etag)),
                Ok(there) if !holds(condition, there.as_ref()) => return Ok(Swap::Lost),
                _ if round == ROUNDS => return Err(unknown),
                _ => {}
            }
            tracing::debug!(key = object.key(), error = %unknown, "conditional write again");
            tokio::time::sleep(backoff).await;
            backoff *= 2;
            round += 1;
        }
    }

    /// One conditional PUT: the new version, or none where the condition did not hold.
    pub(crate) async fn try_swap(
        &self,
        object: &Object<'_>,
        body: &Bytes,
        condition: Condition<'_>,
    ) -> Result<Option<ETag>, Error> {
        let doing = || format!("write {}", object.key());
        let put = self.put(object, body.clone());
        let put = match condition {
            Condition::Absent => put.if_none_match("*"),
            Condition::Is(etag) => put.if_match(&etag.0),
        };
        match tokio::time::timeout(CALL_TIMEOUT, put.send()).await {
            Ok(Ok(answer)) => Ok(Some(ETag(answer.e_tag.unwrap_or_default()))),
            Ok(Err(error)) if http_status(&error) == Some(412) || is_missing(&error) => Ok(None),
            Ok(Err(error)) => Err(Error::from_sdk(doing(), &error)),
            Err(_) => Err(Error::Unavailable {
                doing: doing(),
                reason: "no answer in time".into(),
            }),
        }
    }

    /// Writes without a condition: for what only its owner writes, or what everyone writes alike.
    pub(crate) async fn write(
        &self,
        object: &Object<'_>,
        body: impl Into<Bytes>,
    ) -> Result<(), Error> {
        let answer = self.put(object, body.into()).send().await;
        answer.map_err(|error| Error::from_sdk(format!("write {}", object.key()), &error))?;
        Ok(())
    }

    /// The same for what a job cannot do without.
    pub(crate) async fn write_patiently(
        &self,
        object: &Object<'_>,
        body: Bytes,
    ) -> Result<(), Error> {
        let put = self.put(object, body).customize();
        let answer = put.config_override(client::patient()).send().await;
        answer.map_err(|error| Error::from_sdk(format!("write {}", object.key()), &error))?;
        Ok(())
    }

    fn put(&self, object: &Object<'_>, body: Bytes) -> PutObjectFluentBuilder {
        self.s3()
            .put_object()
            .bucket(object.bucket(self.settings()))
            .key(object.key())
            .content_type(object.content_type())
            .cache_control(object.cache_control())
            .body(ByteStream::from(body))
    }

    /// Deletes; an object that is not there counts as deleted.
    pub(crate) async fn delete(&self, object: &Object<'_>) -> Result<(), Error> {
        self.delete_key(object.bucket(self.settings()), &object.key())
            .await
    }

    pub(crate) async fn delete_key(&self, bucket: &str, key: &str) -> Result<(), Error> {
        match self
            .s3()
            .delete_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(Error::from_sdk(format!("delete {key}"), &error)),
        }
    }

    /// Whether the object is there.
    pub(crate) async fn exists(&self, object: &Object<'_>) -> Result<bool, Error> {
        let key = object.key();
        match self
            .s3()
            .head_object()
            .bucket(object.bucket(self.settings()))
            .key(&key)
            .send()
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(Error::from_sdk(format!("look for {key}"), &error)),
        }
    }
}

fn holds(condition: Condition<'_>, there: Option<&Fetched>) -> bool {
    match condition {
        Condition::Absent => there.is_none(),
        Condition::Is(etag) => there.is_some_and(|there| there.etag == *etag),
    }
}

/// Catches the `Date` of an answer, which the SDK's outputs leave out.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerDate(Arc<OnceLock<DateTime>>);

impl ServerDate {
    /// How long before its answer `modified` was. Zero where the store gives no date: then nothing ever
    /// looks lapsed.
    pub(crate) fn age_of(&self, modified: Option<&DateTime>) -> Duration {
        let (Some(now), Some(modified)) = (self.0.get(), modified) else {
            return Duration::ZERO;
        };
        let (Ok(now), Ok(modified)) = (SystemTime::try_from(*now), SystemTime::try_from(*modified))
        else {
            return Duration::ZERO;
        };
        now.duration_since(modified).unwrap_or_default()
    }
}

impl Intercept for ServerDate {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = date_of(context) {
            // Set once: of several attempts only the last one's answer is used, but an earlier one's date
            // can only make the object look younger.
            let _ = self.0.set(date);
        }
        Ok(())
    }
}

/// The `Date` of an answer.
pub(crate) fn date_of(
    context: &BeforeDeserializationInterceptorContextRef<'_>,
) -> Option<DateTime> {
    let date = context.response().headers().get("date")?;
    DateTime::from_str(date, DateTimeFormat::HttpDate).ok()
}
