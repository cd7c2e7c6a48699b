//! Reads on, for a while, what a client still sends after it was refused.
//!
//! A server that answers 401 or 413 in the middle of an upload and closes the connection resets it
//! (RFC 9112 §9.6): the client, still sending, sees a broken line in place of the answer. So the
//! rest of a body nobody wants is thrown away for a few seconds while the answer is on its way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use bytes::Bytes;
use futures::{Stream, StreamExt};

const LINGER: Duration = Duration::from_secs(10);

/// Gives the request a body that lingers when it is dropped before its end.
pub(crate) async fn linger(request: Request) -> Request {
    request.map(|body| {
        Body::from_stream(Lingering {
            body: Some(body.into_data_stream()),
        })
    })
}

struct Lingering {
    /// `None` once the end, or an error, was seen.
    body: Option<BodyDataStream>,
}

impl Stream for Lingering {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = body.poll_next_unpin(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let (Some(mut body), Ok(runtime)) =
            (self.body.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        runtime.spawn(tokio::time::timeout(LINGER, async move {
            while let Some(Ok(_)) = body.next().await {}
        }));
    }
}
