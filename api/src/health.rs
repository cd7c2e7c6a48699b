//! For whoever restarts and balances these servers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::error::ApiError;
use crate::error_code::errors;

/// Nothing is wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    status: &'static str,
}

errors!(LiveErrors: Internal);

/// The process answers
#[utoipa::path(
    get,
    path = "/healthz",
    responses((status = 200, body = Health, description = "It does"), LiveErrors)
)]
pub(crate) async fn live() -> Json<Health> {
    Json(Health { status: "ok" })
}

errors!(ReadyErrors: StorageUnavailable, Internal);

/// Both buckets answer, too
#[utoipa::path(
    get,
    path = "/readyz",
    responses((status = 200, body = Health, description = "They do"), ReadyErrors)
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Health>, ApiError> {
    match app.store.ready().await {
        Ok(()) => Ok(Json(Health { status: "ready" })),
        Err(error) => Err(ApiError::StorageUnavailable(error.into())),
    }
}
