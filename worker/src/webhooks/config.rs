//! What an operator can set about webhooks.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use store::{DeliveryRules, Error, parse_duration, parse_duration_from_1s};

use super::receiver::Receiver;

/// Where events go, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct WebhookArgs {
    /// Address that is told by POST of each video that becomes done or error [default: none]
    #[arg(
        long,
        env = "WEBHOOK_URL",
        hide_env_values = true,
        requires = "webhook_secret"
    )]
    pub webhook_url: Option<Hidden>,
    /// Secret that webhooks are signed with: any text of 16 characters or more, or `whsec_` and Base64
    #[arg(long, env = "WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<Hidden>,
    /// A receiver that takes longer to answer has not taken the event
    #[arg(long, env = "WEBHOOK_TIMEOUT", value_parser = parse_duration_from_1s, default_value = "10s")]
    pub webhook_timeout: Duration,
    /// How long an event waits after its first failed delivery; twice as long after each further one, up to 1h
    #[arg(long, env = "WEBHOOK_BACKOFF", value_parser = parse_duration, default_value = "5s")]
    pub webhook_backoff: Duration,
    /// How long an event waits in all before it is given up
    #[arg(long, env = "WEBHOOK_RETRY_FOR", value_parser = parse_duration, default_value = "3d")]
    pub webhook_retry_for: Duration,
}

impl WebhookArgs {
    /// Whether a worker could work with these.
    ///
    /// # Errors
    /// [`Error::Settings`] where it could not; it shows neither address nor secret.
    pub fn check(&self) -> Result<(), Error> {
        Receiver::new(self).map(drop)
    }

    /// Claims outlast attempts by `lease`, as those of jobs do.
    pub(crate) fn rules(&self, lease: Duration) -> DeliveryRules {
        DeliveryRules {
            lease: self.webhook_timeout + lease,
            backoff: self.webhook_backoff,
            retry_for: self.webhook_retry_for,
        }
    }
}

/// A text that holds a secret, or may: it is judged later, since the command line's parser shows what it refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
