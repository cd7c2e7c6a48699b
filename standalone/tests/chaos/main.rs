//! Kill anything, lose nothing: real processes over a line that fails, and the buckets they leave.
//!
//! All choices come from a seed, which is printed; `make chaos` takes one from `CHAOS_SEED`. When things
//! happen is the machine's, so that a seed repeats a run's choices, not each of its moments.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod announced;
mod buckets;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../conformance/clips.rs"]
mod clips;
mod direct_uploads;
mod fail_points;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../conformance/hls/mod.rs"]
mod hls;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../conformance/http.rs"]
mod http;
#[allow(dead_code, reason = "each test binary uses its part")]
#[path = "../conformance/mp4/mod.rs"]
mod mp4;
#[path = "../conformance/package.rs"]
mod package;
#[allow(dead_code, reason = "the tests of single faults use the rest")]
mod process;
mod proxy;
mod random;
#[allow(dead_code, reason = "the worker's tests use the rest")]
#[path = "../../../worker/tests/process/receiver.rs"]
mod receiver;
mod report;
#[path = "../conformance/rules/mod.rs"]
mod rules;
mod site;
mod sources;
mod storm;
mod tus;
mod uploads;
mod verdict;
#[path = "../conformance/violations.rs"]
mod violations;
mod violence;

use std::time::Duration;

use proxy::{Line, Rates};
use storm::{Plan, run};
use uploads::Pauses;

/// What each request has to fear.
const RATES: Rates = Rates {
    drop: 8,
    delay: 30,
    late: 5,
    cut_request: 8,
    cut_answer: 8,
    swallow: 10,
    internal_error: 10,
    slow_down: 10,
    late_error: 6,
};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_storm_loses_nothing() {
    run(Plan {
        seed: 5,
        videos: 24,
        clients: 5,
        pauses: Pauses {
            upload_max: s(1),
            deletion_max: s(4),
        },
        // Each holds someone up for seconds.
        rates: Rates { late: 2, ..RATES },
        worker_life: (s(3), s(8)),
        api_life: (s(6), s(12)),
        outages: vec![(s(9), Line::Silent, s(4))],
        limit: s(600),
        decode_one_in: 6,
    })
    .await;
}

/// `make chaos`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a quarter of an hour"]
async fn a_long_storm_loses_nothing() {
    let seed = number("CHAOS_SEED").unwrap_or_else(random_seed);
    println!("CHAOS_SEED={seed}");
    run(Plan {
        seed,
        videos: number("CHAOS_VIDEOS").unwrap_or(300) as usize,
        clients: 4,
        pauses: Pauses {
            upload_max: s(4),
            deletion_max: s(12),
        },
        rates: RATES,
        worker_life: (s(2), s(9)),
        api_life: (s(4), s(14)),
        outages: vec![(s(40), Line::Silent, s(30)), (s(60), Line::Refusing, s(30))],
        limit: s(25 * 60),
        decode_one_in: 10,
    })
    .await;
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable)
        .ok()
        .filter(|text| !text.is_empty())?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

fn random_seed() -> u64 {
    u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64
}
