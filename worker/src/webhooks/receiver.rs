//! One delivery: a signed POST, as the Standard Webhooks convention has it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use sha2::Sha256;
use store::Error;

use super::config::WebhookArgs;

/// What a secret in Base64 begins with.
const BASE64_PREFIX: &str = "whsec_";
/// A shorter secret could be guessed from one request.
const KEY_BYTES_MIN: usize = 16;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("AssetLab/", env!("CARGO_PKG_VERSION"));

/// Who is told of events.
pub(crate) struct Receiver {
    client: Client,
    url: Url,
    key: Vec<u8>,
    timeout: Duration,
}

impl Receiver {
    /// None where there are no webhooks.
    ///
    /// # Errors
    /// [`Error::Settings`] where address or secret cannot be used; neither is shown.
    pub(crate) fn new(args: &WebhookArgs) -> Result<Option<Self>, Error> {
        let refuse = |message: &str| Err(Error::Settings(message.to_owned()));
        let Some(url) = &args.webhook_url else {
            return Ok(None);
        };
        let url = match Url::parse(url.expose()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            _ => {
                return refuse(
                    "WEBHOOK_URL is no address: write for example https://example.com/hook",
                );
            }
        };
        let secret = args.webhook_secret.as_ref().map_or("", |it| it.expose());
        let key = match secret.strip_prefix(BASE64_PREFIX) {
            None => secret.as_bytes().to_vec(),
            Some(encoded) => match base64_simd::STANDARD.decode_to_vec(encoded) {
                Ok(key) => key,
                Err(_) => return refuse("WEBHOOK_SECRET: what follows `whsec_` is no Base64"),
            },
        };
        if key.len() < KEY_BYTES_MIN {
            return refuse("WEBHOOK_SECRET is too short: use 16 bytes or more");
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(args.webhook_timeout))
            .timeout(args.webhook_timeout)
            .user_agent(USER_AGENT)
            .build();
        let client = client.map_err(|error| Error::Settings(words(error)))?;
        Ok(Some(Self {
            client,
            url,
            key,
            timeout: args.webhook_timeout,
        }))
    }

    /// All of the address that may be shown.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Sends an event. Of the answer only the status counts; its body is not read.
    ///
    /// # Errors
    /// Why the receiver did not take it, for the operator.
    pub(crate) async fn send(
        &self,
        event_id: &str,
        payload: Vec<u8>,
        now: SystemTime,
    ) -> Result<StatusCode, String> {
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signature = self.signature(event_id, timestamp, &payload);
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", event_id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(payload);
        match request.send().await.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Ok(status),
            Ok(status) if status.is_redirection() => {
                let status = status.as_u16();
                Err(format!("it answered {status}, and is not followed"))
            }
            Ok(status) => Err(format!("it answered {}", status.as_u16())),
            Err(error) if error.is_timeout() => {
                let seconds = self.timeout.as_secs_f64();
                Err(format!("no answer within {seconds} s"))
            }
            Err(error) => Err(words(error)),
        }
    }

    /// The scheme's version, and a MAC over id, time and body.
    fn signature(&self, event_id: &str, timestamp: u64, payload: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key may have any length");
        mac.update(format!("{event_id}.{timestamp}.").as_bytes());
        mac.update(payload);
        let mac = mac.finalize().into_bytes();
        format!("v1,{}", base64_simd::STANDARD.encode_to_string(mac))
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("host", &self.host())
            .finish_non_exhaustive()
    }
}

/// An error and its causes, without the address.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(url: &str, secret: &str) -> Result<Option<Receiver>, Error> {
        Receiver::new(&WebhookArgs {
            webhook_url: url.parse().ok(),
            webhook_secret: secret.parse().ok(),
            webhook_timeout: Duration::from_secs(10),
            webhook_backoff: Duration::from_secs(5),
            webhook_retry_for: Duration::from_secs(60),
        })
    }

    /// Computed by Python's `hmac` and `base64`.
    #[test]
    fn the_signature_is_the_conventions() {
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
        let receiver = receiver("http://localhost/hook", secret);
        let receiver = receiver.unwrap().unwrap();
        let signature = receiver.signature("0f", 1_700_000_000, br#"{"type":"video.done"}"#);
        assert_eq!(signature, "v1,g+7QrRLzaJA305jxIshUAu6Lm9opwmGB7UxVUzbCmMQ=");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_being_shown() {
        let (url, secret) = (
            "https://user:hunter2@example.com/?key=hunter2",
            "0123456789abcdef",
        );
        let fine = receiver(url, secret).unwrap().unwrap();
        assert_eq!(fine.host(), "example.com");
        assert!(!format!("{fine:?}").contains("hunter2"));
        for (url, secret) in [
            ("", secret),
            ("example.com/hunter2", secret),
            ("ftp://hunter2@example.com", secret),
            (url, "hunter2"),
            (url, "whsec_hunter2 hunter2 hunter2"),
            (url, "whsec_aHVudGVyMg=="),
        ] {
            let error = receiver(url, secret).unwrap_err().to_string();
            assert!(
                error.contains("WEBHOOK_") && !error.contains("unter2"),
                "{error}"
            );
        }
    }
}
