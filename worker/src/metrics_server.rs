//! `/metrics` and `/healthz` of a worker, where `METRICS_ADDRESS` is set.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use store::{Error, metrics};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A silent client must not hold a connection for ever.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// After the system refused a connection, such as for too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves until it is dropped.
pub(crate) struct MetricsServer(AbortHandle);

impl MetricsServer {
    /// Listens on `address`.
    ///
    /// # Errors
    /// [`Error::Settings`] where that cannot be listened on.
    pub(crate) async fn start(address: SocketAddr) -> Result<Self, Error> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Error::Settings(format!(
                "METRICS_ADDRESS={address} cannot be listened on ({error}): choose another"
            ))
        })?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!("metrics at http://{address}/metrics");
        }
        Ok(Self(tokio::spawn(serve(listener)).abort_handle()))
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(listener: TcpListener) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no connection to the metrics");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = http.serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let (status, content_type, body) = match (request.uri().path(), request.method()) {
        ("/metrics" | "/healthz", method) if !method.is_safe() => {
            let body = "Only GET and HEAD are answered here.\n".to_owned();
            (StatusCode::METHOD_NOT_ALLOWED, "text/plain", body)
        }
        ("/metrics", _) => (
            StatusCode::OK,
            metrics::CONTENT_TYPE,
            metrics::render_worker(),
        ),
        ("/healthz", _) => {
            let body = r#"{"status":"ok"}"#.to_owned();
            (StatusCode::OK, "application/json", body)
        }
        _ => {
            let body = "There are /metrics and /healthz here.\n".to_owned();
            (StatusCode::NOT_FOUND, "text/plain", body)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    Ok(response)
}
