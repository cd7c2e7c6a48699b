//! What must be true at the end: every upload that was acknowledged came to the end its file deserves, once;
//! its package conforms; and nothing lies in the buckets that nothing explains.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use store::{State, Status, Store, VideoId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::announced;
use crate::buckets::Buckets;
use crate::mp4::File;
use crate::package::Package;
use crate::proxy::Writes;
use crate::rules;
use crate::site::{RAW_BUCKET, VIDEO_BUCKET};
use crate::sources::{Fate, Source, source};
use crate::storm::{Plan, Storm};
use crate::uploads::number_in;

/// Packages that are looked at at once.
const AT_ONCE: usize = 2;
/// A frame at 24 a second, and the rounding of two figures.
const DURATION_TOLERANCE_MS: u64 = 43;

/// Something that is wrong, with the video where it is one's.
pub(crate) struct Wrong {
    pub(crate) id: Option<VideoId>,
    pub(crate) what: String,
}

#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) done: usize,
    pub(crate) refused: usize,
    pub(crate) deleted: usize,
    /// Videos whose uploads were not acknowledged.
    pub(crate) extra: usize,
    pub(crate) decoded: usize,
    /// Events that the receiver took, and requests that it took to tell of them.
    pub(crate) events: usize,
    pub(crate) tellings: usize,
    pub(crate) swept: store::Swept,
    /// From the id's making to the final status.
    pub(crate) longest_s: f64,
}

impl Verdict {
    fn wrong(&mut self, id: impl Into<Option<VideoId>>, what: impl Into<String>) {
        self.wrong.push(Wrong {
            id: id.into(),
            what: what.into(),
        });
    }
}

/// Judges a storm that is over, with an API to ask at `origin`.
pub(crate) async fn judge(storm: &Storm, origin: &str) -> Verdict {
    let (site, uploads) = (&storm.site, &storm.uploads);
    let mut verdict = Verdict::default();
    let store = site
        .store(|settings| {
            settings.original_grace = Some(Duration::ZERO);
            settings.upload_expiry = Duration::ZERO;
        })
        .await;
    let buckets = Buckets::of(site);
    verdict.swept = store.sweep().await.unwrap();
    for number in uploads.unacknowledged() {
        verdict.wrong(None, format!("upload {number} was never acknowledged"));
    }
    let statuses = statuses(&buckets, &store, &mut verdict).await;
    for (id, number) in uploads.acknowledged() {
        let is_deleted = source(number).fate == Fate::Deleted;
        verdict.deleted += usize::from(is_deleted);
        match statuses.get(&id) {
            Some(_) if is_deleted => verdict.wrong(id, "it was deleted and is there"),
            None if is_deleted => {}
            None => verdict.wrong(id, "it was acknowledged and is not there"),
            Some(status) if number_in(&status.filename) != Some(number) => {
                verdict.wrong(id, format!("it is called {}", status.filename));
            }
            Some(_) => {}
        }
    }
    let acknowledged = uploads.acknowledged();
    let extra = statuses.keys().filter(|id| !acknowledged.contains_key(id));
    verdict.extra = extra.count();
    for status in statuses.values() {
        let Some(number) = number_in(&status.filename) else {
            verdict.wrong(status.id, format!("it is called {:?}", status.filename));
            continue;
        };
        check_status(status, &source(number), &storm.proxy.writes(), &mut verdict);
    }
    let heard = site.receiver.heard();
    let (events, untrue) = announced::check(&heard, &statuses, &storm.proxy.writes());
    (verdict.events, verdict.tellings) = (events, heard.len());
    for (id, what) in untrue {
        verdict.wrong(id, what);
    }
    let acknowledged = acknowledged.into_iter();
    let deleted = acknowledged.filter(|(_, number)| source(*number).fate == Fate::Deleted);
    let tombstones = deleted.map(|(id, _)| format!("deleted/{id}")).collect();
    check_keys(&buckets, &statuses, tombstones, &mut verdict).await;
    check_packages(&storm.plan, origin, &statuses, &mut verdict).await;
    verdict
}

/// Every video there is a trace of.
async fn statuses(
    buckets: &Buckets,
    store: &Store,
    verdict: &mut Verdict,
) -> BTreeMap<VideoId, Status> {
    let mut ids: BTreeSet<VideoId> = BTreeSet::new();
    for key in buckets.keys(VIDEO_BUCKET, "videos/").await {
        ids.extend(
            key.split('/')
                .nth(1)
                .and_then(|id| id.parse::<VideoId>().ok()),
        );
    }
    let mut statuses = BTreeMap::new();
    for id in ids {
        match store.status(id).await {
            Ok(Some(status)) => {
                statuses.insert(id, status.value);
            }
            Ok(None) => verdict.wrong(id, "it has objects and no status"),
            Err(error) => verdict.wrong(id, error.to_string()),
        }
    }
    statuses
}

