//! Counts every attempt at a request to S3, the SDK's own repetitions included.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::metrics::{S3_REQUESTS, S3_SENT_BYTES, S3Result};

/// The interceptor.
#[derive(Debug)]
pub(crate) struct RequestCount;

impl Intercept for RequestCount {
    fn name(&self) -> &'static str {
        "RequestCount"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("other", Metadata::name);
        let attempt = Attempt {
            operation: operation.to_owned(),
            body_len_bytes: context.request().body().content_length().unwrap_or(0),
            is_counted: AtomicBool::new(false),
        };
        config.interceptor_state().store_put(attempt);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(attempt) = config.load::<Attempt>() else {
            return Ok(());
        };
        let status = context.response().map(|answer| answer.status().as_u16());
        let is_failed = context.output_or_error().is_some_and(|made| made.is_err());
        match (status, is_failed) {
            (Some(status), _) => attempt.count(result_of(status, is_failed)),
            (None, true) => attempt.count(S3Result::NoAnswer),
            // Only signed, not sent: a URL for someone else.
            (None, false) => attempt.is_counted.store(true, Ordering::Relaxed),
        }
        Ok(())
    }
}

fn result_of(status: u16, is_failed: bool) -> S3Result {
    match status {
        409 | 412 => S3Result::PreconditionFailed,
        404 => S3Result::NotFound,
        429 | 503 => S3Result::Throttled,
        304 => S3Result::Ok,
        400..=499 => S3Result::ClientError,
        // S3 may announce success and then describe a failure (`CompleteMultipartUpload`).
        100..=399 if !is_failed => S3Result::Ok,
        _ => S3Result::ServerError,
    }
}

/// One attempt on its way. Where nobody waits for its answer any more, it is counted as it is dropped.
#[derive(Debug)]
struct Attempt {
    operation: String,
    body_len_bytes: u64,
    is_counted: AtomicBool,
}

impl Storable for Attempt {
    type Storer = StoreReplace<Self>;
}

impl Attempt {
    fn count(&self, result: S3Result) {
        if self.is_counted.swap(true, Ordering::Relaxed) {
            return;
        }
        S3_REQUESTS.inc([&self.operation, result.as_str()]);
        if result == S3Result::Ok && matches!(&*self.operation, "PutObject" | "UploadPart") {
            S3_SENT_BYTES.add([&self.operation], self.body_len_bytes);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.count(S3Result::NoAnswer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_who_has_to_act() {
        let results = [200, 206, 304, 404, 412, 403, 409, 429, 503, 500]
            .map(|status| result_of(status, status >= 300).as_str());
        assert_eq!(
            results,
            [
                "ok",
                "ok",
                "ok",
                "not_found",
                "precondition_failed",
                "client_error",
                "precondition_failed",
                "throttled",
                "throttled",
                "server_error"
            ]
        );
        assert_eq!(result_of(200, true), S3Result::ServerError);
    }
}
