//! Headers on every answer: who may call from where, and what a page may do.

use std::future::{Ready, ready};
use std::time::Duration;

use axum::http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use store::{Store, VideoId};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::request_log::REQUEST_ID;
use crate::{CorsOrigins, Origin};

/// Which pages of other origins may call.
pub(crate) fn cors(origins: &CorsOrigins) -> CorsLayer {
    let open = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH])
        .expose_headers([ETAG, RETRY_AFTER, REQUEST_ID])
        .max_age(Duration::from_secs(3600));
    match origins {
        CorsOrigins::SameOrigin => CorsLayer::new(),
        CorsOrigins::Listed(list) => {
            open.allow_origin(AllowOrigin::list(list.iter().map(header_value)))
        }
        CorsOrigins::Any => open.allow_origin(Any),
    }
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

/// What a browser may do with an answer: pages load scripts from here alone, media also from the
/// buckets. hls.js feeds the player through a blob.
pub(crate) fn security(
    media_origins: &[Origin],
) -> impl Fn(Response) -> Ready<Response> + Clone + use<> {
    let media: String = media_origins
        .iter()
        .map(|origin| format!(" {origin}"))
        .collect();
    let policy = format!(
        "default-src 'self'; img-src 'self'{media}; media-src 'self' blob:{media}; \
         connect-src 'self'{media}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    );
    let policy = HeaderValue::from_str(&policy).expect("origins are visible ASCII");
    move |mut response| {
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        ready(response)
    }
}

fn header_value(origin: &Origin) -> HeaderValue {
    HeaderValue::from_str(&origin.to_string())
        .expect("an origin was parsed as a URI: visible ASCII")
}
