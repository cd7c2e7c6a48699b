//! Proves at start that the store honours conditional writes: everything else relies on them.

use bytes::Bytes;

use crate::conditional::{Condition, ETag, Swap};
use crate::id::random_hex;
use crate::keys::Object;
use crate::{Error, Store};

impl Store {
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
