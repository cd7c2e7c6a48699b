//! The body of a request, on its way to the end of an upload.

use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use futures::StreamExt;
use futures::future::OptionFuture;
use store::metrics::{UPLOAD_RECEIVED_BYTES, UploadEnd};
use store::{Announced, Append, Progress, VideoId};
use tokio::time::timeout;
use tracing::{Instrument, Span, warn};

use crate::error::ApiError;
use crate::metrics::UploadInFlight;
use crate::serve::Stopping;
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
    pub(super) announced_bytes: Option<u64>,
    checksum: Option<Checksum>,
    /// Whether they came with the request that began the upload: where they are refused, its client will
    /// not hear where it is.
    pub(super) is_creation: bool,
    /// What came by then is stored when the server stops: the client goes on elsewhere.
    stopping: Option<Stopping>,
    body: Body,
}

impl Incoming {
    pub(super) fn new(
        id: VideoId,
        offset_bytes: u64,
        len_bytes: Option<u64>,
        parts: &Parts,
        body: Body,
    ) -> Result<Self, ApiError> {
        let headers = &parts.headers;
        Ok(Self {
            id,
            offset_bytes,
            len_bytes,
            announced_bytes: number(headers, CONTENT_LENGTH)?,
            checksum: Checksum::of(headers)?,
            is_creation: false,
            stopping: parts.extensions.get().cloned(),
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
        let announced = Announced {
            file_bytes: self.len_bytes,
            body_bytes: self.announced_bytes,
        };
        let open = app.store.append(self.id, self.offset_bytes, announced);
        let (mut append, writer) = app
            .writers
            .take_over(self.id, &app.upload_slots, open)
            .await?;
        if self.checksum.is_some() {
            append = append.held_back();
        }
        let receiving = self.receive(app, &mut append);
        let received = writer.overtaken.run_until_cancelled(receiving).await;
        match received.ok_or(ApiError::TakenOver)? {
            Ok(()) => Ok(append.finish().await?),
            Err(refusal) => {
                if self.ends_upload(&refusal)
                    && let Err(error) = append.give_up().await
                {
                    warn!(video_id = %self.id, %error, "an upload that was refused is left as it is");
                }
                Err(refusal)
            }
        }
    }

    /// Whether nothing is to go on with an upload whose bytes were refused so.
    fn ends_upload(&self, refusal: &ApiError) -> bool {
        match refusal {
            ApiError::NotAVideo { .. } => true,
            ApiError::TooLarge { .. } | ApiError::ChecksumMismatch => self.is_creation,
            _ => false,
        }
    }

    /// Takes all that comes, if it is what it should be.
    async fn receive(&mut self, app: &App, append: &mut Append) -> Result<(), ApiError> {
        let is_whole = self.take(app, append).await?;
        match self.checksum.take() {
            Some(checksum) => checksum.check()?,
            // What broke off stands all the same: the client asks how far it came.
            None if !is_whole => tracing::debug!(video_id = %self.id, "a request broke off"),
            None => {}
        }
        Ok(())
    }

    /// Takes what comes until the body ends, breaks off, nothing comes for too long or the server stops; says
    /// whether it ended.
    async fn take(&mut self, app: &App, append: &mut Append) -> Result<bool, ApiError> {
        // The head was looked at when its last byte came.
        let mut is_head = append.offset_bytes() < sniff::HEAD_LEN_BYTES as u64;
        let mut body = std::mem::take(&mut self.body).into_data_stream();
        // Of what is to be checked as a whole, less than the whole counts for nothing.
        let stopping = self.stopping.take().filter(|_| self.checksum.is_none());
        let mut stopped = pin!(OptionFuture::from(stopping.as_ref().map(Stopping::begun)));
        let is_whole = loop {
            let chunk = tokio::select! {
                chunk = timeout(app.upload_idle_timeout, body.next()) => chunk,
                Some(()) = &mut stopped => break false,
            };
            let chunk = match chunk {
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
    sniff::refuse(append.head().unwrap_or_default())
}
