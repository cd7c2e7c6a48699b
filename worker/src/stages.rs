//! Where a job's time goes: for the operator's log and metrics.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::metrics::{
    ORIGINAL_READ_BYTES, ORIGINAL_REQUESTS, REALTIME_FACTOR, STAGE_SECONDS, Stage,
};
use tokio::sync::Notify;
use tokio::time::Instant;
use transcode::{Fetched, Traffic};

/// Watches one job, from any thread.
pub(crate) struct Stages {
    claimed_at: Instant,
    marks: Mutex<Marks>,
    fragments: Notify,
}

#[derive(Default, Clone, Copy)]
struct Marks {
    decoding_at: Option<Instant>,
    encoded_at: Option<Instant>,
}

/// The parts of a job that is done; together, all of it.
pub(crate) struct Parts {
    /// From the claim until the original is probed and decoding begins.
    pub(crate) start: Duration,
    /// Until the last rendition's last fragment is encoded.
    pub(crate) transcode: Duration,
    /// Until now: last parts, playlists, commit.
    pub(crate) end: Duration,
}

impl Parts {
    /// Counts the stages of a job that is done, whose video is so long.
    pub(crate) fn count(&self, video_duration: Duration) {
        for (stage, part) in [
            (Stage::Start, self.start),
            (Stage::Transcode, self.transcode),
            (Stage::End, self.end),
        ] {
            STAGE_SECONDS.observe([stage.as_str()], part.as_secs_f64());
        }
        let work = self.start + self.transcode + self.end;
        REALTIME_FACTOR.observe([], video_duration.as_secs_f64() / work.as_secs_f64());
    }
}

/// Counts a job's reads of its original: now and then, and when it is dropped.
#[derive(Default)]
pub(crate) struct ReadCount {
    traffic: Arc<Traffic>,
    counted: Fetched,
}

impl ReadCount {
    pub(crate) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }

    /// Counts what came to it since the last time; whether anything did.
    pub(crate) fn count(&mut self) -> bool {
        let so_far = self.traffic.so_far();
        let has_grown = so_far.bytes > self.counted.bytes;
        ORIGINAL_REQUESTS.add([], so_far.requests - self.counted.requests);
        ORIGINAL_READ_BYTES.add([], so_far.bytes - self.counted.bytes);
        self.counted = so_far;
        has_grown
    }
}

impl Drop for ReadCount {
    fn drop(&mut self) {
        self.count();
    }
}

/// Returns once neither a fragment nor a byte of the original has come for so long. Per cents of progress say
/// too little: one of a long film takes minutes, and a transcode that is begun anew tells none for as long as
/// the first try took.
pub(crate) async fn stalled(stages: &Stages, reads: &mut ReadCount, timeout: Duration) {
    loop {
        tokio::select! {
            () = stages.another_fragment() => {}
            () = tokio::time::sleep(timeout) => {
                if !reads.count() {
                    return;
                }
            }
        }
    }
}

impl Stages {
    pub(crate) fn new(claimed_at: Instant) -> Self {
        Self {
            claimed_at,
            marks: Mutex::default(),
            fragments: Notify::new(),
        }
    }

    /// The first one's opening counts.
    pub(crate) fn rendition_opened(&self) {
        self.mark(|marks| {
            marks.decoding_at.get_or_insert_with(Instant::now);
        });
    }

    /// One more.
    pub(crate) fn fragment_encoded(&self) {
        self.fragments.notify_one();
    }

    /// Returns once there is another one.
    pub(crate) async fn another_fragment(&self) {
        self.fragments.notified().await;
    }

    /// The last one's end counts.
    pub(crate) fn rendition_encoded(&self) {
        self.mark(|marks| marks.encoded_at = Some(Instant::now()));
    }

    pub(crate) fn until_now(&self) -> Duration {
        self.claimed_at.elapsed()
    }

    pub(crate) fn parts(&self) -> Parts {
        let marks = self.mark(|marks| *marks);
        let decoding_at = marks.decoding_at.unwrap_or(self.claimed_at);
        let encoded_at = marks.encoded_at.unwrap_or(decoding_at);
        Parts {
            start: decoding_at - self.claimed_at,
            transcode: encoded_at - decoding_at,
            end: encoded_at.elapsed(),
        }
    }

    fn mark<T>(&self, act: impl FnOnce(&mut Marks) -> T) -> T {
        act(&mut self.marks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_fragment_is_a_sign_of_life() {
        let stages = Stages::new(Instant::now());
        let timeout = Duration::from_secs(900);
        let began = Instant::now();
        let encoding = async {
            for _ in 0..10 {
                tokio::time::sleep(timeout * 9 / 10).await;
                stages.fragment_encoded();
            }
        };
        let mut reads = ReadCount::default();
        tokio::join!(encoding, stalled(&stages, &mut reads, timeout));
        assert_eq!(began.elapsed(), timeout * 9 + timeout);
    }
}
