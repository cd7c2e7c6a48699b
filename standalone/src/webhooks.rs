//! `assetlab webhooks`: events that no receiver took so far, for the operator to look at and to have tried again.

use anyhow::Context;
use store::{Store, VideoId};

use crate::config::{WebhooksArgs, WebhooksCommand};

pub(crate) async fn run(webhooks: WebhooksArgs) -> anyhow::Result<()> {
    let settings = webhooks.s3.settings()?;
    let endpoint = settings.endpoint.as_deref().unwrap_or("AWS").to_owned();
    let store = Store::connect(settings).await?;
    match webhooks.command {
        None => list(&store).await,
        Some(WebhooksCommand::Retry { ids, all }) => retry(&store, ids, all).await,
    }
    .with_context(|| format!("asked the S3 at {endpoint}"))
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let events = store.undelivered_events().await?;
    for event in &events {
        let what = match event.is_given_up {
            true => "given up",
            false => "to be delivered",
        };
        println!(
            "{}  {} {}: {what}\n    failed attempts: {}, last error: {}",
            event.video_id, event.kind, event.event_id, event.attempts, event.last_error
        );
    }
    if events.is_empty() {
        println!("every event was delivered");
    }
    Ok(())
}

async fn retry(store: &Store, mut ids: Vec<VideoId>, all: bool) -> anyhow::Result<()> {
    if all {
        let events = store.undelivered_events().await?;
        ids.extend(events.iter().map(|event| event.video_id));
        ids.dedup();
    }
    for id in ids {
        match store.retry_events(id).await? {
            0 => println!("{id}: no event is left to be delivered"),
            events => println!("{id}: {events} to be delivered at once"),
        }
    }
    Ok(())
}
