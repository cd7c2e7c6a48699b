//! `assetlab jobs`: what was given up, for the operator to look at and to queue again.

use std::net::Ipv4Addr;

use anyhow::Context;
use store::{Requeued, Settings, Store, VideoId};

use crate::config::{JobsArgs, JobsCommand};
use crate::data_dir::DataDir;
use crate::site::on_loopback;

pub(crate) async fn run(jobs: JobsArgs) -> anyhow::Result<()> {
    let settings = settings(&jobs)?;
    let endpoint = settings.endpoint.as_deref().unwrap_or("AWS").to_owned();
    let store = Store::connect(settings).await?;
    match jobs.command {
        None => list(&store).await,
        Some(JobsCommand::Requeue { ids, all }) => requeue(&store, ids, all).await,
    }
    .with_context(|| format!("asked the S3 at {endpoint}"))
}

/// The S3 that the environment names, else the one of the data folder, which must be running.
fn settings(jobs: &JobsArgs) -> anyhow::Result<Settings> {
    let settings = Settings::new(&jobs.buckets.s3_raw_bucket, &jobs.buckets.s3_video_bucket);
    let embedded = match jobs.s3_endpoint {
        Some(_) => None,
        None => DataDir::with_s3(&jobs.data.data_dir),
    };
    let Some(data) = embedded else {
        return Ok(Settings {
            endpoint: jobs.s3_endpoint.clone(),
            path_style: jobs.s3_path_style,
            ..settings
        });
    };
    let endpoint = format!("http://{}:{}", Ipv4Addr::LOCALHOST, jobs.data.s3_port);
    Ok(on_loopback(settings, endpoint, &data.s3_credentials()?))
}

async fn requeue(store: &Store, mut ids: Vec<VideoId>, all: bool) -> anyhow::Result<()> {
    if all {
        ids.extend(store.dead_job_ids().await?);
    }
    // One that cannot be queued keeps none of the others waiting.
    let mut refused = 0;
    for id in &ids {
        match store.requeue(*id).await {
            Ok(Requeued::Anew) => println!("{id}: queued again"),
            Ok(Requeued::UnderWay) => println!("{id}: is queued or worked on already"),
            Err(error) => {
                eprintln!("{id}: {error}");
                refused += 1;
            }
        }
    }
    anyhow::ensure!(refused == 0, "{refused} of {} not queued again", ids.len());
    Ok(())
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let jobs = store.dead_jobs().await?;
    for job in &jobs {
        println!(
            "{}  {}\n    failed attempts: {}, workers that went silent: {}, last error: {}",
            job.id, job.filename, job.failures, job.takeovers, job.last_error
        );
    }
    if jobs.is_empty() {
        println!("no job was given up");
    }
    Ok(())
}
