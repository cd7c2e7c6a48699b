//! The time by S3's clock, for presigned URLs.
//!
//! The SDK signs requests by the clock of S3's last answer, but not URLs, which S3 refuses where they seem to
//! come from the future or have lapsed already. A process whose own clock is wrong must hand out URLs that
//! work all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use crate::Store;
use crate::conditional::date_of;

/// So far off, this process's own clock is as good: dates have whole seconds, and answers are late.
const TOLERANCE_MS: u64 = 60_000;

/// How far S3's clock is ahead of this process's, in milliseconds, as the last answer told.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerClock(Arc<AtomicI64>);

impl ServerClock {
    pub(crate) fn now(&self) -> SystemTime {
        let (own, ahead_ms) = (SystemTime::now(), self.0.load(Ordering::Relaxed));
        let difference = Duration::from_millis(ahead_ms.unsigned_abs());
        match ahead_ms {
            _ if ahead_ms.unsigned_abs() < TOLERANCE_MS => own,
            0.. => own + difference,
            _ => own - difference,
        }
    }

    fn note(&self, server: SystemTime) {
        let ahead_ms = match server.duration_since(SystemTime::now()) {
            Ok(ahead) => ahead.as_millis() as i64,
            Err(behind) => -(behind.duration().as_millis() as i64),
        };
        self.0.store(ahead_ms, Ordering::Relaxed);
    }
}

impl Store {
    /// The time by S3's clock, as its last answer told; a process that had none yet knows only its own.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.inner.clock.now()
    }
}

impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = date_of(context)
            && let Ok(date) = SystemTime::try_from(date)
        {
            self.note(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_put_right_and_a_little_lateness_is_not_taken_for_that() {
        let hour = Duration::from_secs(3600);
        let clock = ServerClock::default();
        for (server, expected) in [
            (SystemTime::now() + hour, SystemTime::now() + hour),
            (SystemTime::now() - hour, SystemTime::now() - hour),
            (SystemTime::now() - hour / 120, SystemTime::now()),
        ] {
            clock.note(server);
            let off = clock.now().duration_since(expected);
            let off = off.unwrap_or_else(|early| early.duration());
            assert!(off < hour / 240, "{off:?}");
        }
    }
}
