//! `GET /api/openapi.json`: what the API is, for programs that write clients or tests.
//!
//! The document is made of the annotations that stand before the handlers, by the router that leads to
//! them: nothing can be routed and not be described. Which error codes a route answers with, `errors!`
//! says beside it.

use axum::Extension;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::error_code::{ErrorAnswer, errors};

/// What the document says of the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "AssetLab",
        description = "Upload a video, watch it at a quality that adapts to the network. Viewing needs no \
            token: ids cannot be guessed. Every error has one shape, and a method that an address does not \
            know is answered with 405 and `method_not_allowed`. GET routes answer HEAD, too."
    ),
    components(schemas(ErrorAnswer)),
    modifiers(&Bearer)
)]
pub(crate) struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The admin token; for what uploads, that of an upload link will do.",
            ));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme.build()));
    }
}

/// The document as it is sent.
#[derive(Clone)]
pub(crate) struct Document(Bytes);

impl Document {
    /// Says of all answers what holds for all.
    pub(crate) fn of(described: &utoipa::openapi::OpenApi) -> Self {
        let mut document = serde_json::to_value(described).expect("it has only string keys");
        let request_id = json!({
            "description": "Finds the request in the server's log.",
            "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
        });
        let operations = document["paths"]
            .as_object_mut()
            .into_iter()
            .flat_map(|paths| paths.values_mut())
            .filter_map(Value::as_object_mut)
            .flat_map(|path| path.values_mut());
        for operation in operations {
            let responses = operation["responses"].as_object_mut();
            for response in responses.into_iter().flat_map(|all| all.values_mut()) {
                response["headers"]["X-Request-Id"] = request_id.clone();
            }
        }
        Self(document.to_string().into())
    }
}

errors!(DocumentErrors: Internal);

/// This document
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    responses(
        (status = 200, description = "An OpenAPI 3.1 document", body = Value),
        DocumentErrors,
    )
)]
pub(crate) async fn document(Extension(document): Extension<Document>) -> impl IntoResponse {
    const HEADERS: [(HeaderName, &str); 2] = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (HEADERS, document.0)
}
