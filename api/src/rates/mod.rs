//! How often clients may do what costs: begin uploads, have URLs signed, show wrong tokens.
//!
//! Counted in this process's memory: several servers let through as many times as much, and a restart
//! forgets. Limits are for each client's address and, where there is a token, for each token.

mod cells;
mod limiter;
mod quota;

use std::convert::Infallible;
use std::sync::{Arc, Once};

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use store::VideoId;
use store::metrics::RateKind;

pub(crate) use limiter::RateClock;
pub use quota::{NotARate, Rate};

use crate::App;
use crate::auth::Uploader;
use crate::client_address::{ClientAddress, TrustedProxies};
use crate::error::ApiError;
use limiter::Limiter;

/// How often what may be done.
#[derive(Debug, Clone, clap::Args)]
pub struct RateArgs {
    /// Uploads and upload links that one address may begin, such as `300/5m`: 300 at once, and as many
    /// again spread over each 5 minutes. `off`: any number.
    #[arg(long, env = "UPLOAD_RATE", default_value = "300/5m")]
    pub upload_rate: Rate,

    /// As UPLOAD_RATE, for each token, from all addresses together.
    #[arg(long, env = "UPLOAD_RATE_PER_TOKEN", default_value = "600/5m")]
    pub upload_rate_per_token: Rate,

    /// Links and playlists that one address may ask for, each of which signs URLs, event streams and pictures.
    #[arg(long, env = "SIGNING_RATE", default_value = "6000/1m")]
    pub signing_rate: Rate,

    /// As SIGNING_RATE, for each token: URLs of upload parts.
    #[arg(long, env = "SIGNING_RATE_PER_TOKEN", default_value = "6000/1m")]
    pub signing_rate_per_token: Rate,

    /// Wrong tokens that one address may show before more are refused unread for a while: the right one, too,
    /// where ADMIN_TOKEN is shorter than 22 characters and might be guessed.
    #[arg(long, env = "FAILED_TOKEN_RATE", default_value = "60/1m")]
    pub failed_token_rate: Rate,

    /// Networks of the proxies before this server, comma separated. Only theirs is the word on who their
    /// client is that stands in X-Forwarded-For or Forwarded. Unset: each connection's peer is the client.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: TrustedProxies,
}

/// Whose token it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Bearer {
    Admin,
    Link(VideoId),
}

/// A limit for addresses and one for tokens.
struct Limit {
    addresses: Limiter<ClientAddress>,
    tokens: Limiter<Bearer>,
}

impl Limit {
    fn count(&self, parts: &Parts, app: &App) -> Result<(), ApiError> {
        self.addresses.count(app.rates.address_of(parts))?;
        match Uploader::of(&parts.headers, app) {
            Ok(Uploader::Admin) => self.tokens.count(Bearer::Admin),
            Ok(Uploader::Link(link)) => self.tokens.count(Bearer::Link(link.id)),
            // Whoever needs a token has seen to that.
            Err(_) => Ok(()),
        }
    }
}

/// All limits, and what was counted.
pub(crate) struct Rates {
    trusted_proxies: TrustedProxies,
    /// That it was said.
    ignored_a_proxy: Once,
    uploads: Limit,
    signing: Limit,
    failed_tokens: Limiter<ClientAddress>,
}

impl Rates {
    pub(crate) fn new(args: &RateArgs, clock: &RateClock) -> Self {
        Self {
            trusted_proxies: args.trusted_proxies.clone(),
            ignored_a_proxy: Once::new(),
            uploads: Limit {
                addresses: Limiter::new(RateKind::Upload, args.upload_rate, clock),
                tokens: Limiter::new(RateKind::UploadToken, args.upload_rate_per_token, clock),
            },
            signing: Limit {
                addresses: Limiter::new(RateKind::Signing, args.signing_rate, clock),
                tokens: Limiter::new(RateKind::SigningToken, args.signing_rate_per_token, clock),
            },
            failed_tokens: Limiter::new(RateKind::FailedToken, args.failed_token_rate, clock),
        }
    }

    fn address_of(&self, parts: &Parts) -> ClientAddress {
        if self.trusted_proxies.ignore_a_proxy(parts) {
            self.ignored_a_proxy.call_once(|| {
                tracing::warn!(
                    "a request came through a proxy that TRUSTED_PROXIES does not name: all of its clients count as \
                     one, which they can use up together"
                );
            });
        }
        ClientAddress::of(parts, &self.trusted_proxies)
    }

    /// Who shows a right token. Too many wrong ones from one address are refused as such; where the right
    /// one might be among the next, it is refused, too, or guessing would go on as before. One that cannot be
    /// guessed always passes: else whoever shares its address could keep it out.
    pub(crate) fn checked(&self, parts: &Parts, app: &App) -> Result<Uploader, ApiError> {
        let address = self.address_of(parts);
        if app.admin_token.is_guessable() {
            self.failed_tokens.look(address)?;
        }
        let checked = Uploader::of(&parts.headers, app);
        if parts.headers.contains_key(AUTHORIZATION)
            && matches!(checked, Err(ApiError::Unauthorized))
        {
            self.failed_tokens.count(address)?;
        }
        checked
    }
}

/// Proof that a request may begin an upload as far as rates go. After the token in a handler's list: who
/// has none shall not use up what others at the same address may do.
pub(crate) struct UploadRate;

impl FromRequestParts<Arc<App>> for UploadRate {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        app.rates.uploads.count(parts, app).map(|()| Self)
    }
}

/// Proof that a request may have URLs signed as far as rates go.
pub(crate) struct SigningRate;

impl FromRequestParts<Arc<App>> for SigningRate {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        app.rates.signing.count(parts, app).map(|()| Self)
    }
}

/// Whose request it is.
pub(crate) struct Caller(pub(crate) ClientAddress);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(app.rates.address_of(parts)))
    }
}
