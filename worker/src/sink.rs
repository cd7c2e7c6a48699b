//! Renditions on their way from the encoder's threads into S3, and the small files beside them.
//!
//! Each rendition has an upload task and a bounded channel to it. When storage is slow the channel
//! is full, the encoder's thread waits, and memory stays bounded; when the job is to stop, whoever
//! waits here is let go at once.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use store::{FailPoint, MediaUpload, RungName, Store, Take, VideoId};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use transcode::{Extra, RenditionPlan, RenditionSink, Sink};

use crate::stages::Stages;

/// Fragments (of 2 to 4 s) on their way to one upload.
const FRAGMENTS_WAITING: usize = 4;

/// One take in the video bucket.
#[derive(Clone)]
pub(crate) struct TakeSink {
    pub(crate) store: Store,
    pub(crate) id: VideoId,
    pub(crate) take: Take,
    /// Lets go of everything that waits.
    pub(crate) stop: CancellationToken,
    pub(crate) runtime: Handle,
    pub(crate) stages: Arc<Stages>,
}

impl Sink for TakeSink {
    fn rendition(&self, plan: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>> {
        let rung = plan.name.parse().map_err(io::Error::other)?;
        self.stages.rendition_opened();
        Ok(Box::new(RenditionUpload {
            sink: self.clone(),
            rung,
            under_way: None,
        }))
    }

    fn extra(&self, extra: Extra) -> io::Result<()> {
        let name = extra.name.parse().map_err(io::Error::other)?;
        let bytes = extra.bytes.into();
        self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => Err(stopped()),
                written = self.store.write_extra(self.id, &self.take, name, bytes) => {
                    written.map_err(not_stored)
                }
            }
        })
    }
}

struct RenditionUpload {
    sink: TakeSink,
    rung: RungName,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    fragments: mpsc::Sender<Bytes>,
    upload: JoinHandle<Result<MediaUpload, store::Error>>,
}

impl RenditionSink for RenditionUpload {
    fn begin(&mut self, head_len_bytes: usize) -> io::Result<()> {
        let (fragments, mut waiting) = mpsc::channel::<Bytes>(FRAGMENTS_WAITING);
        let (sink, rung) = (self.sink.clone(), self.rung.clone());
        let upload = async move {
            let mut upload =
                MediaUpload::begin(&sink.store, sink.id, &sink.take, &rung, head_len_bytes);
            while let Some(fragment) = waiting.recv().await {
                upload.append(fragment).await?;
            }
            Ok(upload)
        };
        let upload = upload.in_current_span();
        let upload = self.sink.runtime.spawn(upload);
        self.under_way = Some(UnderWay { fragments, upload });
        Ok(())
    }

    fn fragment(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let Some(under_way) = &mut self.under_way else {
            return Err(not_begun());
        };
        let sink = &self.sink;
        sink.stages.fragment_encoded();
        FailPoint::FragmentEncoded.reached(sink.id);
        sink.runtime.block_on(async {
            tokio::select! {
                () = sink.stop.cancelled() => Err(stopped()),
                sent = under_way.fragments.send(bytes.into()) => match sent {
                    Ok(()) => Ok(()),
                    // The upload has ended, which before the last fragment means that it failed.
                    Err(_) => Err(uploaded(&mut under_way.upload).await.err().unwrap_or_else(stopped)),
                },
            }
        })
    }

    fn finish(mut self: Box<Self>, head: Vec<u8>) -> io::Result<()> {
        let Some(UnderWay {
            fragments,
            mut upload,
        }) = self.under_way.take()
        else {
            return Err(not_begun());
        };
        self.sink.stages.rendition_encoded();
        drop(fragments);
        self.sink.runtime.block_on(async {
            let finished = async {
                let upload = uploaded(&mut upload).await?;
                upload.finish(&head).await.map_err(not_stored)
            };
            tokio::select! {
                () = self.sink.stop.cancelled() => Err(stopped()),
                finished = finished => finished.map(drop),
            }
        })
    }
}

impl Drop for RenditionUpload {
    fn drop(&mut self) {
        // An upload that is dropped is given up in the background.
        if let Some(under_way) = &self.under_way {
            under_way.upload.abort();
        }
    }
}

async fn uploaded(
    upload: &mut JoinHandle<Result<MediaUpload, store::Error>>,
) -> io::Result<MediaUpload> {
    upload.await.map_err(io::Error::other)?.map_err(not_stored)
}

/// As [`transcode::Error::is_outage`] reads it.
fn not_stored(error: store::Error) -> io::Error {
    let kind = match error.is_transient() {
        true => io::ErrorKind::TimedOut,
        false => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

fn not_begun() -> io::Error {
    io::Error::other("a rendition was written before it was begun")
}

fn stopped() -> io::Error {
    io::Error::other("the job was stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_that_does_not_answer_is_told_from_storage_that_refuses() {
        let (doing, reason) = ("write it".to_owned(), "HTTP 507".to_owned());
        let away = store::Error::Unavailable {
            doing: doing.clone(),
            reason: reason.clone(),
        };
        assert!(transcode::Error::Sink(not_stored(away)).is_outage());
        let refused = store::Error::Refused { doing, reason };
        assert!(!transcode::Error::Sink(not_stored(refused)).is_outage());
    }
}
