//! `assetlab`: all of AssetLab in one binary.
//!
//! Without a subcommand it is a whole site: the embedded S3 on loopback, the API and the pages on one
//! port, and the worker as a child process of the same binary, because a crash in a decoder must not
//! take the site down. The subcommands are its parts.

mod config;
mod data_dir;
mod jobs;
mod links;
mod operator_s3;
mod pages;
mod s3_command;
mod setup_buckets;
mod site;
mod supervisor;
mod transcode_command;
mod webhooks;
mod worker_command;

use config::{Cli, Command};

fn main() -> anyhow::Result<()> {
    let (cli, environment) = Cli::parse();
    match cli.command {
        // Blocking, and without a log: its progress bar is all there is to see.
        Some(Command::Transcode(transcode)) => transcode_command::run(transcode),
        None => with_runtime(cli.log, site::run(cli.site, environment)),
        Some(Command::S3(s3)) => with_runtime(cli.log, s3_command::run(s3)),
        Some(Command::Worker(worker)) => with_runtime(cli.log, worker_command::run(*worker)),
        Some(Command::SetupBuckets(setup)) => with_runtime(cli.log, setup_buckets::run(setup)),
        Some(Command::Jobs(jobs)) => with_runtime(cli.log, jobs::run(jobs)),
        Some(Command::Webhooks(webhooks)) => with_runtime(cli.log, webhooks::run(webhooks)),
    }
}

fn with_runtime(
    mut log: api::LogArgs,
    command: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    // Its messages hold whole requests, and with them presigned URLs.
    log.log = log.log.add_directive("s3s=off".parse()?);
    log.start();
    tokio::runtime::Runtime::new()?.block_on(command)
}
