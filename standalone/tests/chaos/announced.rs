//! What the receiver of webhooks heard: how each video ended, and nothing that never happened.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use store::{Status, VideoId};

use crate::proxy::Writes;
use crate::receiver::{Answer, Heard};

/// So many requests are answered by 500, by the end of the connection, and not at all.
const REFUSED_ONE_IN: usize = 4;
const CUT_ONE_IN: usize = 9;
const UNANSWERED_ONE_IN: usize = 11;

pub(crate) fn answer(before: &[Heard], _now: &Heard) -> Answer {
    match before.len() + 1 {
        number if number.is_multiple_of(REFUSED_ONE_IN) => Answer::Status(500),
        number if number.is_multiple_of(CUT_ONE_IN) => Answer::Cut,
        number if number.is_multiple_of(UNANSWERED_ONE_IN) => Answer::Never,
        _ => Answer::Status(200),
    }
}

/// How many events were taken, and what is wrong with what was heard.
pub(crate) fn check(
    heard: &[Heard],
    statuses: &BTreeMap<VideoId, Status>,
    writes: &Writes,
) -> (usize, Vec<(VideoId, String)>) {
    let mut wrong = Vec::new();
    let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
    let mut taken: BTreeMap<&str, Value> = BTreeMap::new();
    for one in heard {
        let (event_id, json) = (one.event_id(), one.json());
        let id: VideoId = one.video_id().parse().unwrap();
        if *bodies.entry(event_id).or_insert(&one.body) != one.body {
            wrong.push((id, format!("event {event_id} was not the same each time")));
        }
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (state, take) = (word(&json["video"]["status"]), word(&json["video"]["take"]));
        let happened = writes.statuses(id).contains(&(state.clone(), take));
        if !happened || json["type"] != format!("video.{state}") || json["id"] != event_id {
            wrong.push((id, format!("event {event_id} never happened: {json}")));
        }
        if one.is_taken {
            taken.insert(event_id, json["video"].clone());
        }
    }
    let told: BTreeSet<String> = taken.values().map(Value::to_string).collect();
    for (id, status) in statuses {
        let status = serde_json::to_value(status).unwrap();
        if !told.contains(&status.to_string()) {
            wrong.push((*id, "nobody was told how it ended".to_owned()));
        }
    }
    (taken.len(), wrong)
}
