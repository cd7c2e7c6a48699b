//! `GET /api/oembed`: how other sites show a video that they have the link of (oembed.com).

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use store::VideoId;
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::error_code::errors;
use crate::link_preview::LinkPreview;
use crate::pages::Escaped;
use crate::video::status_of;
use crate::{App, Origin};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OembedQuery {
    /// A video's link, as people share it: `…/watch/<id>` or `…/embed/<id>` of this server.
    #[param(format = "uri")]
    url: String,
    /// The player is to be no wider, in pixels.
    #[param(value_type = Option<u32>, minimum = 1)]
    maxwidth: Option<NonZeroU32>,
    /// The player is to be no higher, in pixels.
    #[param(value_type = Option<u32>, minimum = 1)]
    maxheight: Option<NonZeroU32>,
    /// `json`, which is also the default; there is no other.
    format: Option<String>,
}

/// A player for a page of another site.
#[derive(Serialize, ToSchema)]
pub(crate) struct Oembed {
    /// Always `1.0`.
    version: &'static str,
    /// Always `video`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The file's name, without its extension.
    title: String,
    provider_name: &'static str,
    #[schema(format = "uri")]
    provider_url: String,
    /// An `iframe`. Which sites may show it, `FRAME_ANCESTORS` says.
    html: String,
    /// Of the player, in pixels.
    width: u32,
    /// Of the player, in pixels.
    height: u32,
    /// A picture of the video, where there is one.
    #[serde(flatten)]
    thumbnail: Option<Thumbnail>,
}

/// A picture of a video.
#[derive(Serialize, ToSchema)]
pub(crate) struct Thumbnail {
    /// Stays what it is.
    #[schema(format = "uri")]
    thumbnail_url: String,
    /// In pixels.
    thumbnail_width: u32,
    /// In pixels.
    thumbnail_height: u32,
}

errors!(OembedErrors: BadHost, BadQuery, NotFound, OtherFormat, StorageUnavailable, Internal);

/// How another site shows a video (oEmbed 1.0)
#[utoipa::path(
    get,
    path = "/api/oembed",
    params(OembedQuery),
    responses(
        (status = 200, body = Oembed, description = "A player"),
        OembedErrors,
    )
)]
pub(crate) async fn oembed(
    State(app): State<Arc<App>>,
    query: Result<Query<OembedQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::BadQuery(error.body_text()))?;
    if query.format.is_some_and(|format| format != "json") {
        return Err(ApiError::OtherFormat);
    }
    let origin = Origin::of_server(&app, &headers)?;
    let id = video_of(&query.url, &origin).ok_or(ApiError::NoSuchVideo)?;
    let status = status_of(&app, id).await?;
    let preview = LinkPreview::new(&origin, &status.value);
    let shape = preview.shape();
    let size = shape.within(
        query.maxwidth.map(Into::into),
        query.maxheight.map(Into::into),
    );
    let html = format!(
        "<iframe src=\"{}\" width=\"{}\" height=\"{}\" title=\"{}\" frameborder=\"0\" \
         allow=\"autoplay; fullscreen; picture-in-picture\" allowfullscreen></iframe>",
        Escaped(preview.embed_url()),
        size.width,
        size.height,
        Escaped(preview.title()),
    );
    let thumbnail = preview.poster().map(|(url, size)| Thumbnail {
        thumbnail_url: url,
        thumbnail_width: size.width,
        thumbnail_height: size.height,
    });
    let answer = Oembed {
        version: "1.0",
        kind: "video",
        title: preview.title().to_owned(),
        provider_name: "AssetLab",
        provider_url: origin.to_string(),
        html,
        width: size.width,
        height: size.height,
        thumbnail,
    };
    Ok(([(CACHE_CONTROL, "no-cache")], Json(answer)).into_response())
}

/// The video of a link of this server; whether by HTTPS is not asked, since a proxy may see to that.
fn video_of(url: &str, origin: &Origin) -> Option<VideoId> {
    let uri: Uri = url.trim().parse().ok()?;
    let here = origin.to_string().parse::<Uri>().ok()?;
    let is_here = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host()?.eq_ignore_ascii_case(here.host()?)
        && uri.port_u16() == here.port_u16();
    let path = uri.path().trim_end_matches('/');
    let id = path
        .strip_prefix("/watch/")
        .or_else(|| path.strip_prefix("/embed/"))?;
    id.parse().ok().filter(|_| is_here)
}
