//! `/api/uploads`: a file's parts go straight to S3, by URLs that are signed here for one part each.
//!
//! The length is declared first and cut into parts; each URL has its part's length signed into it, so that S3
//! itself refuses any other. Nothing of the file passes through here: that it is no video, only the worker
//! can tell.

mod begin;
mod finish;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::middleware::map_request;
use store::{DirectUpload, VideoId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::auth::Continued;
use crate::error::ApiError;
use crate::linger::linger;
use crate::rates::SigningRate;

/// All of them.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(begin::begin))
        .routes(routes!(finish::progress, finish::abort))
        .routes(routes!(begin::parts))
        .routes(routes!(finish::complete))
        // Some clients list the parts with their completion, at any length.
        .layer(map_request(linger))
}

/// The upload that a path names, for an uploader who may go on with it.
pub(crate) struct OwnUpload {
    id: VideoId,
    /// None where there is none.
    upload: Option<DirectUpload>,
}

impl FromRequestParts<Arc<App>> for OwnUpload {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let Continued(id) = Continued::from_request_parts(parts, app).await?;
        // Each of these requests costs S3 several.
        SigningRate::from_request_parts(parts, app).await?;
        let upload = app
            .store
            .direct_upload(id)
            .await
            .map_err(ApiError::of_upload)?;
        Ok(Self { id, upload })
    }
}

impl OwnUpload {
    /// The upload, if parts of it may still come.
    fn open(self) -> Result<DirectUpload, ApiError> {
        match self.upload.ok_or(ApiError::NoSuchUpload)? {
            upload if upload.is_open() => Ok(upload),
            upload => Err(ended(&upload)),
        }
    }
}

/// Why parts of an upload may not come any more.
fn ended(upload: &DirectUpload) -> ApiError {
    match upload.is_complete() {
        true => ApiError::UploadComplete,
        false => ApiError::Gone,
    }
}
