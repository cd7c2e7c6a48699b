//! For whoever restarts and balances these servers.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::App;
use crate::error::ApiError;

/// Longer, and a balancer has given up on the answer.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// The process answers.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Both buckets answer too.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    match tokio::time::timeout(READY_TIMEOUT, app.store.ready()).await {
        Ok(Ok(())) => Ok(Json(json!({ "status": "ready" }))),
        Ok(Err(error)) => Err(ApiError::StorageUnavailable(error.into())),
        Err(elapsed) => Err(ApiError::StorageUnavailable(elapsed.into())),
    }
}
