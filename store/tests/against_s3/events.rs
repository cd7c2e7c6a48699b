//! Events of videos that come to their end, until a receiver has them.

use std::time::Duration;

use store::queue::Queue;
use store::{Deliveries, Delivery, DeliveryRules, Requeued, Settings, Store, Swept, VideoId};

use crate::buckets::{Buckets, SHORT_LEASE, claim, enqueue};
use crate::outcome::outcome;

const RULES: DeliveryRules = DeliveryRules {
    lease: Duration::from_secs(60),
    backoff: Duration::ZERO,
    retry_for: Duration::from_secs(60),
};

fn telling(settings: &mut Settings) {
    settings.webhooks = true;
    settings.lease = SHORT_LEASE;
}

async fn due(store: &Store) -> Vec<Delivery> {
    let mut deliveries = Deliveries::new(store.clone(), RULES);
    let look = deliveries.look().await.unwrap();
    assert!(look.is_whole);
    let mut claimed = Vec::new();
    for due in look.due {
        claimed.extend(due.claim().await.unwrap());
    }
    claimed
}

async fn end_with_error(store: &Store) -> VideoId {
    let id = enqueue(store).await;
    let (claim, mut status) = claim(store, "worker").await;
    status.error("It is no film.").await.unwrap();
    claim.finish().await.unwrap();
    id
}

