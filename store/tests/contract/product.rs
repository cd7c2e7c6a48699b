//! AssetLab's own work on the server: each step of a video's path, repair, sweep and deletion.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use store::queue::{Claim, Queue};
use store::{Completion, MediaUpload, State, StatusWriter, Store, VideoId};

use crate::conditions::RACERS;
use crate::outcome::outcome;
use crate::server::{MIN_PART_LEN_BYTES, Server, Verdict, ensure, expect, pattern};

/// A store for which all that is left over is old enough to be swept.
async fn store(server: &Server) -> Store {
    let mut settings = server.settings();
    settings.original_grace = Some(Duration::ZERO);
    settings.upload_expiry = Duration::ZERO;
    Store::connect(settings).await.unwrap()
}

async fn store_that_waits(server: &Server) -> Store {
    Store::connect(server.settings()).await.unwrap()
}

async fn upload(store: &Store, parts: &[Vec<u8>]) -> VideoId {
    let id = VideoId::new();
    let mut upload = store.begin_original(id, "a film é.mp4").await.unwrap();
    for part in parts {
        upload.part(Bytes::from(part.clone())).await.unwrap();
    }
    upload.complete().await.unwrap();
    id
}

async fn enqueue(store: &Store) -> VideoId {
    let id = upload(store, &[b"an original".to_vec()]).await;
    store.enqueue(id, "a film é.mp4").await.unwrap();
    id
}

async fn claim(store: &Store, owner: &str) -> Option<(Claim, StatusWriter)> {
    Queue::new(store.clone(), owner).claim(1).await.unwrap()
}

async fn is(store: &Store, id: VideoId, wanted: State) -> Verdict {
    let status = store
        .status(id)
        .await
        .unwrap()
        .map(|there| there.value.status);
    ensure(
        status == Some(wanted),
        &format!("the video is {status:?}, not {wanted:?}"),
    )
}

