//! Listening, and stopping in order.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests that run when the server is told to stop may go on. An upload that needs
/// longer breaks off; what it left in the bucket is swept like any unfinished upload.
const STOP_GRACE: Duration = Duration::from_secs(30);

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

/// Serves until `stop` resolves, then lets running requests finish for up to 30 s.
///
/// # Errors
/// Where the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stop = stop.shared();
    let stopped = stop.clone();
    tokio::select! {
        result = axum::serve(listener, router).with_graceful_shutdown(stop).into_future() => result,
        () = async { stopped.await; tokio::time::sleep(STOP_GRACE).await } => {
            tracing::warn!("requests still running after {} s were broken off", STOP_GRACE.as_secs());
            Ok(())
        }
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
