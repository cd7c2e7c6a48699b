//! Headers on every answer: who may call from where, and what a page may do.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use store::{Store, VideoId};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::events::LAST_EVENT_ID;
use crate::request_log::REQUEST_ID;
use crate::tus;
use crate::{CorsOrigins, Origin};

/// Which pages of other origins may call.
pub(crate) fn cors(origins: &CorsOrigins) -> CorsLayer {
    let open = CorsLayer::new()
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
            // By which a page asks what tus can do here; a preflight of it asks for this method.
            Method::OPTIONS,
        ])
        .allow_headers(with_tus(&[
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_NONE_MATCH,
            LAST_EVENT_ID,
        ]))
        .expose_headers(with_tus(&[ETAG, RETRY_AFTER, REQUEST_ID, LOCATION]))
        .max_age(Duration::from_secs(3600));
    match origins {
        CorsOrigins::SameOrigin => CorsLayer::new(),
        CorsOrigins::Listed(list) => {
            open.allow_origin(AllowOrigin::list(list.iter().map(header_value)))
        }
        CorsOrigins::Any => open.allow_origin(Any),
    }
}

/// Pages that upload by tus send and read the protocol's own headers.
fn with_tus(headers: &[HeaderName]) -> Vec<HeaderName> {
    [headers, &tus::header::all()].concat()
}

/// Where browsers find the two buckets; nowhere else than here where this server carries them.
///
/// # Errors
/// Where no URL can be signed.
pub(crate) async fn media_origins(store: &Store) -> Result<Vec<Origin>, store::Error> {
    let settings = store.settings();
    if settings.origin_relative_urls {
        return Ok(Vec::new());
    }
    let url = store.original_url(VideoId::new()).await?;
    let Some(raw) = Origin::of_url(url.expose()) else {
        return Ok(Vec::new());
    };
    // In virtual-hosted style each bucket has a host of its own.
    let video = Origin::of_url(&raw.to_string().replacen(
        &format!("://{}.", settings.raw_bucket),
        &format!("://{}.", settings.video_bucket),
        1,
    ));
    Ok(match video {
        Some(video) if video != raw => vec![raw, video],
        _ => vec![raw],
    })
}

/// What a browser may do with an answer.
#[derive(Clone)]
pub(crate) struct Security {
    page: HeaderValue,
    embedded_page: HeaderValue,
}

/// JSON that is opened as a page shows text and does nothing.
const JSON_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// What no page here ever needs.
const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

impl Security {
    /// Pages load scripts from here alone, media also from the buckets; hls.js feeds the player through a
    /// blob. Only what is made for it can be framed by others.
    pub(crate) fn new(media_origins: &[Origin], frame_ancestors: &CorsOrigins) -> Self {
        let media: String = media_origins
            .iter()
            .map(|origin| format!(" {origin}"))
            .collect();
        let page = |ancestors: &str| {
            let policy = format!(
                "default-src 'self'; img-src 'self'{media}; media-src 'self' blob:{media}; \
                 connect-src 'self'{media}; object-src 'none'; base-uri 'none'; form-action 'self'; \
                 frame-ancestors {ancestors}"
            );
            HeaderValue::from_str(&policy).expect("origins are visible ASCII")
        };
        let ancestors = match frame_ancestors {
            CorsOrigins::SameOrigin => "'self'".to_owned(),
            CorsOrigins::Listed(list) => list
                .iter()
                .fold("'self'".to_owned(), |all, origin| format!("{all} {origin}")),
            CorsOrigins::Any => "*".to_owned(),
        };
        Self {
            page: page("'self'"),
            embedded_page: page(&ancestors),
        }
    }

    fn policy(&self, path: &str, content_type: Option<&HeaderValue>) -> HeaderValue {
        if content_type.is_some_and(|content_type| content_type == "application/json") {
            JSON_POLICY
        } else if path.starts_with("/embed/") {
            self.embedded_page.clone()
        } else {
            self.page.clone()
        }
    }
}

/// Sets the headers of every answer.
pub(crate) async fn secure(
    State(security): State<Security>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = security.policy(&path, headers.get(CONTENT_TYPE));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn header_value(origin: &Origin) -> HeaderValue {
    HeaderValue::from_str(&origin.to_string())
        .expect("an origin was parsed as a URI: visible ASCII")
}
