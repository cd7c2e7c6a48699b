//! The writes of statuses and markers that took effect, whatever their writers heard of it.

use std::collections::HashMap;

use serde_json::Value;
use store::VideoId;

use super::message::Head;

#[derive(Debug, Default)]
pub(crate) struct Writes {
    /// What each video's status said, one write after the other: its state, and the take it named.
    statuses: HashMap<VideoId, Vec<(String, String)>>,
    /// How often each job was taken over.
    takeovers: HashMap<VideoId, u64>,
}

impl Writes {
    /// Notes a request that was answered by 200.
    pub(crate) fn took_effect(&mut self, request: &Head, body: &[u8]) {
        let (method, path) = request.method_and_path();
        if method != "PUT" {
            return;
        }
        let mut path = path.trim_start_matches('/').split('/').skip(1);
        let (folder, id, name) = (path.next(), path.next(), path.next());
        let Some(id) = id.and_then(|id| id.parse().ok()) else {
            return;
        };
        let json = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match (folder, name) {
            (Some("videos"), Some("status.json")) => {
                let status = json();
                let word = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
                let statuses = self.statuses.entry(id).or_default();
                statuses.push((word("status"), word("take")));
            }
            (Some("queue"), None) => {
                let takeovers = self.takeovers.entry(id).or_default();
                *takeovers = json()["takeovers"].as_u64().unwrap_or(0).max(*takeovers);
            }
            _ => {}
        }
    }

    /// What a video's status said, in order.
    pub(crate) fn statuses(&self, id: VideoId) -> &[(String, String)] {
        self.statuses.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether a video's status said last that nothing more is to come.
    pub(crate) fn is_final(&self, id: VideoId) -> bool {
        let last = self.statuses(id).last();
        last.is_some_and(|(state, _)| matches!(state.as_str(), "done" | "error"))
    }

    /// How often any job was taken over, and one job at most.
    pub(crate) fn takeovers(&self) -> (u64, u64) {
        let each = self.takeovers.values();
        (each.clone().sum(), each.copied().max().unwrap_or(0))
    }
}
