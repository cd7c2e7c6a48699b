//! Listening, and stopping in order.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::serve::Listener;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::Layer;

/// How long requests that run when the server is told to stop may go on. An upload that needs
/// longer breaks off; what it left in the bucket is swept like any unfinished upload.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// How long a client may take for the head of a request, and keep a connection that it does not
/// use: without a limit a few thousand silent clients keep all others out.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// For answers that would go on for ever: an extension of every request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopping(CancellationToken);

impl Stopping {
    /// Resolves once the server was told to stop.
    pub(crate) async fn begun(&self) {
        self.0.cancelled().await;
    }
}

/// What the head of a request may be, request line included; more is 431. Presigned URLs, the longest of
/// what clients send, take 2 KiB.
const MOST_HEAD_BYTES: usize = 32 << 10;
const MOST_HEADERS: usize = 100;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Someone else listens there.
    #[error(
        "port {port} is in use on {bind}: stop what listens there, or choose another with PORT"
    )]
    InUse {
        /// The address that was asked for.
        bind: IpAddr,
        /// The port that was asked for.
        port: u16,
    },
    /// The system refused for another reason.
    #[error("cannot listen on {address}: change it with BIND and PORT")]
    Refused {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Listens on `bind:port`; port 0 takes a free one.
///
/// # Errors
/// [`BindError`], worded for the operator.
pub async fn bind(bind: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    let address = SocketAddr::new(bind, port);
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { bind, port },
            _ => BindError::Refused { address, source },
        })
}

/// Serves until `stop` resolves, then ends event streams and lets running requests finish for up to 30 s. A connection
/// without a whole request head for 30 s is closed. Each request carries its peer, as `ConnectInfo`.
///
/// # Errors
/// Where the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_patiently(listener, router, stop, HEAD_TIMEOUT).await;
    Ok(())
}

async fn serve_patiently(
    mut listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    head_timeout: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_headers(MOST_HEADERS)
        .max_header_size(MOST_HEAD_BYTES);
    let stopping = Stopping::default();
    let router = router.layer(Extension(stopping.clone()));
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            // Waits out what fails on the way, such as too many open files.
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let service = Extension(ConnectInfo(peer)).layer(router.clone());
        let service = TowerToHyperService::new(service);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(listener);
    stopping.0.cancel();
    if timeout(STOP_GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!(
            "requests still running after {} s were broken off",
            STOP_GRACE.as_secs()
        );
    }
}

/// Resolves when the process is told to stop (SIGTERM, or Ctrl-C).
///
/// # Errors
/// Where the handlers cannot be installed.
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::future;
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn who_does_not_finish_a_request_head_is_let_go() {
        let listener = bind(Ipv4Addr::LOCALHOST.into(), 0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(|| async { "here" });
        let head_timeout = Duration::from_millis(200);
        let serving = serve_patiently(listener, router, future::pending(), head_timeout);
        let serving = tokio::spawn(serving);

        let whole = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
        // At once, in the middle of a head, and after an answer.
        for sent in ["", "GET / HTTP/1.1\r\nHo", whole] {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(sent.as_bytes()).await.unwrap();
            let mut answer = String::new();
            let closed = client.read_to_string(&mut answer);
            // The timeout keeps a broken server from holding up the tests.
            timeout(Duration::from_secs(20), closed)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(answer.ends_with("here"), sent == whole, "{answer}");
        }
        serving.abort();
    }
}
