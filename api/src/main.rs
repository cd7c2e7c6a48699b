//! `assetlab-api`: the API, and the pages where `FRONTEND_DIR` is set, over buckets on any S3.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Context;
use api::{AdminToken, App, HttpArgs, Pages};
use clap::Parser;
use futures::FutureExt;
use store::{Store, StoreArgs};

/// AssetLab's API over S3. Credentials and region come from the AWS SDK's own environment.
#[derive(Parser)]
#[command(version)]
struct Config {
    #[command(flatten)]
    http: HttpArgs,

    /// Secret that uploads are allowed by: a long random string.
    #[arg(long, env = "ADMIN_TOKEN", hide_env_values = true)]
    admin_token: AdminToken,

    /// Folder of the built frontend. Unset: the API alone.
    #[arg(long, env = "FRONTEND_DIR")]
    frontend_dir: Option<PathBuf>,

    #[command(flatten)]
    store: StoreArgs,

    #[command(flatten)]
    log: api::LogArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::parse();
    config.log.start();
    let stop = api::stop_signal()
        .context("cannot listen for signals")?
        .shared();
    let pages = config
        .frontend_dir
        .as_deref()
        .map(Pages::from_folder)
        .transpose()?;
    let bind = config.http.bind.unwrap_or(Ipv4Addr::LOCALHOST.into());
    let listener = api::bind(bind, config.http.port).await?;

    let store = Store::connect(config.store.into()).await?;
    let tested = Store::when_reachable(stop.clone(), || store.self_test());
    if tested.await?.is_none() {
        return Ok(());
    }
    let app = App::new(store, config.admin_token, pages, &config.http).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    api::serve(listener, api::router(app), stop).await?;
    Ok(())
}
