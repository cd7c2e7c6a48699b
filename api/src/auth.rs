//! Who may upload: who has the admin token, or the token of a link made with it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use store::{UploadInfo, UploadKind, VideoId};
use subtle::ConstantTimeEq;

use crate::App;
use crate::error::ApiError;
use crate::link_token::{LinkKey, UploadLink};

/// As many characters of base64 hold 128 random bits.
const UNGUESSABLE_LEN_BYTES: usize = 22;

/// The secret that uploaders show as `Authorization: Bearer <token>`. Never printed.
#[derive(Clone)]
pub struct AdminToken(String);

impl AdminToken {
    /// Whether `shown` is this token, in a time that does not depend on where the two differ.
    fn matches(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }

    /// Whether it might be found by trying; so might be what links' tokens are signed with then.
    pub(crate) fn is_guessable(&self) -> bool {
        self.0.len() < UNGUESSABLE_LEN_BYTES
    }

    pub(crate) fn link_key(&self) -> LinkKey {
        LinkKey::derive(self.0.as_bytes())
    }
}

impl FromStr for AdminToken {
    type Err = EmptyToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "" => Err(EmptyToken),
            token => Ok(Self(token.to_owned())),
        }
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An admin token that would let everybody in.
#[derive(Debug, thiserror::Error)]
#[error("the admin token is empty: set it to a long random string")]
pub struct EmptyToken;

/// Proof that a request carried the admin token.
pub(crate) struct Admin;

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        match Uploader::from_request_parts(parts, app).await? {
            Uploader::Admin => Ok(Self),
            Uploader::Link(_) => Err(ApiError::Unauthorized),
        }
    }
}

/// An upload that the bearer of the token may go on with: the one whose id is in the path.
pub(crate) struct Continued(pub(crate) VideoId);

impl FromRequestParts<Arc<App>> for Continued {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let uploader = Uploader::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::NoSuchUpload)?;
        let id = params.iter().find(|(key, _)| *key == "id");
        let id = id.and_then(|(_, id)| id.parse().ok());
        let id = id.ok_or(ApiError::NoSuchUpload)?;
        uploader.may_continue(id)?;
        Ok(Self(id))
    }
}

/// Proof that a request may upload: anything, or what its link is for.
#[derive(Debug)]
pub(crate) enum Uploader {
    Admin,
    Link(UploadLink),
}

impl Uploader {
    /// Reads and checks the token, however often that was tried. A link may have expired: see [`begin`](Self::begin).
    pub(crate) fn of(headers: &HeaderMap, app: &App) -> Result<Self, ApiError> {
        let shown = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, token)| token.trim_ascii())
            .ok_or(ApiError::Unauthorized)?;
        if app.admin_token.matches(shown) {
            return Ok(Self::Admin);
        }
        let link = app.link_key.verify(shown).ok_or(ApiError::Unauthorized)?;
        Ok(Self::Link(link))
    }

    /// The id of the upload that begins now: a new one, or the one that the link fixes, as long as it
    /// has not expired and its video has not arrived before. A form that was begun with the link is given up:
    /// nobody can go on with it. Whoever creates the upload's info for a
    /// link and finds one there answers [`ApiError::LinkSpent`].
    pub(crate) async fn begin(&self, app: &App) -> Result<VideoId, ApiError> {
        let Self::Link(link) = self else {
            return Ok(VideoId::new());
        };
        if app.store.now() >= link.expires_at {
            return Err(ApiError::LinkExpired);
        }
        app.store.give_up_form(link.id).await?;
        if app.store.has_arrived(link.id).await? {
            return Err(ApiError::LinkSpent);
        }
        Ok(link.id)
    }

    /// What spends a link, for a form.
    pub(crate) fn spending(&self, filename: &str) -> Option<UploadInfo> {
        match self {
            Self::Admin => None,
            Self::Link(link) => {
                let most_bytes = Some(link.max_bytes);
                Some(UploadInfo::new(
                    UploadKind::Form,
                    filename,
                    None,
                    most_bytes,
                ))
            }
        }
    }

    /// Refuses an upload that a link is not for. An expired link is as good as ever for the upload that
    /// was begun with it, which has an end of its own (`UPLOAD_EXPIRY`).
    pub(crate) fn may_continue(&self, id: VideoId) -> Result<(), ApiError> {
        match self {
            Self::Link(link) if link.id != id => Err(ApiError::NoSuchUpload),
            _ => Ok(()),
        }
    }

    /// The most bytes that this upload may have.
    pub(crate) fn max_bytes(&self, app: &App) -> u64 {
        match self {
            Self::Admin => app.max_upload_bytes,
            // The server's limit may have been lowered since.
            Self::Link(link) => link.max_bytes.min(app.max_upload_bytes),
        }
    }
}

impl FromRequestParts<Arc<App>> for Uploader {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        app.rates.checked(parts, app)
    }
}
