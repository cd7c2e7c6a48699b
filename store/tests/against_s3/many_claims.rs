//! Many workers at one queue.

use std::collections::HashSet;

use futures::future::join_all;
use store::State;
use store::queue::Queue;
use tokio::task::JoinSet;

use crate::buckets::{Buckets, enqueue};
use crate::outcome::outcome;

const WORKERS: usize = 12;
const MARKERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn twelve_workers_win_each_of_two_hundred_markers_once() {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let mut queued = HashSet::new();
    for _ in 0..MARKERS / 20 {
        queued.extend(join_all((0..20).map(|_| enqueue(&store))).await);
    }
    assert_eq!(queued.len(), MARKERS);

    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        // Each with connections of its own.
        let queue = Queue::new(buckets.store().await, format!("worker {worker}"));
        workers.spawn(async move {
            let mut won = Vec::new();
            while let Some((claim, mut status)) = queue.claim(2).await.unwrap() {
                won.push((claim.id(), claim.take().clone()));
                status.done(outcome()).await.unwrap();
                claim.finish().await.unwrap();
            }
            won
        });
    }
    let won: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), MARKERS);
    let ids: HashSet<_> = won.iter().map(|(id, _)| *id).collect();
    assert!(ids == queued);
    for (id, take) in won {
        let status = store.status(id).await.unwrap().unwrap().value;
        assert_eq!((status.status, status.take), (State::Done, Some(take)));
    }
    assert!(buckets.keys("raw", "queue/").await.is_empty());
    assert!(store.dead_jobs().await.unwrap().is_empty());
}
