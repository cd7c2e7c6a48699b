//! `assetlab jobs`: what was given up, for the operator to look at and to queue again.

use anyhow::Context;
use store::{Requeued, Store, VideoId};

use crate::config::{JobsArgs, JobsCommand};

pub(crate) async fn run(jobs: JobsArgs) -> anyhow::Result<()> {
    let settings = jobs.s3.settings()?;
    let endpoint = settings.endpoint.as_deref().unwrap_or("AWS").to_owned();
    let store = Store::connect(settings).await?;
    match jobs.command {
        None => list(&store).await,
        Some(JobsCommand::Requeue { ids, all }) => requeue(&store, ids, all).await,
    }
    .with_context(|| format!("asked the S3 at {endpoint}"))
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
