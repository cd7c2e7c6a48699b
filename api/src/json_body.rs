//! Bodies of JSON: small, and refused like everything else.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::App;
use crate::error::ApiError;

/// The longest, a hundred part numbers, has less than 1 KiB.
const MOST_BYTES: usize = 64 << 10;

/// A body of JSON, whatever its content type says; an empty one is an empty object. All of it comes within
/// `UPLOAD_IDLE_TIMEOUT`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let limit_bytes = MOST_BYTES;
        DefaultBodyLimit::max(limit_bytes).apply(&mut request);
        let body = Bytes::from_request(request, app);
        let body = match timeout(app.upload_idle_timeout, body).await {
            Ok(Ok(body)) => body,
            Ok(Err(refusal)) if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(ApiError::BodyTooLarge { limit_bytes });
            }
            Ok(Err(_)) => return Err(ApiError::BadJson("it breaks off".to_owned())),
            Err(_) => return Err(ApiError::BadJson("it does not end in time".to_owned())),
        };
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // Types made by derive would take the values of an array for their fields.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(ApiError::BadJson("it is no object".to_owned()));
        }
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|error| ApiError::BadJson(error.to_string()))
    }
}
