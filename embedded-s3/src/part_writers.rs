//! Bounds on the parts that browsers write at once.
//!
//! A URL for a part can be used any number of times, by any number of connections, and each body takes a
//! blob on disk and a batch in memory until its last byte. So a part has one writer, the newest; an upload
//! has a share of all writers; and there are only so many of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use s3s::{S3Result, s3_error};
use tokio_util::sync::CancellationToken;

/// Every upload may have so many writers, if there are so many at all: more than browsers send at once.
const SHARE_OF_SMALL_SITES: usize = 8;
/// Beyond that, an upload may have this part of all writers.
const UPLOADS_SIDE_BY_SIDE: usize = 4;

/// What browsers may do to a [`Front`](crate::Front).
#[derive(Debug, Clone, Copy)]
pub struct FrontLimits {
    /// A body of which nothing comes for so long is given up.
    pub idle_timeout: Duration,
    /// Parts that are written at once, each of which takes 1 MiB of memory; more are answered `SlowDown` (503).
    pub part_writers: usize,
}

/// The parts that are being written through a front.
#[derive(Clone)]
pub(crate) struct PartWriters {
    most: usize,
    writing: Arc<Mutex<HashMap<Part, CancellationToken>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Part {
    upload_id: String,
    number: i32,
}

impl PartWriters {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            writing: Arc::default(),
        }
    }

    /// Takes a part over from whoever writes it.
    pub(crate) fn begin(&self, upload_id: &str, number: i32) -> S3Result<PartWriter> {
        let part = Part {
            upload_id: upload_id.to_owned(),
            number,
        };
        let mut writing = self.lock();
        if !writing.contains_key(&part) {
            let own = writing.keys().filter(|other| other.upload_id == upload_id);
            let share = (self.most / UPLOADS_SIDE_BY_SIDE).max(SHARE_OF_SMALL_SITES);
            if writing.len() >= self.most || own.count() >= share {
                return Err(s3_error!(
                    SlowDown,
                    "too many parts are being sent: send this one again in a while"
                ));
            }
        }
        let replaced = CancellationToken::new();
        if let Some(older) = writing.insert(part.clone(), replaced.clone()) {
            older.cancel();
        }
        drop(writing);
        Ok(PartWriter {
            writers: self.clone(),
            part,
            replaced,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Part, CancellationToken>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who writes a part, until it is dropped.
pub(crate) struct PartWriter {
    writers: PartWriters,
    part: Part,
    replaced: CancellationToken,
}

impl PartWriter {
    /// Receives a body, unless the part is sent anew in the meantime.
    pub(crate) async fn write<T>(
        &self,
        receiving: impl Future<Output = S3Result<T>>,
    ) -> S3Result<T> {
        tokio::select! {
            biased;
            () = self.replaced.cancelled() => {
                Err(s3_error!(OperationAborted, "the part is being sent anew"))
            }
            received = receiving => received,
        }
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        // A newer writer has the entry where there is one.
        if !self.replaced.is_cancelled() {
            self.writers.lock().remove(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    fn is_refused(writer: S3Result<PartWriter>) -> bool {
        writer.is_err_and(|error| *error.code() == S3ErrorCode::SlowDown)
    }

    #[test]
    fn there_are_so_many_writers_of_an_upload_and_of_all() {
        let writers = PartWriters::new(40);
        let begin = |upload: &str, number| writers.begin(upload, number);
        let mut one: Vec<_> = (1..=10).map(|n| begin("one", n).unwrap()).collect();
        assert!(is_refused(begin("one", 11)));
        // The same part again takes no place of its own, and gives none back when the older one ends.
        one.push(begin("one", 1).unwrap());
        drop(one.remove(0));
        assert!(is_refused(begin("one", 11)));

        let of_others = |upload: &str| (1..=10).map(|n| begin(upload, n).unwrap()).collect();
        let others: Vec<Vec<_>> = ["two", "three", "four"].map(of_others).into();
        assert!(is_refused(begin("five", 1)));
        drop(one);
        begin("five", 1).unwrap();
        drop(others);
        assert!(writers.lock().is_empty());
    }

    #[tokio::test]
    async fn who_is_replaced_stops() {
        let writers = PartWriters::new(2);
        let older = writers.begin("one", 1).unwrap();
        let newer = writers.begin("one", 1).unwrap();
        let error = older.write(std::future::pending::<S3Result<()>>()).await;
        assert_eq!(*error.unwrap_err().code(), S3ErrorCode::OperationAborted);
        newer.write(async { Ok(()) }).await.unwrap();
    }
}