fn check_status(status: &Status, source: &Source, writes: &Writes, verdict: &mut Verdict) {
    let id = status.id;
    let took = status.updated_at - status.created_at;
    verdict.longest_s = verdict.longest_s.max(took.as_seconds_f64());
    let history = writes.statuses(id);
    let times_done = history.iter().filter(|(state, _)| state == "done").count();
    if source.fate == Fate::Refused {
        verdict.refused += 1;
        let sentence = status.error.as_deref().unwrap_or_default();
        if status.status != State::Error || !sentence.contains("not a video") || times_done > 0 {
            verdict.wrong(
                id,
                format!("it is no video, but {:?}: {sentence:?}", status.status),
            );
        }
        return;
    }
    if status.status != State::Done {
        verdict.wrong(id, format!("it is {:?}", status.status));
        return;
    }
    verdict.done += 1;
    let take = status.take.as_ref().map(ToString::to_string);
    let last = history.last().map(|(state, take)| (state.as_str(), take));
    if times_done != 1 || last != take.as_ref().map(|take| ("done", take)) {
        verdict.wrong(id, format!("its status was written so: {history:?}"));
    }
    let rungs: Vec<_> = status.qualities.iter().map(|rung| rung.as_str()).collect();
    if rungs != source.rungs {
        verdict.wrong(id, format!("it has {rungs:?}, not {:?}", source.rungs));
    }
    let duration_ms = status.duration_ms.unwrap_or_default();
    if duration_ms.abs_diff(source.duration_ms) > DURATION_TOLERANCE_MS {
        verdict.wrong(
            id,
            format!("it lasts {duration_ms} ms of {}", source.duration_ms),
        );
    }
    if !status.warnings.is_empty() {
        verdict.wrong(id, format!("it has warnings: {:?}", status.warnings));
    }
}

/// Every key must be one that a status explains, and all that it explains must be there.
async fn check_keys(
    buckets: &Buckets,
    statuses: &BTreeMap<VideoId, Status>,
    tombstones: BTreeSet<String>,
    verdict: &mut Verdict,
) {
    let (mut raw, mut video) = (tombstones, BTreeSet::new());
    for (id, status) in statuses {
        let inverted_ms = 0xffff_ffff_ffff - id.created_at_ms();
        raw.insert(format!("index/{inverted_ms:012x}-{id}"));
        if status.status == State::Error {
            raw.insert(format!("uploads/{id}.orig"));
        }
        video.insert(format!("videos/{id}/status.json"));
        if status.status != State::Done {
            continue;
        }
        let take = status.take.as_ref().map(ToString::to_string);
        let folder = format!("videos/{id}/{}", take.unwrap_or_default());
        video.insert(format!("{folder}/master.m3u8"));
        video.extend(status.extras().map(|name| format!("{folder}/{name}")));
        for track in &status.subtitles {
            video.insert(format!("{folder}/subtitles-{}.m3u8", track.index));
        }
        for rung in &status.qualities {
            for name in [".mp4", ".m3u8", "-iframes.m3u8"] {
                video.insert(format!("{folder}/{rung}{name}"));
            }
        }
    }
    for (bucket, explained) in [(RAW_BUCKET, raw), (VIDEO_BUCKET, video)] {
        let there: BTreeSet<_> = buckets.keys(bucket, "").await.into_iter().collect();
        for key in there.difference(&explained) {
            verdict.wrong(id_in(key), format!("nothing explains {bucket}/{key}"));
        }
        for key in explained.difference(&there) {
            verdict.wrong(id_in(key), format!("{bucket}/{key} is missing"));
        }
        for key in buckets.unfinished_uploads(bucket).await {
            let what = format!("an upload of {bucket}/{key} is unfinished");
            verdict.wrong(id_in(&key), what);
        }
    }
}

fn id_in(key: &str) -> Option<VideoId> {
    let mut parts = key.split(['/', '.']).skip(1);
    // An index entry's time has no dash.
    let part = parts.next()?;
    let id = part.parse().ok();
    id.or_else(|| part.split_once('-')?.1.parse().ok())
}

/// As a player gets them, and some of them decoded.
async fn check_packages(
    plan: &Plan,
    origin: &str,
    statuses: &BTreeMap<VideoId, Status>,
    verdict: &mut Verdict,
) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut checks = JoinSet::new();
    let done = statuses
        .values()
        .filter(|status| status.status == State::Done);
    for (place, status) in done.enumerate() {
        let (status, room) = (status.clone(), Arc::clone(&room));
        let master = format!("{origin}/api/video/{}/hls/master.m3u8", status.id);
        let is_decoded = place % plan.decode_one_in == 0;
        verdict.decoded += usize::from(is_decoded);
        checks.spawn(async move {
            let _room = room.acquire().await;
            let wrong = check_package(&master, &status, is_decoded).await;
            (status.id, wrong)
        });
    }
    while let Some(checked) = checks.join_next().await {
        match checked {
            Ok((id, wrong)) => wrong.into_iter().for_each(|what| verdict.wrong(id, what)),
            Err(panic) => verdict.wrong(None, format!("a package cannot be read: {panic}")),
        }
    }
}

async fn check_package(master: &str, status: &Status, is_decoded: bool) -> Vec<String> {
    let mut package = Package::fetch(master).await;
    if let Some(copied) = status.renditions.iter().find(|rendition| rendition.copied) {
        package = package.copied(&format!("{}.m3u8", copied.name));
    }
    let number = number_in(&status.filename).unwrap_or_default();
    let expected = source(number).pictures;
    let mut wrong = Vec::new();
    for rung in &package.rungs {
        let pictures = File::read(&rung.file).map(|file| {
            let parts = file.parts(&file.video);
            parts.map(|(_, part)| part.samples.len()).sum::<usize>()
        });
        if pictures != Ok(expected) {
            wrong.push(format!(
                "{}: {pictures:?} pictures of {expected}",
                rung.name
            ));
        }
    }
    wrong.extend(match is_decoded {
        true => rules::check(package).await,
        false => rules::without_decoding(&mut package).into_sentences(),
    });
    wrong
}
