//! AssetLab's HTTP side: uploads, statuses, links and playlists, and the pages.
//!
//! [`router`] turns an [`App`] into an axum router; `assetlab-api` serves it alone, `assetlab` next
//! to its embedded S3. Nothing that must last is kept between requests, only what rates were counted
//! and what was read of S3: any number of these servers work on the same buckets.
//!
//! Invariants: an upload uses constant memory and, when it fails, takes its multipart upload back
//! (where S3 or the end of the process keep it from that, the sweep does); a playlist is never a
//! redirect (HLS authoring specification 8.18); no token, query string or presigned URL reaches the
//! log.

mod arriving;
mod auth;
mod client_address;
mod config;
mod direct_upload;
mod error;
mod error_code;
mod event_slots;
mod events;
mod extras;
mod filename;
mod form_gap;
mod headers;
mod health;
mod hls;
mod json_body;
mod linger;
mod link_preview;
mod link_token;
mod log;
mod metrics;
mod oembed;
mod openapi;
mod origin;
mod pages;
mod rates;
mod request_log;
mod revalidation;
mod serve;
mod sniff;
mod status_reads;
mod status_watch;
mod tus;
mod upload;
mod upload_links;
mod video;
mod videos;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use axum::{Extension, Router};
use store::{BacklogWatch, Store, VideoList};
use tokio::sync::{Notify, Semaphore};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use auth::{AdminToken, EmptyToken};
pub use client_address::{NotANetwork, TrustedProxies};
pub use config::HttpArgs;
pub use log::{LogArgs, LogFormat};
pub use origin::{CorsOrigins, NotAnOrigin, Origin};
pub use pages::{Pages, PagesError};
pub use rates::{NotARate, Rate, RateArgs};
pub use serve::{BindError, bind, serve, stop_signal};

use error::ApiError;
use event_slots::EventSlots;
use link_token::LinkKey;
use rates::{RateClock, Rates};
use status_reads::StatusReads;
use status_watch::StatusWatch;

/// What the routes work with.
pub struct App {
    store: Store,
    admin_token: AdminToken,
    link_key: LinkKey,
    pages: Option<Pages>,
    public_url: Option<Origin>,
    cors_origins: CorsOrigins,
    max_upload_bytes: u64,
    /// One for each upload that there is memory for.
    upload_slots: Arc<Semaphore>,
    upload_idle_timeout: Duration,
    rates: Rates,
    /// Who appends to resumable uploads.
    writers: Arc<tus::Writers>,
    /// Where browsers find the buckets, unless that is here.
    media_origins: Vec<Origin>,
    frame_ancestors: CorsOrigins,
    videos: VideoList,
    status_reads: StatusReads,
    status_watch: StatusWatch,
    event_slots: Arc<EventSlots>,
    queued: Arc<Notify>,
    backlog: BacklogWatch,
}

impl App {
    /// Puts the parts together. `pages` is the built frontend, where this server is to show it.
    ///
    /// # Errors
    /// [`store::Error::Settings`] where no URL can be signed with the store's credentials.
    pub async fn new(
        store: Store,
        admin_token: AdminToken,
        pages: Option<Pages>,
        http: &HttpArgs,
    ) -> Result<Self, store::Error> {
        if http.cors_origins == CorsOrigins::SameOrigin {
            tracing::info!(
                "CORS_ORIGINS is unset: only pages of this server's own origin may call the API"
            );
        }
        Ok(Self {
            media_origins: headers::media_origins(&store).await?,
            backlog: BacklogWatch::new(store.clone()),
            videos: VideoList::new(store.clone()),
            status_reads: StatusReads::new(store.clone()),
            status_watch: StatusWatch::new(store.clone()),
            event_slots: Arc::new(EventSlots::new(
                http.max_event_streams,
                http.max_event_streams_per_address,
            )),
            store,
            link_key: admin_token.link_key(),
            admin_token,
            pages,
            public_url: http.public_url.clone(),
            cors_origins: http.cors_origins.clone(),
            frame_ancestors: http.frame_ancestors.clone(),
            max_upload_bytes: http.max_upload_bytes,
            upload_slots: Arc::new(Semaphore::new(http.max_uploads.into())),
            upload_idle_timeout: http.upload_idle_timeout,
            rates: Rates::new(&http.rates, &RateClock::monotonic()),
            writers: Arc::default(),
            queued: Arc::default(),
        })
    }

    /// Measures rates by another clock than this process's own: `now` tells the time since any fixed
    /// moment. Forgets what was counted.
    #[must_use]
    pub fn with_rate_clock(
        mut self,
        rates: &RateArgs,
        now: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        self.rates = Rates::new(rates, &RateClock::new(now));
        self
    }

    /// Notified when a video was queued, for a worker nearby that then need not look for it. One
    /// notification may stand for several videos.
    #[must_use]
    pub fn queued(&self) -> Arc<Notify> {
        Arc::clone(&self.queued)
    }
}

/// All routes of the API and, for every other path, the pages. [`serve`] tells them each request's peer, and event
/// streams to end when it stops; without it all clients are one as far as rates go.
pub fn router(app: App) -> Router {
    // What a form adds around its file: boundaries, headers, small fields.
    let form_limit_bytes = app.max_upload_bytes.saturating_add(1 << 20);
    let upload = OpenApiRouter::new()
        .routes(routes!(upload::upload))
        .layer(DefaultBodyLimit::max(
            usize::try_from(form_limit_bytes).unwrap_or(usize::MAX),
        ))
        .layer(map_request(linger::linger));
    let links = OpenApiRouter::new().routes(routes!(upload_links::create));
    let tus = OpenApiRouter::new()
        .routes(routes!(tus::create))
        .routes(routes!(
            tus::offset,
            tus::append,
            tus::append_by_post,
            tus::terminate
        ))
        .layer(from_fn(tus::speak))
        .layer(map_request(linger::linger));
    let playlists = OpenApiRouter::new()
        .routes(routes!(hls::playlist))
        .layer(CompressionLayer::new());
    let videos = OpenApiRouter::new()
        .routes(routes!(video::link, video::delete))
        .routes(routes!(video::status))
        .routes(routes!(events::events))
        .routes(routes!(video::rung_or_sheet))
        .routes(routes!(extras::poster))
        .routes(routes!(extras::storyboard))
        .routes(routes!(extras::subtitles))
        .routes(routes!(videos::list))
        .routes(routes!(oembed::oembed));
    let service = OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::show))
        .routes(routes!(openapi::document));
    let (described, description) = OpenApiRouter::with_openapi(openapi::Api::openapi())
        .merge(upload)
        .merge(tus)
        .merge(links)
        .merge(direct_upload::routes())
        .merge(playlists)
        .merge(videos)
        .merge(service)
        .split_for_parts();
    let pages = Router::new()
        .fallback(pages::fallback)
        .layer(CompressionLayer::new());

    let max_upload_bytes = app.max_upload_bytes;
    let cors = headers::cors(&app.cors_origins);
    let security = headers::Security::new(&app.media_origins, &app.frame_ancestors);
    described
        .layer(Extension(openapi::Document::of(&description)))
        .merge(pages)
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(CatchPanicLayer::custom(request_log::answer_panic))
        .layer(cors)
        .layer(from_fn(move |request, next| {
            tus::describe(max_upload_bytes, request, next)
        }))
        .layer(from_fn_with_state(security, headers::secure))
        .layer(from_fn(request_log::log_request))
        .with_state(Arc::new(app))
}