/// Sweeps until nothing more goes: S3's dates have whole seconds, so what was just written may seem not to have aged.
async fn sweep_until(store: &Store, is_clean: impl AsyncFn() -> bool) -> Verdict {
    for _ in 0..50 {
        store
            .sweep()
            .await
            .map_err(|error| format!("the sweep: {error}"))?;
        if is_clean().await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ensure(false, "the sweep leaves something in 10 s")
}

pub(crate) async fn the_store_passes_the_test_of_its_start(server: &Server) -> Verdict {
    let store = store(server).await;
    store.ready().await.map_err(|error| error.to_string())?;
    store.self_test().await.map_err(|error| error.to_string())?;
    let left = server.keys(&server.bucket, "").await;
    ensure(left.is_empty(), &format!("it leaves {left:?}"))
}

pub(crate) async fn a_video_goes_from_upload_to_done(server: &Server) -> Verdict {
    let store = store(server).await;
    let parts = [pattern(MIN_PART_LEN_BYTES), pattern(1000)];
    let id = upload(&store, &parts).await;
    store.enqueue(id, "a film é.mp4").await.unwrap();
    is(&store, id, State::Pending).await?;
    let original = store.original_url(id).await.unwrap();
    let original = reqwest::get(original.expose()).await.unwrap();
    ensure(
        original.bytes().await.unwrap() == parts.concat(),
        "the original has other bytes",
    )?;

    let Some((claim, mut status)) = claim(&store, "worker").await else {
        return ensure(false, "there is nothing to claim");
    };
    is(&store, id, State::Processing).await?;
    let media = pattern(MIN_PART_LEN_BYTES * 2);
    let rung = "360p".parse().unwrap();
    let mut rendition = MediaUpload::begin(&store, id, claim.take(), &rung, 1000);
    for fragment in media.chunks(700_000) {
        rendition
            .append(Bytes::copy_from_slice(fragment))
            .await
            .unwrap();
    }
    let head = pattern(1000);
    rendition.finish(&head).await.unwrap();
    status.progress(0.5).await.unwrap();
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();

    is(&store, id, State::Done).await?;
    let queued = server.keys(&server.bucket, "queue/").await;
    ensure(queued.is_empty(), "the marker is still there")?;
    let versioned = store.status(id).await.unwrap().unwrap().value;
    let key = format!("videos/{id}/{}/360p.mp4", versioned.take.unwrap());
    let get = server
        .client
        .get_object()
        .bucket(&server.other_bucket)
        .key(key);
    let there = get
        .send()
        .await
        .unwrap()
        .body
        .collect()
        .await
        .unwrap()
        .to_vec();
    ensure(
        there == [head, media].concat(),
        "the rendition has other bytes",
    )
}

pub(crate) async fn a_file_goes_straight_to_the_server(server: &Server) -> Verdict {
    let store = store_that_waits(server).await;
    let (id, file) = (VideoId::new(), pattern((8 << 20) + 1000));
    let begun = store.begin_direct_upload(id, "a film é.mp4", file.len() as u64);
    let mut upload = begun.await.unwrap().expect("a new id");
    let (urls, _) = upload.part_urls([2, 1]).await.unwrap();
    for link in &urls {
        let at = usize::from(link.number - 1) * (8 << 20);
        let part = &file[at..file.len().min(at + (8 << 20))];
        let put = reqwest::Client::new().put(link.url.expose());
        let sent = put.body(part.to_vec()).send().await.unwrap();
        expect("a part", sent.status().as_u16(), 200)?;
        let (arrived, missing) = upload
            .parts()
            .await
            .map_err(|_| "its parts cannot be listed".to_owned())?;
        let wanted = match link.number {
            2 => (1, vec![1]),
            _ => (2, Vec::new()),
        };
        ensure(
            (arrived.len(), missing) == wanted,
            &format!("arrived: {arrived:?}"),
        )?;
    }
    for wanted in [Completion::Now, Completion::Before] {
        let completed = upload.complete().await.map_err(|error| error.to_string())?;
        ensure(
            completed == wanted,
            &format!("{completed:?}, not {wanted:?}"),
        )?;
    }
    is(&store, id, State::Pending).await?;
    let original = store.original_url(id).await.unwrap();
    let original = reqwest::get(original.expose()).await.unwrap();
    ensure(
        original.bytes().await.unwrap() == file,
        "the original has other bytes",
    )
}

pub(crate) async fn of_twelve_workers_one_claims(server: &Server) -> Verdict {
    let store = store(server).await;
    for _ in 0..3 {
        let id = enqueue(&store).await;
        let owners: Vec<String> = (0..RACERS)
            .map(|number| format!("worker {number}"))
            .collect();
        let claims = join_all(owners.iter().map(|owner| claim(&store, owner))).await;
        let mut claims: Vec<_> = claims.into_iter().flatten().collect();
        expect("claims won", claims.len(), 1)?;
        let (claim, mut status) = claims.remove(0);
        status.done(outcome()).await.unwrap();
        claim.finish().await.unwrap();
        is(&store, id, State::Done).await?;
    }
    Ok(())
}

pub(crate) async fn what_fell_out_of_the_queue_is_queued(server: &Server) -> Verdict {
    let store = store(server).await;
    let id = upload(&store, &[b"an original".to_vec()]).await;
    for (when, queued) in [("first", 1), ("second", 0)] {
        let repaired = store.repair().await.unwrap();
        expect(
            &format!("jobs queued by the {when} repair"),
            repaired,
            queued,
        )?;
    }
    is(&store, id, State::Pending).await?;
    let queued = server.keys(&server.bucket, "queue/").await;
    ensure(
        queued == [format!("queue/{id}")],
        &format!("queued: {queued:?}"),
    )
}

pub(crate) async fn what_nothing_names_is_swept(server: &Server) -> Verdict {
    let store = store(server).await;
    let id = enqueue(&store).await;
    let Some((claim, mut status)) = claim(&store, "worker").await else {
        return ensure(false, "there is nothing to claim");
    };
    let loser = VideoId::new();
    let strays = format!(
        "videos/{id}/{}/360p.mp4",
        "0".repeat(claim.take().as_str().len())
    );
    let put = server.client.put_object().bucket(&server.other_bucket);
    put.key(&strays).send().await.unwrap();
    let unfinished = server.client.create_multipart_upload();
    let unfinished = unfinished.bucket(&server.other_bucket).key(&strays);
    unfinished.send().await.unwrap();
    let mut given_up = store.begin_original(loser, "film.mp4").await.unwrap();
    given_up.part(Bytes::from_static(b"half")).await.unwrap();
    status.done(outcome()).await.unwrap();
    claim.finish().await.unwrap();

    sweep_until(&store, async || {
        server.uploads(&server.bucket).await.is_empty()
            && server.uploads(&server.other_bucket).await.is_empty()
            && server.keys(&server.bucket, "uploads/").await.is_empty()
            && !server
                .keys(&server.other_bucket, "videos/")
                .await
                .contains(&strays)
    })
    .await?;
    is(&store, id, State::Done).await
}

pub(crate) async fn a_deleted_video_is_gone(server: &Server) -> Verdict {
    let store = store(server).await;
    let id = enqueue(&store).await;
    store.delete_video(id).await.unwrap();
    sweep_until(&store, async || {
        let raw = server.keys(&server.bucket, "").await;
        raw.iter().all(|key| key.starts_with("deleted/"))
            && server.keys(&server.other_bucket, "").await.is_empty()
    })
    .await?;
    ensure(
        store.status(id).await.unwrap().is_none(),
        "it still has a status",
    )?;
    expect("jobs queued by a repair", store.repair().await.unwrap(), 0)
}
