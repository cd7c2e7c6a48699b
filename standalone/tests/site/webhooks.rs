//! Webhooks of a whole site, and `assetlab webhooks`.

use std::time::Duration;

use store::queue::Queue;
use store::{Deliveries, DeliveryRules, Settings, Store, VideoId};

use crate::jobs::settings;
use crate::page::{Site, clip};
use crate::process::{Folder, Running, assetlab, output};
use crate::receiver::{Answer, Receiver, SECRET};

#[tokio::test(flavor = "multi_thread")]
async fn a_site_tells_of_its_videos_what_their_status_says() {
    let receiver = Receiver::up(|_, _| Answer::Status(200));
    let folder = Folder::new();
    let variables = [
        ("WEBHOOK_URL", receiver.url()),
        ("WEBHOOK_SECRET", SECRET.to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, url)| (*name, url.as_str()));
    let site = Site::start(&folder, &variables);
    let id = site.upload("clip.mp4", "video/mp4", clip()).await;
    let status = site.wait_for(&id, &["done"]).await;
    while receiver.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let heard = receiver.heard()[0].json();
    assert_eq!(
        (&heard["type"], &heard["video"]),
        (&"video.done".into(), &status)
    );
    assert!(status.get("webhook").is_none(), "{status}");
}

#[test]
fn a_secret_that_is_missing_or_too_short_is_said_at_once_and_not_shown() {
    let url = "http://user:hunter2@localhost/";
    for secret in [None, Some("hunter2")] {
        let folder = Folder::new();
        let mut site = assetlab(&["--webhook-url", url]);
        site.envs(secret.map(|secret| ("WEBHOOK_SECRET", secret)));
        site.env("DATA_DIR", folder.data())
            .env("PORT", "0")
            .env("S3_PORT", "0");
        let (refused, text) = output(site);
        assert!(!refused.status.success());
        let names_it = text.contains("WEBHOOK_SECRET") || text.contains("--webhook-secret");
        assert!(names_it && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn an_event_that_was_given_up_is_listed_and_told_again() {
    let folder = Folder::new();
    let s3 = Running::start(assetlab(&["s3"]), &folder, "S3_VIDEO_BUCKET=");
    let endpoint = s3.printed_after("AWS_ENDPOINT_URL_S3=");
    let store = Store::connect(Settings {
        webhooks: true,
        ..settings(&folder, endpoint)
    });
    let store = store.await.unwrap();
    let id = VideoId::new();
    store
        .begin_original(id, "film.mp4")
        .await
        .unwrap()
        .complete()
        .await
        .unwrap();
    store.enqueue(id, "film.mp4").await.unwrap();
    let queue = Queue::new(store.clone(), "worker");
    let (claim, mut status) = queue.claim(1).await.unwrap().unwrap();
    status.error("It is no film.").await.unwrap();
    claim.finish().await.unwrap();
    let hopeless = DeliveryRules {
        lease: Duration::from_secs(60),
        backoff: Duration::ZERO,
        retry_for: Duration::ZERO,
    };
    let mut deliveries = Deliveries::new(store.clone(), hopeless);
    let due = deliveries.look().await.unwrap().due.pop().unwrap();
    let delivery = due.claim().await.unwrap().unwrap();
    delivery.postpone("it answered 410").await.unwrap();

    let (_, port) = endpoint.rsplit_once(':').unwrap();
    let webhooks = |args: &[&str]| {
        let mut command = assetlab(&[&["webhooks"], args].concat());
        command.env("DATA_DIR", folder.data()).env("S3_PORT", port);
        let (result, text) = output(command);
        assert!(result.status.success(), "{text}");
        text
    };
    let listed = webhooks(&[]);
    for expected in [
        &id.to_string(),
        "video.error",
        "given up",
        "it answered 410",
    ] {
        assert!(listed.contains(expected), "{listed}");
    }
    assert!(webhooks(&["retry", "--all"]).contains("1 to be delivered at once"));
    let due = deliveries.look().await.unwrap().due.pop().unwrap();
    due.claim().await.unwrap().unwrap().taken().await.unwrap();
    assert!(webhooks(&[]).contains("every event was delivered"));
    assert!(webhooks(&["retry", &id.to_string()]).contains("no event is left"));
}
