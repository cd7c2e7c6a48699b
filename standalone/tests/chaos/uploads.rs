//! Clients that upload until they hear that it worked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use store::VideoId;
use tokio::sync::watch;

use crate::direct_uploads::is_direct;
use crate::random::Random;
use crate::sources::{Fate, Sources, source};

pub(crate) const TOKEN: &str = "a token for tests, which is of no use elsewhere";
/// An API that went silent is asked no longer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(90);
const RETRY_PAUSE: Duration = Duration::from_millis(300);

/// How long a client waits at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    /// Before an upload.
    pub(crate) upload_max: Duration,
    /// From an upload to its deletion: until then it may have come to any step of its path.
    pub(crate) deletion_max: Duration,
}

pub(crate) struct Uploads {
    sources: Sources,
    /// Where the API listens, while it does.
    origin: watch::Receiver<Option<String>>,
    next: AtomicUsize,
    unanswered: AtomicU64,
    refused: AtomicU64,
    acknowledged: Mutex<BTreeMap<VideoId, usize>>,
}

impl Uploads {
    pub(crate) fn new(sources: Sources, origin: watch::Receiver<Option<String>>) -> Self {
        Self {
            sources,
            origin,
            next: AtomicUsize::new(0),
            unanswered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            acknowledged: Mutex::default(),
        }
    }

    /// One client: uploads what is next in turn until `end` were, with pauses in between, and deletes some.
    pub(crate) async fn upload_until(&self, end: usize, pauses: Pauses, mut random: Random) {
        let client = Client::builder().timeout(ANSWER_PATIENCE).build().unwrap();
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= end {
                self.next.fetch_sub(1, Ordering::SeqCst);
                return;
            }
            tokio::time::sleep(random.duration(Duration::ZERO, pauses.upload_max)).await;
            let id = self.upload(&client, number).await;
            self.lock().insert(id, number);
            if source(number).fate == Fate::Deleted {
                tokio::time::sleep(random.duration(Duration::ZERO, pauses.deletion_max)).await;
                self.delete(&client, id).await;
            }
        }
    }

    /// Deletes a video, until nothing of it is to be seen any more.
    async fn delete(&self, client: &Client, id: VideoId) {
        loop {
            let path = format!("/api/video/{id}");
            let delete = client.delete(self.url(&path).await).bearer_auth(TOKEN);
            match delete.send().await.map(|answer| answer.status().as_u16()) {
                Ok(204) => return,
                Ok(status @ ..500) => panic!("{id} cannot be deleted: {status}"),
                _ => {}
            }
            tokio::time::sleep(RETRY_PAUSE).await;
            // Where it began, the sweep does the rest.
            let status = client.get(self.url(&format!("{path}/status")).await);
            if let Ok(answer) = status.send().await
                && answer.status() == 404
            {
                return;
            }
        }
    }

    /// Where a path of the API is, as soon as there is one.
    pub(crate) async fn url(&self, path: &str) -> String {
        let mut origin = self.origin.clone();
        let origin = origin.wait_for(Option::is_some).await.unwrap();
        format!("{}{path}", origin.as_deref().unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<VideoId, usize>> {
        let acknowledged = self.acknowledged.lock();
        acknowledged.unwrap_or_else(PoisonError::into_inner)
    }

    /// Uploads one file, as often as it takes; the id of the one that was acknowledged.
    async fn upload(&self, client: &Client, number: usize) -> VideoId {
        let bytes = self.sources.bytes(number);
        if is_direct(number) {
            let name = format!("{number}-direct.{}", source(number).extension);
            return self.upload_directly(client, number, &name, bytes).await;
        }
        if number.is_multiple_of(2) {
            let name = format!("{number}-tus.{}", source(number).extension);
            let has_forerunner = number.is_multiple_of(4);
            return self
                .upload_by_tus(client, &name, bytes, has_forerunner)
                .await;
        }
        for attempt in 1.. {
            let url = self.url("/api/upload").await;
            let name = format!("{number}-{attempt}.{}", source(number).extension);
            let file = Part::bytes(bytes.to_vec()).file_name(name);
            let answer = client
                .post(url)
                .bearer_auth(TOKEN)
                .multipart(Form::new().part("file", file))
                .send()
                .await;
            match answer {
                Ok(answer) if answer.status() == 201 => {
                    // It may have been killed in the middle of its answer.
                    if let Ok(answer) = answer.json::<Value>().await {
                        return answer["id"].as_str().unwrap().parse().unwrap();
                    }
                    self.went_unanswered();
                }
                Ok(answer) => {
                    let status = answer.status();
                    assert!(status.is_server_error(), "upload {number}: {status}");
                    self.was_refused();
                }
                Err(_) => self.went_unanswered(),
            }
            self.pause().await;
        }
        unreachable!("it is tried for ever")
    }

    pub(crate) fn went_unanswered(&self) {
        self.unanswered.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn was_refused(&self) {
        self.refused.fetch_add(1, Ordering::SeqCst);
    }

    /// Before something is tried again.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(RETRY_PAUSE).await;
    }

    /// Ids that an answer named, and the numbers of their sources.
    pub(crate) fn acknowledged(&self) -> BTreeMap<VideoId, usize> {
        self.lock().clone()
    }

    /// Numbers whose upload was begun, and of which nobody said that it worked.
    pub(crate) fn unacknowledged(&self) -> Vec<usize> {
        let acknowledged: BTreeSet<_> = self.acknowledged().into_values().collect();
        let begun = 0..self.next.load(Ordering::SeqCst);
        begun
            .filter(|number| !acknowledged.contains(number))
            .collect()
    }

    /// Uploads that were tried again: those without an answer, those refused by the API's 5xx.
    pub(crate) fn repeated(&self) -> (u64, u64) {
        (
            self.unanswered.load(Ordering::SeqCst),
            self.refused.load(Ordering::SeqCst),
        )
    }
}

/// The number of the source that a file's name gives away.
pub(crate) fn number_in(filename: &str) -> Option<usize> {
    filename.split_once('-')?.0.parse().ok()
}
