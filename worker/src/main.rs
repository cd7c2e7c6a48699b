//! `assetlab-worker`: claims jobs and transcodes them until it is told to stop.

use std::io::IsTerminal;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use worker::{Config, WorkerArgs};

/// Claims uploaded videos and transcodes them into S3.
#[derive(Parser)]
#[command(name = "assetlab-worker", version)]
struct Cli {
    #[command(flatten)]
    worker: WorkerArgs,
    /// One line a message, for people or for machines
    #[arg(long, env = "LOG_FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log_format: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match cli.log_format.as_str() {
        "json" => log.json().init(),
        _ => log.init(),
    }
    store::log_panics();

    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let stopped = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopped.cancel();
    });
    let config = Config::from(cli.worker);
    worker::limit_memory(config.max_memory_bytes)?;
    Ok(worker::end_where_stuck(
        worker::run(config, shutdown).await,
    )?)
}
