//! Origins: where this server is reached, and which other pages may call it.

use std::fmt;
use std::str::FromStr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use store::PresignedUrl;

use crate::App;
use crate::error::ApiError;

/// `scheme://host[:port]`, with nothing after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Text that is not an origin.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an origin: write it like https://video.example.org, without a path")]
pub struct NotAnOrigin(String);

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAnOrigin(text.to_owned());
        let uri: Uri = text.trim().parse().map_err(|_| refused())?;
        let scheme = uri.scheme_str().ok_or_else(refused)?;
        let authority = uri.authority().ok_or_else(refused)?;
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        if !bare || !matches!(scheme, "http" | "https") {
            return Err(refused());
        }
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Origin {
    /// The origin of a URL.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        Some(Self(format!(
            "{}://{}",
            uri.scheme_str()?,
            uri.authority()?
        )))
    }

    /// The origin under which the client that sent this request reaches the server.
    pub(crate) fn of_server(app: &App, headers: &HeaderMap) -> Result<Self, ApiError> {
        match &app.public_url {
            Some(origin) => Ok(origin.clone()),
            None => Self::of_request(headers),
        }
    }

    /// The origin a request was sent to, by its Host header. Behind a proxy that ends TLS the
    /// scheme is not known here: `PUBLIC_URL` exists for that.
    fn of_request(headers: &HeaderMap) -> Result<Self, ApiError> {
        let host = headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .and_then(|host| host.parse::<Authority>().ok())
            .filter(|authority| !authority.as_str().contains('@'))
            .ok_or(ApiError::BadHost)?;
        Ok(Self(format!("http://{host}")))
    }
}

/// Where presigned URLs lead, as a request's client can use them.
pub(crate) struct LinkOrigin(Option<Origin>);

impl LinkOrigin {
    /// An embedded S3 is reached through this very server, under whatever name the client uses.
    pub(crate) fn of(app: &App, headers: &HeaderMap) -> Result<Self, ApiError> {
        let is_here = app.store.settings().origin_relative_urls;
        let origin = is_here.then(|| Origin::of_server(app, headers)).transpose();
        origin.map(Self)
    }

    pub(crate) fn absolute(&self, url: &PresignedUrl) -> String {
        match &self.0 {
            Some(origin) => format!("{origin}{}", url.origin_relative()),
            None => url.expose().to_owned(),
        }
    }
}

/// A presigned URL as this request's client can use it.
pub(crate) fn absolute_url(
    app: &App,
    headers: &HeaderMap,
    url: &PresignedUrl,
) -> Result<String, ApiError> {
    Ok(LinkOrigin::of(app, headers)?.absolute(url))
}

/// Which pages of other origins may call the API. The token travels in a header, never in a
/// cookie, so that a foreign page can do no more than anyone who knows the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CorsOrigins {
    /// None but the server's own.
    #[default]
    SameOrigin,
    /// These.
    Listed(Vec<Origin>),
    /// Every page (`*`).
    Any,
}

impl FromStr for CorsOrigins {
    type Err = NotAnOrigin;

    /// Reads a comma-separated list; empty means same origin only.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let origins: Vec<&str> = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        match origins.as_slice() {
            [] => Ok(Self::SameOrigin),
            ["*"] => Ok(Self::Any),
            listed => listed
                .iter()
                .map(|origin| origin.parse())
                .collect::<Result<_, _>>()
                .map(Self::Listed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_a_scheme_a_host_and_nothing_else() {
        for good in [
            "http://localhost:5173",
            "https://video.example.org",
            "http://[::1]:3000",
        ] {
            assert_eq!(good.parse::<Origin>().unwrap().to_string(), good);
        }
        assert_eq!(
            "https://a.example/".parse::<Origin>().unwrap().to_string(),
            "https://a.example"
        );
        for bad in [
            "",
            "a.example",
            "ftp://a.example",
            "https://a.example/path",
            "https://u:p@a.example",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn cors_list_is_closed_unless_it_says_otherwise() {
        assert_eq!("".parse::<CorsOrigins>().unwrap(), CorsOrigins::SameOrigin);
        assert_eq!(" * ".parse::<CorsOrigins>().unwrap(), CorsOrigins::Any);
        assert!("https://a.example,*".parse::<CorsOrigins>().is_err());
        assert!(
            matches!("https://a.example, http://b.example".parse().unwrap(), CorsOrigins::Listed(list) if list.len() == 2)
        );
    }
}
