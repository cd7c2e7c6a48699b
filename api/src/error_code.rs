//! The closed set of error codes, and what the OpenAPI document says of them.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Response, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! error_codes {
    (@status $name:ident) => { StatusCode::$name };
    // One that HTTP has no name for.
    (@status $number:literal) => { StatusCode::from_u16($number).expect("three digits") };
    ($($code:ident $name:literal $status:tt $meaning:literal)*) => {
        /// What went wrong, for programs: a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub(crate) enum ErrorCode {
            $(#[serde(rename = $name)] $code,)*
        }

        impl ErrorCode {
            pub(crate) const ALL: &[Self] = &[$(Self::$code),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$code => error_codes!(@status $status),)* }
            }

            pub(crate) fn meaning(self) -> &'static str {
                match self { $(Self::$code => $meaning,)* }
            }
        }
    };
}

// The README has a row for each.
error_codes! {
    BadHost "bad_host" BAD_REQUEST "the request has no usable `Host`, and the server no `PUBLIC_URL`"
    BrokenForm "broken_form" BAD_REQUEST "the form breaks off or cannot be read"
    BadJson "bad_json" BAD_REQUEST "the request's JSON cannot be read"
    BadQuery "bad_query" BAD_REQUEST "a parameter of the query cannot be read"
    BadHeader "bad_header" BAD_REQUEST "a header is missing or cannot be taken; the message names it"
    Unauthorized "unauthorized" UNAUTHORIZED "there is no token, or a wrong one"
    LinkExpired "link_expired" UNAUTHORIZED "the upload link has expired"
    NotFound "not_found" NOT_FOUND "there is no such video, quality, upload or address"
    Deleted "deleted" NOT_FOUND "the video was deleted: said of its status, in the days after"
    Uploading "uploading" NOT_FOUND "the video is still being uploaded: said of its status"
    NotReady "not_ready" NOT_FOUND "the video is not transcoded yet"
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "the address does not answer to this method"
    IdleTimeout "idle_timeout" REQUEST_TIMEOUT "nothing of the upload came for `UPLOAD_IDLE_TIMEOUT`"
    LinkSpent "link_spent" CONFLICT "the upload link has been used already"
    PartsMissing "parts_missing" CONFLICT "parts of the upload have not arrived, or not whole: `missing` has their numbers"
    UploadComplete "upload_complete" CONFLICT "the upload is complete: there is a video to delete in its place"
    OffsetDiffers "offset_differs" CONFLICT "a resumable upload stands at another offset: ask for it by HEAD"
    Gone "gone" GONE "the video was deleted, or its upload expired or was begun anew, while it was on its way"
    TusVersion "tus_version" PRECONDITION_FAILED "`Tus-Resumable` is not `1.0.0`"
    TooLarge "too_large" PAYLOAD_TOO_LARGE "the file is larger than `MAX_UPLOAD_BYTES`, or than its link allows"
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "the request's JSON is too large"
    NotAForm "not_a_form" UNSUPPORTED_MEDIA_TYPE "the upload is not `multipart/form-data`"
    NotAnOffsetStream "not_an_offset_stream" UNSUPPORTED_MEDIA_TYPE "the bytes are not `application/offset+octet-stream`"
    NotAVideo "not_a_video" UNSUPPORTED_MEDIA_TYPE "the file's first bytes show that it is no video"
    NoFile "no_file" UNPROCESSABLE_ENTITY "the form has no file in the field `file`"
    SeveralFiles "several_files" UNPROCESSABLE_ENTITY "the form has several files"
    PartsAtATime "parts_at_a_time" UNPROCESSABLE_ENTITY "no URL is asked for, or too many at a time"
    OutOfRange "out_of_range" UNPROCESSABLE_ENTITY "a number is too small or too large; the message names both ends"
    RateLimited "rate_limited" TOO_MANY_REQUESTS "too many requests from this address, or with this token"
    TakenOver "taken_over" LOCKED "another request goes on with the resumable upload: ask for its offset by HEAD"
    ChecksumMismatch "checksum_mismatch" 460 "the bytes do not have the sum in `Upload-Checksum`, and are not kept"
    Internal "internal" INTERNAL_SERVER_ERROR "something went wrong on the server; its log says what, by the answer's `X-Request-Id`"
    OtherFormat "other_format" NOT_IMPLEMENTED "oEmbed is asked for in another format than JSON"
    Busy "busy" SERVICE_UNAVAILABLE "the server receives as many uploads, or sends as many event streams, as it can"
    StorageUnavailable "storage_unavailable" SERVICE_UNAVAILABLE "S3 does not answer"
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let meanings: String = Self::ALL
            .iter()
            .map(|code| {
                let status = code.status().as_u16();
                format!("\n- `{}` ({status}): {}", code.name(), code.meaning())
            })
            .collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.name())))
            .description(Some(format!(
                "A code never changes its meaning.\n{meanings}"
            )))
            .into()
    }
}

impl ToSchema for ErrorCode {}

/// The body of every error.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorAnswer {
    pub(crate) error: ErrorDetail,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    pub(crate) code: ErrorCode,
    /// One sentence, for people.
    pub(crate) message: String,
    /// With `parts_missing` alone: the numbers of the parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Vec<u16>>,
}

/// Names the error codes that a route can answer with, for its `responses(…)`:
/// `errors!(StatusErrors: NotFound, StorageUnavailable, Internal);`
macro_rules! errors {
    ($name:ident: $($code:ident),+) => {
        struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::error_code::responses(&[$($crate::error_code::ErrorCode::$code),+])
            }
        }
    };
}
pub(crate) use errors;

/// A response for each status that these codes have.
pub(crate) fn responses(codes: &[ErrorCode]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status = BTreeMap::<String, Vec<ErrorCode>>::new();
    for code in codes {
        let status = code.status().as_str().to_owned();
        by_status.entry(status).or_default().push(*code);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status, response(&codes).into()))
        .collect()
}

fn response(codes: &[ErrorCode]) -> Response {
    let status = codes[0].status();
    let description: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.name(), code.meaning()))
        .collect();
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let mut headers = json!({});
    if status == StatusCode::UNAUTHORIZED {
        headers["WWW-Authenticate"] = text("Always `Bearer`.");
    }
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        headers["Retry-After"] = json!({
            "description": "Seconds to wait before the next try.",
            "schema": { "type": "integer", "minimum": 0 },
        });
    }
    let some_code = json!({ "type": "object", "properties": { "error": {
        "type": "object",
        "properties": { "code": { "type": "string", "enum": codes } },
    } } });
    let response = json!({
        "description": description.join(" "),
        "headers": headers,
        "content": { "application/json": { "schema": {
            "allOf": [{ "$ref": "#/components/schemas/Error" }, some_code],
        } } },
    });
    serde_json::from_value(response).expect("a response object of OpenAPI")
}
