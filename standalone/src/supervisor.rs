//! The worker as a child process: started again whenever it ends, and never outliving its parent.
//!
//! The child's standard input is a pipe whose other end only this process holds. A line on it says that
//! there is a new job, so that the child need not look for one all the time; when it closes, because the
//! site stops or because it was killed, the child stops.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Environment;

/// A child that ends at once is started again after the first of these, then later and later.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A child that lived so long had started properly.
const STEADY: Duration = Duration::from_secs(60);

/// What a child needs to give its jobs back, after their grace: a transcode may take 10 s to let go.
pub(crate) const GIVE_BACK: Duration = Duration::from_secs(20);

/// Variables that the child has no use for, or that would tell it of another S3.
const WITHHELD: [&str; 5] = [
    "ADMIN_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "S3_PUBLIC_ENDPOINT",
];

pub(crate) struct Supervisor {
    binary: PathBuf,
    environment: Environment,
    grace: Duration,
    queued: Arc<Notify>,
}

impl Supervisor {
    /// `grace` is how long running jobs may go on when the site stops; `queued` tells of new jobs.
    pub(crate) fn new(
        environment: Environment,
        grace: Duration,
        queued: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            binary: std::env::current_exe().context("cannot find this program's own file")?,
            environment,
            grace,
            queued,
        })
    }

    /// Keeps a worker running until `stop`, then ends it.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let started = Instant::now();
            match self.start() {
                Ok(mut child) => {
                    // `wait` would close it.
                    let mut input = child.stdin.take();
                    tokio::select! {
                        status = child.wait() => report_end(status.ok()),
                        () = self.pass_on_nudges(input.as_mut()) => {}
                        () = stop.cancelled() => {
                            drop(input);
                            return self.end(child).await;
                        }
                    }
                }
                Err(error) => tracing::error!(%error, "the worker cannot be started"),
            }
            if started.elapsed() > STEADY {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.binary);
        command
            .args(["worker", "--child"])
            .stdin(Stdio::piped())
            .envs(self.environment.iter().cloned())
            // Ctrl-C in a terminal is for the site, which then stops the worker in good order.
            .process_group(0)
            .kill_on_drop(true);
        for name in WITHHELD {
            command.env_remove(name);
        }
        command.spawn()
    }

    /// Never ends: a child that does not listen any more is about to end by itself.
    async fn pass_on_nudges(&self, mut input: Option<&mut ChildStdin>) {
        loop {
            self.queued.notified().await;
            if let Some(input) = &mut input
                && let Err(error) = input.write_all(b"\n").await
            {
                tracing::debug!(%error, "the worker was not told of a job");
            }
        }
    }

    /// Waits for a child that was told to stop, but not for ever.
    async fn end(&self, mut child: Child) {
        if timeout(self.grace + GIVE_BACK, child.wait()).await.is_err() {
            tracing::warn!(
                "the worker does not stop and is killed; its job will be taken up at the next start"
            );
            if let Err(error) = child.kill().await {
                tracing::error!(%error, "the worker cannot be killed");
            }
        }
    }
}

fn report_end(status: Option<ExitStatus>) {
    let status = status.map_or_else(|| "unknown".to_owned(), |status| status.to_string());
    tracing::error!(status, "the worker ended and is started again");
}
