//! The whole site in one process: S3, API and pages, with the worker as its child.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, bail};
use api::{AdminToken, App, BindError};
use embedded_s3::{Credentials, EmbeddedS3, FRONT_ENDPOINT, FrontLimits};
use store::{AccessKey, Settings, Store};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Environment, SiteArgs};
use crate::data_dir::DataDir;
use crate::links::links;
use crate::pages::pages;
use crate::supervisor::Supervisor;

/// The embedded S3 takes any region; one is signed into every request.
pub(crate) const REGION: &str = "us-east-1";

/// Browsers send so many parts of a file side by side, or a few more.
const PART_WRITERS_PER_UPLOAD: usize = 4;

/// First parts of paths that are the API's or the pages': buckets are reached at `/<bucket>/<key>`.
const OWN_PATHS: [&str; 4] = ["api", "assets", "embed", "watch"];

pub(crate) async fn run(site: SiteArgs, mut environment: Environment) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    // The worker's, which would only be started again and again.
    site.webhooks.check()?;
    warn_of_another_s3(&site);
    let data = DataDir::open(&site.data.data_dir)?;
    let credentials = data.s3_credentials()?;
    let token = match site.admin_token {
        Some(token) => token,
        None => data.admin_token()?,
    };
    let s3 = data.open_s3(&credentials)?;
    let buckets = [&site.store.s3_raw_bucket, &site.store.s3_video_bucket];
    prepare(&s3, buckets, &site.http.cors_origins).await?;

    // Both ports before anything starts, so that a failure leaves nothing behind.
    let s3_listener = bind_s3(site.data.s3_port).await?;
    let s3_endpoint = format!("http://{}", s3_listener.local_addr()?);
    let bind = site.http.bind.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let listener = api::bind(bind, site.http.port).await?;
    let address = listener.local_addr()?;

    if let Some(address) = site.metrics_address {
        // The worker's, which would only be started again and again.
        TcpListener::bind(address).await.with_context(|| {
            format!("METRICS_ADDRESS={address} cannot be listened on: choose another")
        })?;
    }

    let s3_stop = CancellationToken::new();
    let s3_server = tokio::spawn(
        s3.clone()
            .serve(s3_listener, s3_stop.clone().cancelled_owned()),
    );
    let front = s3.front(FrontLimits {
        idle_timeout: site.http.upload_idle_timeout,
        part_writers: usize::from(site.http.max_uploads) * PART_WRITERS_PER_UPLOAD,
    });
    let mut router = axum::Router::new();
    for bucket in buckets {
        router = router.route_service(&format!("/{bucket}/{{*key}}"), front.clone());
    }

    environment.extend(s3_environment(&s3_endpoint, &credentials));
    let settings = settings(site.store.into(), s3_endpoint, &credentials);
    let store = Store::connect(settings).await?;
    let admin_token: AdminToken = token.parse()?;
    let app = App::new(store, admin_token, pages(), &site.http).await?;
    let supervisor = Supervisor::new(environment, site.shutdown_grace, app.queued())?;
    let router = router.merge(api::router(app));

    let worker = tokio::spawn(supervisor.run(stop.clone()));
    announce(
        bind,
        links(
            address,
            site.http.public_url.map(|url| url.to_string()),
            &token,
        ),
    );

    let served = api::serve(listener, router, stop.clone().cancelled_owned()).await;
    stop.cancel();
    // The worker gives its job back through the S3, which therefore goes last.
    worker.await.context("the worker's supervisor failed")?;
    s3_stop.cancel();
    s3_server.await.context("the S3 server failed")?;
    served.context("the web server failed")
}

