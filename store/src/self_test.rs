//! What comes first: waits until the store can be reached, and proves that it honours conditional
//! writes. Everything else relies on them.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;

use crate::conditional::{Condition, ETag};
use crate::id::random_hex;
use crate::keys::Object;
use crate::{Error, Store};

/// Time between two tries to reach the store at start.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Writers at once in the self-test. Stores that look and then write were seen to let 3 to 12 of 12 win.
const RACERS: usize = 12;

/// One kind of conditional write, and what a store may get wrong about it.
struct Race {
    body: &'static str,
    several_won: &'static str,
    none_won: &'static str,
    not_taken: &'static str,
}

const CREATE: Race = Race {
    body: "created by",
    several_won: "of several PUTs at once with `If-None-Match: *`, more than one was done",
    none_won: "PUTs with `If-None-Match: *` of what was not there were refused",
    not_taken: "a PUT with `If-None-Match: *` was refused, one without a condition was done",
};

const SWAP: Race = Race {
    body: "swapped by",
    several_won: "of several PUTs at once with `If-Match` of one version, more than one was done",
    none_won: "PUTs with `If-Match` of the version that was there were refused",
    not_taken: "a PUT with `If-Match` was refused, one without a condition was done",
};

impl Store {
    /// Runs `start`, anew for as long as the store cannot be reached; `None` once `stop` resolves
    /// instead. Processes that start together need no order then.
    ///
    /// # Errors
    /// The first error that waiting does not mend.
    pub async fn when_reachable<T, F>(
        stop: impl Future<Output = ()>,
        mut start: impl FnMut() -> F,
    ) -> Result<Option<T>, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut stop = pin!(stop);
        loop {
            let started = tokio::select! {
                started = start() => started,
                () = &mut stop => return Ok(None),
            };
            match started {
                Ok(started) => return Ok(Some(started)),
                Err(error) if error.is_transient() => tracing::warn!(%error, "waiting for S3"),
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = &mut stop => return Ok(None),
                () = tokio::time::sleep(RETRY_PAUSE) => {}
            }
        }
    }

    /// Lets several writers create an object of its own at once, then replace one version of it, and removes it.
    /// One after the other would not do: there are stores that look and then write, which only a race tells from
    /// those that do both in one step. 27 small requests, once at start.
    ///
    /// # Errors
    /// [`Error::Unconditional`] names what the store gets wrong, and the remedy.
    pub async fn self_test(&self) -> Result<(), Error> {
        let nonce = random_hex();
        let object = Object::SelfTest(&nonce);
        let verdict = self.try_conditions(&object).await;
        verdict.and(self.delete(&object).await)
    }

    async fn try_conditions(&self, object: &Object<'_>) -> Result<(), Error> {
        let created = self.race(object, &CREATE, Condition::Absent).await?;
        self.race(object, &SWAP, Condition::Is(&created)).await?;
        Ok(())
    }

    /// Writes an object by all racers at once; the version of the one that won.
    async fn race(
        &self,
        object: &Object<'_>,
        race: &Race,
        condition: Condition<'_>,
    ) -> Result<ETag, Error> {
        let puts = (0..RACERS).map(|racer| async move {
            let body = Bytes::from(format!("{} {racer}", race.body));
            self.try_swap(object, &body, condition).await
        });
        let (mut won, mut lost, mut unknown) = (0, 0, None);
        for answer in join_all(puts).await {
            match answer {
                Ok(Some(_)) => won += 1,
                Ok(None) => lost += 1,
                Err(error) if error.is_transient() => unknown = Some(error),
                Err(refused) => return Err(self.why_refused(object, race, refused).await),
            }
        }
        if won > 1 {
            return Err(Error::Unconditional(race.several_won));
        }
        // A winner whose answer was lost is told again that it has lost: what is there says who won.
        let there = self.read(object).await?;
        match (there, unknown) {
            (Some(there), _) if lost > 0 && there.body.starts_with(race.body.as_bytes()) => {
                Ok(there.etag)
            }
            (_, Some(unknown)) => Err(unknown),
            (_, None) => Err(Error::Unconditional(race.none_won)),
        }
    }

    /// Whether it is the condition that the store does not take.
    async fn why_refused(&self, object: &Object<'_>, race: &Race, refused: Error) -> Error {
        match self.write(object, race.body).await {
            Ok(()) => Error::Unconditional(race.not_taken),
            Err(_) => refused,
        }
    }
}
