//! `assetlab setup-buckets`: makes two buckets on any S3 ready for AssetLab.

use store::Store;

use crate::config::SetupBucketsArgs;
use crate::site::origins;

pub(crate) async fn run(setup: SetupBucketsArgs) -> anyhow::Result<()> {
    let origins = origins(&setup.cors_origins);
    let store = Store::connect(setup.store.into()).await?;
    let created = store.setup_buckets(&origins).await?;
    for bucket in [&store.settings().raw_bucket, &store.settings().video_bucket] {
        let news = match created.contains(&bucket.as_str()) {
            true => "created",
            false => "there",
        };
        println!("{bucket}: {news}");
        if !origins.is_empty() {
            println!("{bucket}: pages of {} may read it", origins.join(", "));
        }
    }
    if origins.is_empty() {
        println!("CORS_ORIGINS is unset: the buckets' cross-origin rules are left as they are");
    }
    Ok(())
}
