//! More jobs than there is memory for.

use std::time::Duration;

use store::{State, VideoId};

use crate::buckets::Buckets;
use crate::worker_process::{TINY, Worker, clip, upload};

/// Has a worker of two jobs at once, which is started anew whenever it ends, do a large job beside small ones.
async fn crowd(max_job_memory_mb: u32, large: Vec<u8>) {
    let buckets = Buckets::start().await;
    let store = buckets.store().await;
    let large = upload(&store, large).await;
    let mut small = Vec::new();
    for _ in 0..5 {
        small.push(upload(&store, TINY.clone()).await);
    }
    let memory = format!("{max_job_memory_mb}000000");
    let env = [
        ("MAX_JOB_MEMORY", memory.as_str()),
        ("WORKER_JOBS", "2"),
        ("MAX_ATTEMPTS", "2"),
        ("MAX_TAKEOVERS", "2"),
        ("LEASE", "3s"),
    ];
    let start = || Worker::start_on_one_core(&buckets.settings(), &env);
    let mut worker = start();
    let mut log = String::new();
    for looks in 0.. {
        assert!(looks < 1200, "{max_job_memory_mb} MB: not settled: {log}");
        if worker.has_ended() {
            log += &worker.log();
            worker = start();
        }
        if buckets.keys("raw", "queue/").await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    log += &worker.log();
    let frames = async |id: VideoId| {
        let status = store.status(id).await.unwrap().unwrap().value;
        assert!(status.warnings.is_empty(), "{:?}: {log}", status.warnings);
        let mut frames = Vec::new();
        for rung in &status.qualities {
            let url = store.rendition_url(&status, rung, None).await.unwrap();
            frames.push(crate::decoded_frames(url.expose()));
        }
        (status.status, frames, status.error)
    };
    for id in small {
        let made = frames(id).await;
        assert_eq!(
            made,
            (State::Done, vec![24], None),
            "{max_job_memory_mb} MB: {log}"
        );
    }
    let (state, made, error) = frames(large).await;
    match state {
        State::Done => assert_eq!(made, [24; 3]),
        _ => {
            // Whatever becomes of it does so while it runs alone.
            assert!(error.unwrap().ends_with('.'));
            let told = ["released to run alone", "takeovers=1", "takeovers=2"];
            let about = |line: &&str| line.contains(&large.to_string());
            let mut lines = log.lines().filter(about);
            assert!(
                lines.any(|line| told.iter().any(|told| line.contains(told))),
                "{log}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_job_is_judged_for_its_neighbours_memory() {
    let large = clip("3840x2160", 1, 40);
    // From one that it has no chance with to one that it may just do with, even beside another.
    let crowds = [65, 80, 95, 110].map(|mb| crowd(mb, large.clone()));
    futures::future::join_all(crowds).await;
}
