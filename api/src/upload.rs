//! `POST /api/upload`: a form's file, received here and stored by [`arriving`](crate::arriving).
//!
//! A client that vanishes without a word, as phones do, keeps its connection and its slot until
//! `UPLOAD_IDLE_TIMEOUT`. Only waiting for the client counts, not waiting for S3.

use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use store::metrics::UPLOAD_RECEIVED_BYTES;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::arriving::{Original, Uploaded};
use crate::auth::Uploader;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::form_gap::Gap;
use crate::metrics::UploadInFlight;
use crate::rates::UploadRate;
use crate::{App, filename, sniff};

/// The form of an upload. Fields of other names are skipped.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the handler reads the form as it comes")]
struct UploadForm {
    /// The video; its file name is kept.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

errors!(UploadErrors: BrokenForm, Unauthorized, LinkExpired, IdleTimeout, LinkSpent, Gone, TooLarge, NotAForm, NotAVideo, NoFile,
    SeveralFiles, RateLimited, Internal, Busy, StorageUnavailable);

/// Uploads a video by a form
#[utoipa::path(
    post,
    path = "/api/upload",
    security(("bearer" = [])),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, body = Uploaded, description = "The video is stored and queued"),
        UploadErrors,
    )
)]
pub(crate) async fn upload(
    uploader: Uploader,
    _: UploadRate,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let in_flight = UploadInFlight::begin();
    let answer = receive(&app, &uploader, request, &in_flight).await;
    if let Err(error) = &answer {
        in_flight.ended(error);
    }
    answer
}

async fn receive(
    app: &App,
    uploader: &Uploader,
    request: Request,
    in_flight: &Arc<UploadInFlight>,
) -> Result<Response, ApiError> {
    let id = uploader.begin(app).await?;
    let gap = Gap::new();
    let request = request.map(|body| gap.guard(body));
    let form = Multipart::from_request(request, &())
        .await
        .map_err(|_| ApiError::NotAForm)?;
    let limit_bytes = uploader.max_bytes(app);
    let begin = |name: String| {
        let spending = uploader.spending(&name);
        Original::begin(app, id, name, spending, in_flight)
    };
    let mut original = None;
    let received = receive_form(app, form, &gap, limit_bytes, begin, &mut original).await;
    match (received, original) {
        (Ok(()), Some(original)) => {
            let uploaded = original.finish().await?;
            Ok((StatusCode::CREATED, Json(uploaded)).into_response())
        }
        (Ok(()), None) => Err(ApiError::NoFile),
        (Err(refusal), Some(original)) => {
            original.abandon().await;
            Err(refusal)
        }
        (Err(refusal), None) => Err(refusal),
    }
}

/// Reads the whole form. Its file is in `original` then, all but the last part of it stored.
async fn receive_form(
    app: &App,
    mut form: Multipart,
    gap: &Gap,
    limit_bytes: u64,
    begin: impl Fn(String) -> Result<Original, ApiError>,
    original: &mut Option<Original>,
) -> Result<(), ApiError> {
    while let Some(mut field) = heard(app, form.next_field()).await? {
        gap.end();
        if field.name() != Some("file") {
            while next_chunk(app, &mut field).await?.is_some() {}
            gap.begin();
            continue;
        }
        if original.is_some() {
            return Err(ApiError::SeveralFiles);
        }
        let mut head = BytesMut::new();
        while head.len() < sniff::HEAD_LEN_BYTES
            && let Some(bytes) = next_chunk(app, &mut field).await?
        {
            UPLOAD_RECEIVED_BYTES.add([], bytes.len() as u64);
            head.extend_from_slice(&bytes);
        }
        // What a browser sends for a file field in which nothing was chosen.
        if head.is_empty() && field.file_name().unwrap_or_default().is_empty() {
            gap.begin();
            continue;
        }
        sniff::refuse(&head)?;
        let name = filename::unescape(field.file_name().unwrap_or_default());
        let original = original.insert(begin(name)?);
        let mut len_bytes = 0;
        let mut chunk = Some(head.freeze());
        while let Some(bytes) = chunk {
            len_bytes += bytes.len() as u64;
            if len_bytes > limit_bytes {
                return Err(ApiError::TooLarge { limit_bytes });
            }
            original.append(&bytes).await?;
            chunk = next_chunk(app, &mut field).await?;
            UPLOAD_RECEIVED_BYTES.add([], chunk.as_ref().map_or(0, Bytes::len) as u64);
        }
        gap.begin();
    }
    Ok(())
}

/// The field's next bytes, at least one.
async fn next_chunk(app: &App, field: &mut Field<'_>) -> Result<Option<Bytes>, ApiError> {
    while let Some(bytes) = heard(app, field.chunk()).await? {
        if !bytes.is_empty() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// What comes of the form, if something does in time.
async fn heard<T>(
    app: &App,
    form: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, ApiError> {
    let limit_bytes = app.max_upload_bytes;
    match timeout(app.upload_idle_timeout, form).await {
        Ok(Ok(part)) => Ok(part),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(ApiError::TooLarge { limit_bytes })
        }
        Ok(Err(_)) => Err(ApiError::BrokenForm),
        Err(_) => Err(ApiError::Idle(app.upload_idle_timeout)),
    }
}
