//! `assetlab worker`: the worker alone, or as the child of the site.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use worker::{Config, end_where_stuck};

use crate::config::WorkerCommand;
use crate::supervisor::GIVE_BACK;

/// The child's name in the queue. There is one in a data folder, so that after a crash the next takes
/// up its jobs at once.
const CHILD: &str = "assetlab";

pub(crate) async fn run(command: WorkerCommand) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let stop = api::stop_signal().context("cannot listen for signals")?;
    let stopping = shutdown.clone();
    tokio::spawn(async move {
        stop.await;
        stopping.cancel();
    });
    let mut config = Config::from(command.worker);
    worker::limit_memory(config.max_memory_bytes).context("cannot limit the memory")?;
    if !command.child {
        return Ok(end_where_stuck(worker::run(config, shutdown).await)?);
    }

    config.sole_owner = Some(CHILD.to_owned());
    heed_input(Arc::clone(&config.nudge), shutdown.clone());
    let patience = config.shutdown_grace + GIVE_BACK;
    tokio::select! {
        ended = worker::run(config, shutdown.clone()) => Ok(end_where_stuck(ended)?),
        // Where the site was killed, the S3 is gone and nothing can be given back.
        () = async { shutdown.cancelled().await; tokio::time::sleep(patience).await } => {
            tracing::error!("the worker could not give its jobs back in time");
            // To return would be to wait for the threads that did not stop.
            std::process::exit(1)
        }
    }
}

/// Whatever the site says is a nudge; when it falls silent, the end. On a thread of its own, since a read
/// cannot be cancelled and would keep the runtime from ending.
fn heed_input(nudge: Arc<Notify>, shutdown: CancellationToken) {
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok(1..) = io::stdin().read(&mut buffer) {
            nudge.notify_one();
        }
        shutdown.cancel();
    });
}
