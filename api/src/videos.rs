//! `GET /api/videos`: all videos, newest first, for whoever runs the site.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use store::{NamePart, VideoFilter, VideoId, VideoSummary};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::auth::Admin;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::revalidation::{etag_of, unless_held};

const DEFAULT_LIMIT: u64 = 25;
const MAX_LIMIT: u64 = 100;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Videos a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Only videos in this state.
    #[param(inline)]
    status: Option<store::State>,
    /// Only videos with this in their file name, in whatever case; blanks are nothing.
    q: Option<String>,
}

/// The last video of a page, as clients hold it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Cursor(VideoId);

impl From<Cursor> for String {
    fn from(Cursor(id): Cursor) -> Self {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(id.to_string())
    }
}

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let decoded = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok();
        decoded
            .and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok())
            .map(Self)
            .ok_or("not a cursor of this server")
    }
}

/// Some videos, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct VideoListPage {
    videos: Vec<VideoSummary>,
    /// Where the next page begins; absent on the last. A page of a search may hold fewer videos than were
    /// asked for, or none, and not be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

errors!(ListErrors: BadQuery, Unauthorized, OutOfRange, RateLimited, Internal, StorageUnavailable);

/// All videos, newest first
#[utoipa::path(
    get,
    path = "/api/videos",
    security(("bearer" = [])),
    params(
        ListQuery,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of a page that the client has"),
    ),
    responses(
        (
            status = 200,
            body = VideoListPage,
            description = "A page",
            headers(("ETag" = String, description = "Names this content of the page")),
        ),
        (
            status = 304,
            description = "It has not changed",
            headers(("ETag" = String, description = "Names this content of the page")),
        ),
        ListErrors,
    )
)]
pub(crate) async fn list(
    _: Admin,
    State(app): State<Arc<App>>,
    query: Result<Query<ListQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::BadQuery(error.body_text()))?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::OutOfRange {
            field: "limit",
            min: 1,
            max: MAX_LIMIT,
        });
    }
    let filter = VideoFilter {
        state: query.status,
        name: query.q.as_deref().and_then(NamePart::new),
    };
    let after = query.cursor.map(|Cursor(id)| id);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = app.videos.page(after, limit, &filter).await?;
    let page = VideoListPage {
        videos: page.videos,
        next_cursor: page.next.map(Cursor),
    };
    let etag = etag_of(&page);
    Ok(unless_held(&headers, &etag, || Json(page)))
}
