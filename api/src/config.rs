//! How the HTTP side is set up, from the environment or the command line.

use std::net::IpAddr;
use std::time::Duration;

use store::parse_duration_from_1s;

use crate::{CorsOrigins, Origin, RateArgs};

/// S3 takes 10,000 parts at most, and an upload's parts are of 8 MiB.
const MOST_UPLOAD_BYTES: u64 = 10_000 * crate::arriving::PART_LEN_BYTES as u64;

/// Options of every binary that serves the API.
#[derive(Debug, Clone, clap::Args)]
pub struct HttpArgs {
    /// Port to listen on.
    #[arg(long, env = "PORT", default_value_t = 3000)]
    pub port: u16,

    /// Address to listen on [default: 127.0.0.1; `assetlab`: 0.0.0.0].
    #[arg(long, env = "BIND")]
    pub bind: Option<IpAddr>,

    /// Origin under which clients reach this server, such as `https://video.example.org`. Needed
    /// behind a proxy that ends TLS, where media is served by this server too.
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<Origin>,

    /// Origins whose pages may call the API, comma separated, or `*`. Unset: same origin only.
    #[arg(long, env = "CORS_ORIGINS", default_value = "")]
    pub cors_origins: CorsOrigins,

    /// Origins whose pages may show `/embed/…` in a frame, comma separated, or `*`. Unset: same origin only.
    #[arg(long, env = "FRAME_ANCESTORS", default_value = "")]
    pub frame_ancestors: CorsOrigins,

    /// Largest upload, in bytes.
    #[arg(long, env = "MAX_UPLOAD_BYTES", default_value_t = 1 << 30,
          value_parser = clap::value_parser!(u64).range(1..=MOST_UPLOAD_BYTES))]
    pub max_upload_bytes: u64,

    /// Uploads at once, each of which takes 24 MiB of memory; more are asked to come again.
    #[arg(long, env = "MAX_UPLOADS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_uploads: u16,

    /// How long a client may send nothing of its upload before it is given up.
    #[arg(long, env = "UPLOAD_IDLE_TIMEOUT", default_value = "60s", value_parser = parse_duration_from_1s)]
    pub upload_idle_timeout: Duration,

    /// Event streams at once; more are asked to come again.
    #[arg(long, env = "MAX_EVENT_STREAMS", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_event_streams: u16,

    /// As MAX_EVENT_STREAMS, for one address.
    #[arg(long, env = "MAX_EVENT_STREAMS_PER_ADDRESS", default_value_t = 250, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_event_streams_per_address: u16,

    /// How often clients may do what costs.
    #[command(flatten)]
    pub rates: RateArgs,
}