/// As who dies right after the tombstone.
async fn bury(buckets: &Buckets, id: VideoId) {
    let put = buckets.client().put_object().bucket("raw");
    put.key(format!("deleted/{id}")).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_events_only_where_there_are_webhooks() {
    let buckets = Buckets::start().await;
    end_with_error(&buckets.store().await).await;
    let telling = buckets.store_with(telling).await;
    assert!(due(&telling).await.is_empty());
    let id = end_with_error(&telling).await;
    let due = due(&telling).await;
    assert_eq!((due.len(), due[0].video_id()), (1, id));
    let status = telling.status(id).await.unwrap().unwrap().value;
    assert_eq!(due[0].event_id(), status.take.unwrap().as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_only_the_marker_names_is_kept_when_its_job_is_queued_again() {
    let buckets = Buckets::start().await;
    let store = buckets.store_with(telling).await;
    let id = enqueue(&store).await;
    let (dead, mut status) = claim(&store, "dying").await;
    status.error("It is no film.").await.unwrap();
    // It dies before it can do more.
    drop(dead);
    assert!(buckets.keys("raw", "webhooks/").await.is_empty());
    // By an operator who knows nothing of webhooks.
    let operator = buckets.store().await;
    assert_eq!(operator.requeue(id).await.unwrap(), Requeued::Anew);
    let first = due(&store).await.pop().unwrap();
    assert_eq!(first.kind(), "video.error");

    let (claim, mut status) = claim(&store, "worker").await;
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();
    let second = due(&store).await.pop().unwrap();
    assert_eq!((second.kind(), second.video_id()), ("video.done", id));
    assert_ne!(first.event_id(), second.event_id());
    first.taken().await.unwrap();
    let left = store.undelivered_events().await.unwrap();
    assert_eq!(
        (left.len(), left[0].event_id.as_str()),
        (1, second.event_id())
    );
    second.taken().await.unwrap();
    assert!(buckets.keys("raw", "webhooks/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_clears_the_marker_of_a_dead_worker_stores_its_event() {
    let buckets = Buckets::start().await;
    let dying = buckets.store_with(telling).await;
    // Its own settings say nothing of webhooks: the status does.
    let heir = buckets
        .store_with(|settings| settings.lease = crate::buckets::SHORT_LEASE)
        .await;
    let id = enqueue(&dying).await;
    let (claim, mut status) = claim(&dying, "dying").await;
    status.done(outcome()).await.unwrap();
    // It dies before it can do more.
    drop(claim);
    assert_eq!(buckets.keys("raw", "queue/").await, [format!("queue/{id}")]);

    let queue = Queue::new(heir.clone(), "heir");
    for _ in 0..100 {
        // To clear it away is no job.
        assert!(queue.claim(1).await.unwrap().is_none());
        if buckets.keys("raw", "queue/").await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let due = due(&heir).await;
    assert_eq!((due.len(), due[0].video_id()), (1, id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_claimed_by_one_and_not_of_a_deleted_video() {
    let buckets = Buckets::start().await;
    let store = buckets.store_with(telling).await;
    let id = end_with_error(&store).await;
    let look = async || Deliveries::new(store.clone(), RULES).look().await.unwrap();
    let (one, other) = (look().await.due.pop(), look().await.due.pop());
    let delivery = one.unwrap().claim().await.unwrap().unwrap();
    assert!(other.unwrap().claim().await.unwrap().is_none());
    let held = look().await;
    assert!(held.due.is_empty() && held.next_due_at.is_some() && held.pending == 1);
    delivery.postpone("it is down").await.unwrap();

    bury(&buckets, id).await;
    let due = look().await.due.pop().unwrap();
    assert!(due.claim().await.unwrap().is_none());
    assert!(buckets.keys("raw", "webhooks/").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_hide_none() {
    let buckets = Buckets::start().await;
    let store = buckets.store_with(telling).await;
    // More than one look takes up; the first wait, and would be seen again and again.
    for _ in 0..70 {
        end_with_error(&store).await;
    }
    let patient = DeliveryRules {
        backoff: Duration::from_secs(3600),
        ..RULES
    };
    let mut deliveries = Deliveries::new(store, patient);
    let (mut seen, mut looks) = (0, 0);
    while seen < 70 {
        looks += 1;
        let look = deliveries.look().await.unwrap();
        seen += look.due.len();
        for due in look.due {
            let delivery = due.claim().await.unwrap().unwrap();
            delivery.postpone("it is down").await.unwrap().unwrap();
        }
    }
    assert_eq!((seen, looks), (70, 2));
    assert_eq!(deliveries.look().await.unwrap().pending, 70);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_record_hides_no_other() {
    let buckets = Buckets::start().await;
    let store = buckets.store_with(telling).await;
    let (spoilt, fine) = (end_with_error(&store).await, end_with_error(&store).await);
    let key = buckets.keys("raw", &format!("webhooks/{spoilt}/")).await;
    let put = buckets.client().put_object().bucket("raw").key(&key[0]);
    put.body(bytes::Bytes::from_static(b"{").into())
        .send()
        .await
        .unwrap();
    let listed = store.undelivered_events().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|event| event.video_id).collect();
    assert_eq!(ids, [spoilt, fine]);
    assert!(listed[0].is_given_up && listed[0].last_error.contains("cannot be read"));
    assert_eq!(store.retry_events(spoilt).await.unwrap(), 0);
    assert_eq!(store.retry_events(fine).await.unwrap(), 1);
    assert_eq!(due(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_delivers_any_more_is_swept() {
    let buckets = Buckets::start().await;
    let store = buckets
        .store_with(|settings| {
            telling(settings);
            settings.event_expiry = Duration::ZERO;
        })
        .await;
    let (deleted, given_up) = (end_with_error(&store).await, end_with_error(&store).await);
    end_with_error(&store).await;
    bury(&buckets, deleted).await;
    let hopeless = DeliveryRules {
        retry_for: Duration::ZERO,
        ..RULES
    };
    for due in Deliveries::new(store.clone(), hopeless)
        .look()
        .await
        .unwrap()
        .due
    {
        if due.video_id() == given_up {
            let delivery = due.claim().await.unwrap().unwrap();
            assert_eq!(delivery.postpone("it is gone").await.unwrap(), None);
        }
    }
    let swept = store.sweep().await.unwrap();
    assert_eq!(swept.events, 1);
    assert!(swept.deleted_videos_objects > 0);
    assert_eq!(buckets.keys("raw", "webhooks/").await.len(), 1);

    let without = buckets
        .store_with(|settings| settings.event_expiry = Duration::ZERO)
        .await;
    let swept = Swept {
        events: 1,
        ..Swept::default()
    };
    assert_eq!(without.sweep().await.unwrap(), swept);
}
