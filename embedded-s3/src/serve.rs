//! The full S3 API over HTTP/1.1.

use std::io;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use s3s::{Body, HttpError};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::EmbeddedS3;
use crate::cors::{Crossing, crossing};

/// How long requests under way may take to end once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long a connection may lie unused, or take for the head of a request. Clients keep one for 90 s: if
/// this side were the first to give it up, a request could just be on its way, fail and wait for its retry.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);

/// How long to wait before accepting again when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl EmbeddedS3 {
    /// Serves every operation to whoever holds the keys, until `stop` resolves; then lets requests
    /// under way finish. Meant for loopback: the traffic is not encrypted.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT);
        let connections = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        pause_if_exhausted(&error).await;
                        continue;
                    }
                },
                () = &mut stop => break,
            };
            // Small answers, such as a lease, should not wait for the client's delayed ACK.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY was refused");
            }
            let s3 = self.clone();
            let service = service_fn(move |request| s3.clone().answer(request.map(Body::from)));
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "an S3 connection broke off");
                }
            });
        }
        drop(listener);
        if timeout(GRACE, connections.shutdown()).await.is_err() {
            tracing::warn!("stopped while S3 requests were under way");
        }
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, HttpError> {
        match crossing(&self.backend, &request).await {
            Crossing::Preflight(answer) => Ok(answer),
            Crossing::Request(headers) => {
                let mut answer = self.protocol.call(request).await?;
                answer.headers_mut().extend(headers);
                Ok(answer)
            }
        }
    }
}

/// A client that is gone before it was accepted is nobody's fault; anything else would come back at
/// once.
async fn pause_if_exhausted(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::error!(%error, "cannot accept S3 connections");
        sleep(ACCEPT_PAUSE).await;
    }
}
