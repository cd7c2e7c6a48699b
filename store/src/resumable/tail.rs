//! Tails: up to a part's length, under a key that nobody else writes.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use crate::client;
use crate::error::is_missing;
use crate::keys::Object;
use crate::{Error, Store};

/// Times that an answer may break off in its body, which the SDK does not ask for again.
const READ_ROUNDS: u32 = 4;

impl Store {
    pub(super) async fn write_tail(&self, tail: &Object<'_>, bytes: Bytes) -> Result<(), Error> {
        self.s3()
            .put_object()
            .bucket(tail.bucket(self.settings()))
            .key(tail.key())
            .content_type(tail.content_type())
            .cache_control(tail.cache_control())
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(client::bulky())
            .send()
            .await
            .map_err(|error| Error::from_sdk(format!("write {}", tail.key()), &error))?;
        Ok(())
    }

    /// None where it is not there.
    pub(super) async fn read_tail(&self, tail: &Object<'_>) -> Result<Option<Bytes>, Error> {
        let mut round = 1;
        loop {
            let answer = self
                .s3()
                .get_object()
                .bucket(tail.bucket(self.settings()))
                .key(tail.key())
                .customize()
                .config_override(client::bulky())
                .send()
                .await;
            let body = match answer {
                Ok(answer) => answer.body,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => {
                    return Err(Error::from_sdk(format!("read {}", tail.key()), &error));
                }
            };
            match body.collect().await {
                Ok(body) => return Ok(Some(body.into_bytes())),
                Err(error) if round == READ_ROUNDS => {
                    return Err(Error::Unavailable {
                        doing: format!("read {}", tail.key()),
                        reason: error.to_string(),
                    });
                }
                Err(_) => round += 1,
            }
        }
    }
}
