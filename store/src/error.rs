//! One error type, split by who has to act.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// What can go wrong between AssetLab and its buckets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator has to change the configuration.
    #[error("{0}")]
    Settings(String),
    /// The operator has to choose another store: this one lets two workers win the same job.
    #[error(
        "the S3 store ignores conditional writes ({0}): two workers would both win the same job. \
         Use a store that honours `If-None-Match` and `If-Match` on PUT, as AWS S3, MinIO and the \
         embedded server (`assetlab s3`) do"
    )]
    Unconditional(&'static str),
    /// S3 refused for good: credentials, bucket names or permissions have to be put right.
    #[error("S3 refused to {doing}: {reason}")]
    Refused {
        /// What was being done, with which key.
        doing: String,
        /// S3's answer.
        reason: String,
    },
    /// S3 could not be reached or failed, also after retries. It may pass.
    #[error("S3 could not {doing}: {reason}")]
    Unavailable {
        /// What was being done, with which key.
        doing: String,
        /// S3's answer or the connection's fault.
        reason: String,
    },
    /// Another owner has taken the video: this one must stop and touch nothing more.
    #[error("video {0} is not this worker's any more: another has taken over, or it was deleted")]
    Fenced(crate::VideoId),
    /// There is no such object (deleted, or never there).
    #[error("{0} is not there")]
    Missing(String),
    /// The video was deleted in the meantime.
    #[error("video {0} was deleted")]
    Deleted(crate::VideoId),
    /// S3 holds other parts than those the upload was to be made of.
    #[error("S3 holds other parts than those listed: {0}")]
    PartsDiffer(String),
    /// An object holds what AssetLab did not write.
    #[error("{key} cannot be read: {reason}")]
    Corrupt {
        /// The object's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller gave what S3 cannot take.
    #[error("{0}")]
    Input(String),
}

impl Error {
    /// Whether the same call may succeed later with nothing changed by anyone.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Sorts a failed S3 call by its HTTP status: 4xx and 501 stay as they are, all else may pass.
    pub(crate) fn from_sdk<E>(doing: impl Into<String>, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let (doing, reason) = (doing.into(), sentence(error));
        match http_status(error) {
            Some(404) if is_missing(error) => {
                Self::Missing(format!("{reason}: what S3 was to {doing}"))
            }
            // To complete an upload S3 may answer 200 before it knows, and tell the error in the body.
            Some(_) if error.code() == Some("InvalidPart") => {
                Self::PartsDiffer(format!("{reason}: what S3 was to {doing}"))
            }
            // 408 and 429 ask to come again; 409 is a conflict with another request in flight.
            Some(408 | 409 | 429) => Self::Unavailable { doing, reason },
            // 501: the store has no such thing, and will not have it later.
            Some(400..=499 | 501) => Self::Refused { doing, reason },
            _ => Self::Unavailable { doing, reason },
        }
    }
}

/// The HTTP status of a failed call, if there was an answer.
pub(crate) fn http_status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

/// Whether S3 says that the object is not there (and not: the bucket).
pub(crate) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    http_status(error) == Some(404) && error.code() != Some("NoSuchBucket")
}

/// S3's code and message, or the chain of causes of a call that got no answer.
fn sentence<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if let Some(service_error) = error.as_service_error() {
        let status = http_status(error).unwrap_or(0);
        let code = service_error.code().unwrap_or("no code");
        return match service_error.message() {
            Some(message) => format!("HTTP {status}, {code}: {message}"),
            None => format!("HTTP {status}, {code}"),
        };
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::http::HttpResponse;
    use aws_sdk_s3::error::{ErrorMetadata, SdkError};
    use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
    use aws_sdk_s3::primitives::SdkBody;

    use super::Error;

    #[test]
    fn parts_that_differ_are_told_from_an_answer_that_began_well() {
        for status in [200, 400] {
            let code = ErrorMetadata::builder().code("InvalidPart").build();
            let answer =
                HttpResponse::new(u16::try_into(status).expect("a status"), SdkBody::empty());
            let error =
                SdkError::service_error(CompleteMultipartUploadError::generic(code), answer);
            let error = Error::from_sdk("complete", &error);
            assert!(matches!(error, Error::PartsDiffer(_)), "{error}");
        }
    }
}