/// Makes sure of the buckets, and that browsers can tell them from pages.
async fn prepare(
    s3: &EmbeddedS3,
    buckets: [&String; 2],
    cors_origins: &api::CorsOrigins,
) -> anyhow::Result<()> {
    for bucket in buckets {
        if OWN_PATHS.contains(&bucket.as_str()) {
            bail!(
                "a bucket of this site cannot be called `{bucket}`: addresses under /{bucket}/ are its own"
            );
        }
        s3.create_bucket(bucket).await?;
        s3.allow_origins(bucket, &origins(cors_origins)).await?;
    }
    Ok(())
}

/// Cancelled by the first SIGTERM or Ctrl-C. The second ends the process at once: a browser that
/// keeps a video open would hold up the first for a while.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let first = api::stop_signal().context("cannot listen for signals")?;
    tokio::spawn(async move {
        first.await;
        let Ok(second) = api::stop_signal() else {
            stopping.cancel();
            return;
        };
        tracing::info!("stopping; a second signal stops at once");
        stopping.cancel();
        second.await;
        std::process::exit(130);
    });
    Ok(stop)
}

fn warn_of_another_s3(site: &SiteArgs) {
    if site.store.s3_endpoint.is_some() || site.store.s3_public_endpoint.is_some() {
        tracing::warn!(
            "AWS_ENDPOINT_URL_S3 and S3_PUBLIC_ENDPOINT are ignored: assetlab has its own S3; \
             for another, run assetlab-api and assetlab-worker"
        );
    }
}

/// Listens on loopback for those who hold the keys.
pub(crate) async fn bind_s3(port: u16) -> anyhow::Result<TcpListener> {
    api::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
        .await
        .map_err(|error| match error {
            BindError::InUse { bind, port } => anyhow::anyhow!(
                "port {port} is in use on {bind}: stop what listens there, or choose another with S3_PORT"
            ),
            error => error.into(),
        })
}

/// As S3's cross-origin rules write them.
pub(crate) fn origins(origins: &api::CorsOrigins) -> Vec<String> {
    match origins {
        api::CorsOrigins::SameOrigin => Vec::new(),
        api::CorsOrigins::Any => vec!["*".to_owned()],
        api::CorsOrigins::Listed(list) => list.iter().map(ToString::to_string).collect(),
    }
}

/// This process reads and writes on loopback; browsers get addresses on the page's own origin.
fn settings(settings: Settings, s3_endpoint: String, credentials: &Credentials) -> Settings {
    Settings {
        public_endpoint: Some(FRONT_ENDPOINT.to_owned()),
        origin_relative_urls: true,
        ..on_loopback(settings, s3_endpoint, credentials)
    }
}

/// How this machine's processes reach the embedded S3.
pub(crate) fn on_loopback(
    settings: Settings,
    s3_endpoint: String,
    credentials: &Credentials,
) -> Settings {
    Settings {
        endpoint: Some(s3_endpoint),
        path_style: Some(true),
        region: Some(REGION.to_owned()),
        access_key: Some(AccessKey {
            id: credentials.access_key_id().to_owned(),
            secret: credentials.secret_access_key().to_owned(),
        }),
        ..settings
    }
}

/// How the worker finds the S3.
fn s3_environment(s3_endpoint: &str, credentials: &Credentials) -> Environment {
    [
        ("AWS_ENDPOINT_URL_S3", s3_endpoint),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key()),
        ("AWS_REGION", REGION),
        ("S3_PATH_STYLE", "true"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into()
}

fn announce(bind: IpAddr, links: Vec<String>) {
    let mut text = String::from("\nAssetLab is running. Open one of these to upload:\n\n");
    for link in links {
        text.push_str(&format!("    {link}\n"));
    }
    if bind.is_unspecified() {
        text.push_str(&format!(
            "\nIt can be reached from other machines (BIND={bind}); BIND=127.0.0.1 keeps it to this one.\n"
        ));
    }
    text.push_str("Anyone with a link can upload. Ctrl-C stops.\n");
    // Whoever closed the output does not want to know.
    let _ = io::Write::write_all(&mut io::stdout(), text.as_bytes());
}
