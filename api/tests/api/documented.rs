//! Holds every answer that any test of this suite gets to the OpenAPI document.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tower::ServiceExt;

/// Errors are a few lines.
const LONGEST_ERROR_BYTES: usize = 64 << 10;

/// The router, whose answers become a 500 that says so where the document does not know them.
pub(crate) async fn documented(router: Router) -> Router {
    let ask = Request::get("/api/openapi.json").body(Body::empty());
    let answer = router.clone().oneshot(ask.unwrap()).await.unwrap();
    let document = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let document: Arc<Value> = Arc::new(serde_json::from_slice(&document).unwrap());
    router.layer(from_fn_with_state(document, check))
}

async fn check(State(document): State<Arc<Value>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    // Pages are no part of the API, and preflights are answered before it.
    let Some(route) = route.filter(|_| method != Method::OPTIONS) else {
        return response;
    };
    let path = &document["paths"][route.as_str()];
    let operation = match &path[method.as_str().to_lowercase()] {
        // What answers GET answers HEAD.
        Value::Null if method == Method::HEAD => &path["get"],
        operation => operation,
    };
    let status = response.status();
    if operation.is_null() && status == StatusCode::METHOD_NOT_ALLOWED && path.is_object() {
        return response;
    }
    let described = &operation["responses"][status.as_str()];
    let (parts, body) = response.into_parts();
    let (code, body) = if status.is_client_error() || status.is_server_error() {
        let bytes = to_bytes(body, LONGEST_ERROR_BYTES).await.unwrap();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        (Some(answer["error"]["code"].clone()), Body::from(bytes))
    } else {
        (None, body)
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.map_or("", |value| value.to_str().unwrap());
    let known = described.is_object()
        && match &code {
            // HEAD has no body to look into.
            Some(code) => code.is_null() || described.to_string().contains(&code.to_string()),
            None => content_type.is_empty() || described["content"][content_type].is_object(),
        };
    if known {
        return Response::from_parts(parts, body);
    }
    let complaint = format!(
        "not in the OpenAPI document: {method} {} {status} {content_type} {code:?}",
        route.as_str()
    );
    eprintln!("{complaint}");
    (StatusCode::INTERNAL_SERVER_ERROR, complaint).into_response()
}
