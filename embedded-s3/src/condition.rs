//! Conditional requests (RFC 9110 §13), as S3 reads them.

use std::time::{Duration, SystemTime};

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};

/// What a write demands of the object it replaces or deletes.
#[derive(Default)]
pub(crate) struct WriteCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

impl WriteCondition {
    /// `current` is the ETag of the object in place, read in the transaction that will replace it.
    pub(crate) fn check(&self, current: Option<&str>) -> S3Result<()> {
        match (&self.if_match, current) {
            (None, _) | (Some(ETagCondition::Any), Some(_)) => {}
            (Some(_), None) => {
                return Err(s3_error!(NoSuchKey, "If-Match: there is no such object"));
            }
            (Some(ETagCondition::ETag(wanted)), Some(current)) => {
                if wanted.value() != current {
                    return Err(precondition_failed("If-Match"));
                }
            }
        }
        match (&self.if_none_match, current) {
            (None, _) | (Some(ETagCondition::Any), None) => Ok(()),
            (Some(ETagCondition::Any), Some(_)) => Err(precondition_failed("If-None-Match")),
            (Some(ETagCondition::ETag(_)), _) => Err(s3_error!(
                NotImplemented,
                "If-None-Match takes only * in a write"
            )),
        }
    }
}

/// What a read demands.
pub(crate) struct ReadCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

impl ReadCondition {
    /// In the order of RFC 9110 §13.2.2.
    pub(crate) fn check(&self, etag: &str, modified_s: i64) -> S3Result<()> {
        let modified = timestamp(modified_s);
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(wanted), _) if !matches(wanted, etag) => {
                return Err(precondition_failed("If-Match"));
            }
            (None, Some(limit)) if modified > *limit => {
                return Err(precondition_failed("If-Unmodified-Since"));
            }
            _ => {}
        }
        let unchanged = match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) => matches(known, etag),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        if unchanged {
            return Err(not_modified(etag));
        }
        Ok(())
    }
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}

fn precondition_failed(condition: &'static str) -> S3Error {
    s3_error!(
        PreconditionFailed,
        "the condition {condition} does not hold"
    )
}

/// A 304 names the ETag that it speaks of.
fn not_modified(etag: &str) -> S3Error {
    let mut error = s3_error!(NotModified);
    if let Ok(value) = ETag::Strong(etag.to_owned()).to_http_header() {
        error.set_headers([(hyper::header::ETAG, value)].into_iter().collect());
    }
    error
}

/// Seconds since 1970 as S3's timestamp. Times are whole seconds, as in `Last-Modified`, so that
/// comparing with a date header means what it says.
pub(crate) fn timestamp(seconds: i64) -> Timestamp {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Now, in seconds since 1970.
pub(crate) fn now_s() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etag(value: &str) -> Option<ETagCondition> {
        Some(ETagCondition::ETag(ETag::Strong(value.to_owned())))
    }

    fn write_code(condition: &WriteCondition, current: Option<&str>) -> Option<String> {
        let error = condition.check(current).err()?;
        Some(error.code().as_str().to_owned())
    }

    #[test]
    fn writes() {
        let create = WriteCondition {
            if_none_match: Some(ETagCondition::Any),
            ..WriteCondition::default()
        };
        assert_eq!(write_code(&create, None), None);
        assert_eq!(
            write_code(&create, Some("a")).unwrap(),
            "PreconditionFailed"
        );

        let swap = WriteCondition {
            if_match: etag("a"),
            ..WriteCondition::default()
        };
        assert_eq!(write_code(&swap, Some("a")), None);
        assert_eq!(write_code(&swap, Some("b")).unwrap(), "PreconditionFailed");
        assert_eq!(write_code(&swap, None).unwrap(), "NoSuchKey");

        assert_eq!(write_code(&WriteCondition::default(), Some("a")), None);
    }

    #[test]
    fn reads() {
        let none = || ReadCondition {
            if_match: None,
            if_none_match: None,
            if_modified_since: None,
            if_unmodified_since: None,
        };
        let code = |condition: ReadCondition| {
            let error = condition.check("a", 100).err()?;
            Some(error.code().as_str().to_owned())
        };
        let not_modified = Some("NotModified".to_owned());
        let failed = Some("PreconditionFailed".to_owned());

        assert_eq!(code(none()), None);
        assert_eq!(
            code(ReadCondition {
                if_match: etag("b"),
                ..none()
            }),
            failed
        );
        assert_eq!(
            code(ReadCondition {
                if_none_match: etag("a"),
                ..none()
            }),
            not_modified
        );
        assert_eq!(
            code(ReadCondition {
                if_none_match: etag("b"),
                ..none()
            }),
            None
        );
        assert_eq!(
            code(ReadCondition {
                if_modified_since: Some(timestamp(100)),
                ..none()
            }),
            not_modified
        );
        assert_eq!(
            code(ReadCondition {
                if_modified_since: Some(timestamp(99)),
                ..none()
            }),
            None
        );
        assert_eq!(
            code(ReadCondition {
                if_unmodified_since: Some(timestamp(99)),
                ..none()
            }),
            failed
        );
    }
}
