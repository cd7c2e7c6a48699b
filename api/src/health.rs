//! For whoever restarts and balances these servers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::App;
use crate::error::ApiError;

/// The process answers.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Both buckets answer too.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    match app.store.ready().await {
        Ok(()) => Ok(Json(json!({ "status": "ready" }))),
        Err(error) => Err(ApiError::StorageUnavailable(error.into())),
    }
}
