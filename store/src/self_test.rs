//! What comes first: waits until the store can be reached, and proves that it honours conditional
//! writes. Everything else relies on them.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;

use crate::conditional::{Condition, ETag, Swap};
use crate::id::random_hex;
use crate::keys::Object;
use crate::{Error, Store};

/// Time between two tries to reach the store at start.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

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
            match start().await {
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

    /// Tries each kind of conditional write on an object of its own, which it removes.
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
        let body = |text: &'static str| Bytes::from_static(text.as_bytes());
        let Swap::Won(first) = self.swap(object, body("first"), Condition::Absent).await? else {
            return Err(Error::Unconditional(
                "a first PUT with `If-None-Match: *` was refused",
            ));
        };
        if let Swap::Won(_) = self.swap(object, body("second"), Condition::Absent).await? {
            return Err(Error::Unconditional(
                "a PUT with `If-None-Match: *` replaced an object that was there",
            ));
        }
        let stale = ETag("\"00000000000000000000000000000000\"".to_owned());
        if let Swap::Won(_) = self
            .swap(object, body("third"), Condition::Is(&stale))
            .await?
        {
            return Err(Error::Unconditional(
                "a PUT with `If-Match` of another version replaced the object",
            ));
        }
        let Swap::Won(_) = self
            .swap(object, body("fourth"), Condition::Is(&first))
            .await?
        else {
            return Err(Error::Unconditional(
                "a PUT with `If-Match` of the right version was refused",
            ));
        };
        Ok(())
    }
}
