//! The body of a request, on its way to the end of an upload.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use futures::StreamExt;
use store::metrics::{UPLOAD_RECEIVED_BYTES, UploadEnd};
use store::{Append, Progress, VideoId};
use tokio::time::timeout;
use tracing::{Instrument, Span, warn};

use crate::error::ApiError;
use crate::metrics::UploadInFlight;
use crate::tus::checksum::Checksum;
use crate::tus::fields::number;
use crate::{App, sniff};

/// Bytes that are to be appended.
pub(super) struct Incoming {
    pub(super) id: VideoId,
    pub(super) offset_bytes: u64,
    /// The file's, where it is declared only now.
    pub(super) len_bytes: Option<u64>,
    /// The body's, where it is known.
    announced_bytes: Option<u64>,
    checksum: Option<Checksum>,
    body: Body,
}

impl Incoming {
    pub(super) fn new(
        id: VideoId,
        offset_bytes: u64,
        len_bytes: Option<u64>,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            id,
            offset_bytes,
            len_bytes,
            announced_bytes: number(headers, CONTENT_LENGTH)?,
            checksum: Checksum::of(headers)?,
            body,
        })
    }

    /// Appends all that comes. It is seen to its end also when nobody waits for it any more.
    pub(super) async fn append(self, app: &Arc<App>) -> Result<Progress, ApiError> {
        let (app, in_flight) = (Arc::clone(app), UploadInFlight::begin());
        let task = async move {
            let appended = self.append_to_end(&app).await;
            match &appended {
                Ok(progress) if progress.is_complete => in_flight.ended(UploadEnd::Stored),
                Ok(_) => in_flight.ended(UploadEnd::Continues),
                Err(error) => in_flight.ended(error),
            }
            if appended.as_ref().is_ok_and(|progress| progress.was_queued) {
                app.queued.notify_one();
            }
            appended
        };
        let task = tokio::spawn(task.instrument(Span::current()));
        task.await
            .unwrap_or_else(|panic| Err(ApiError::Internal(panic.into())))
    }

    async fn append_to_end(mut self, app: &Arc<App>) -> Result<Progress, ApiError> {
        let open = app.store.append(self.id, self.offset_bytes, self.len_bytes);
        let (mut append, writer) = app
            .writers
            .take_over(self.id, &app.upload_slots, open)
            .await?;
        let limit_bytes = append.limit_bytes();
        let announced_bytes = self.announced_bytes.unwrap_or(0);
        if announced_bytes > limit_bytes.saturating_sub(append.offset_bytes()) {
            return Err(ApiError::TooLarge { limit_bytes });
        }
        if self.checksum.is_some() {
            append = append.held_back();
        }
        let receiving = self.receive(app, &mut append);
        let received = writer.overtaken.run_until_cancelled(receiving).await;
        let is_whole = match received.ok_or(ApiError::TakenOver)? {
            Ok(is_whole) => is_whole,
            Err(error @ ApiError::NotAVideo { .. }) => {
                drop(append);
                if let Err(error) = app.store.terminate_resumable(self.id).await {
                    warn!(video_id = %self.id, %error, "an upload of no video is left to the sweep");
                }
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        match self.checksum {
            Some(checksum) => checksum.check()?,
            // What broke off stands all the same: the client asks how far it came.
            None if !is_whole => tracing::debug!(video_id = %self.id, "a request broke off"),
            None => {}
        }
        Ok(append.finish().await?)
    }

    /// Takes what comes until the body ends, breaks off or nothing comes for too long; says whether it ended.
    async fn receive(&mut self, app: &App, append: &mut Append) -> Result<bool, ApiError> {
        // The head was looked at when its last byte came.
        let mut is_head = append.offset_bytes() < sniff::HEAD_LEN_BYTES as u64;
        let mut body = std::mem::take(&mut self.body).into_data_stream();
        let is_whole = loop {
            let chunk = match timeout(app.upload_idle_timeout, body.next()).await {
                Ok(None) => break true,
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(_))) | Err(_) => break false,
            };
            UPLOAD_RECEIVED_BYTES.add([], chunk.len() as u64);
            if let Some(checksum) = &mut self.checksum {
                checksum.update(&chunk);
            }
            append.push(chunk).await?;
            if is_head && append.offset_bytes() >= sniff::HEAD_LEN_BYTES as u64 {
                look_at_head(append)?;
                is_head = false;
            }
        };
        // A shorter file's head is all of it.
        if is_head && append.offset_bytes() == append.limit_bytes() {
            look_at_head(append)?;
        }
        Ok(is_whole)
    }
}

fn look_at_head(append: &Append) -> Result<(), ApiError> {
    let head = append.head().unwrap_or_default();
    sniff::refuse(&head[..head.len().min(sniff::HEAD_LEN_BYTES)])
}
