//! The admin token: what uploads are allowed by.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use subtle::ConstantTimeEq;

use crate::App;
use crate::error::ApiError;

/// The secret that uploaders show as `Authorization: Bearer <token>`. Never printed.
#[derive(Clone)]
pub struct AdminToken(String);

impl AdminToken {
    /// Whether `shown` is this token, in a time that does not depend on where the two differ.
    fn matches(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
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
        let shown = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().split_at_checked("Bearer ".len()))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, token)| token.trim_ascii());
        match shown {
            Some(token) if app.admin_token.matches(token) => Ok(Self),
            _ => Err(ApiError::Unauthorized),
        }
    }
}
