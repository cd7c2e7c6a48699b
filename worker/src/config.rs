//! What an operator can set about a worker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::housekeeping::HousekeepingArgs;
use crate::webhooks::WebhookArgs;
use store::{Settings, StoreArgs, parse_duration, parse_duration_from_1s};
use tokio::sync::Notify;
use transcode::{CopyMode, Ladder, Limits, Options};

/// x264's presets, from fast to small.
const PRESETS: [&str; 10] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
];

/// How to work.
#[derive(Debug, Clone)]
pub struct Config {
    /// The buckets and the rules of the queue.
    pub store: Settings,
    /// How to transcode.
    pub options: Options,
    /// Jobs at once, at least 1.
    pub jobs: usize,
    /// Memory in bytes for all of them, as [`limit_memory`](crate::limit_memory) takes it.
    pub max_memory_bytes: u64,
    /// The distance of looks at an empty queue; unset: 1 s, growing to 10 s.
    pub poll_interval: Option<Duration>,
    /// Notified by who knows that there is a new job: an idle worker then looks at once. One that gets
    /// lost costs a wait until the next look.
    pub nudge: Arc<Notify>,
    /// A transcode that makes no progress for so long has failed.
    pub stall_timeout: Duration,
    /// How long running jobs may go on after a shutdown began, before they are given back.
    pub shutdown_grace: Duration,
    /// How often to repair and to sweep.
    pub housekeeping: HousekeepingArgs,
    /// The name of a worker of which there is only ever one, such as the holder of a lock: it takes
    /// what it had claimed before a restart without waiting for leases. Unset: a name of its own.
    pub sole_owner: Option<String>,
    /// Who is told of videos that come to their end.
    pub webhooks: WebhookArgs,
    /// Where to show metrics; unset: nowhere.
    pub metrics_address: Option<SocketAddr>,
}

/// A worker's command line.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkerArgs {
    /// The buckets.
    #[command(flatten)]
    pub store: StoreArgs,
    /// How to transcode.
    #[command(flatten)]
    pub transcode: TranscodeArgs,
    /// Jobs at once [default: one for each four cores]
    #[arg(long, env = "WORKER_JOBS", value_parser = clap::value_parser!(u16).range(1..))]
    pub worker_jobs: Option<u16>,
    /// Look at an empty queue so often [default: 1s, growing to 10s]
    #[arg(long, env = "POLL_INTERVAL", value_parser = parse_poll_interval)]
    pub poll_interval: Option<Duration>,
    /// A transcode that makes no progress for so long has failed
    #[arg(long, env = "STALL_TIMEOUT", value_parser = parse_duration_from_1s, default_value = "15m")]
    pub stall_timeout: Duration,
    /// How long running jobs may go on after SIGTERM, before other workers get them
    #[arg(long, env = "SHUTDOWN_GRACE", value_parser = parse_duration, default_value = "20s")]
    pub shutdown_grace: Duration,
    /// How often to repair and to sweep.
    #[command(flatten)]
    pub housekeeping: HousekeepingArgs,
    /// Who is told of videos that come to their end.
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    /// Show `/metrics` for Prometheus, and `/healthz`, at this address, such as 0.0.0.0:9101 [default: nowhere]
    #[arg(long, env = "METRICS_ADDRESS")]
    pub metrics_address: Option<SocketAddr>,
    /// Largest original
    #[arg(long, env = "MAX_UPLOAD_BYTES", default_value_t = 1 << 30)]
    pub max_upload_bytes: u64,
    /// What else an original may ask for.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// What an original may ask for, beside its size.
#[derive(Debug, Clone, clap::Args)]
pub struct LimitArgs {
    /// Longest video, in whole seconds
    #[arg(long, env = "MAX_DURATION", value_parser = parse_duration, default_value = "6h")]
    pub max_duration: Duration,
    /// Largest picture, in pixels: width times height
    #[arg(long, env = "MAX_PIXELS", default_value_t = 8192 * 4320)]
    pub max_pixels: u64,
    /// Most streams in one file
    #[arg(long, env = "MAX_STREAMS", default_value_t = 32)]
    pub max_streams: u32,
    /// Most bytes to read of a file before its first picture, such as indexes
    #[arg(long, env = "MAX_PROBE_BYTES", default_value_t = 64 << 20)]
    pub max_probe_bytes: u64,
    /// Most seconds that decoding a second of video may take, on average
    #[arg(long, env = "MAX_DECODE_RATIO", default_value_t = 60)]
    pub max_decode_ratio: u32,
    /// Most bytes of memory for each job at once
    #[arg(long, env = "MAX_JOB_MEMORY", default_value_t = 4 << 30)]
    pub max_job_memory: u64,
}

impl From<WorkerArgs> for Config {
    fn from(args: WorkerArgs) -> Self {
        let cores = cores();
        // One job of several rungs keeps two cores busy by itself, also with small clips: two or four at
        // once finish no sooner there and take more memory. Where there are many cores, one decoder cannot
        // feed them all.
        let jobs = args.worker_jobs.map_or((cores / 4).max(1), usize::from);
        let limits = Limits {
            len_bytes: args.max_upload_bytes,
            duration_s: args.limits.max_duration.as_secs(),
            pixels: args.limits.max_pixels,
            streams: args.limits.max_streams,
            probe_bytes: args.limits.max_probe_bytes,
            decode_s_per_s: args.limits.max_decode_ratio,
        };
        Self {
            store: Settings {
                webhooks: args.webhooks.webhook_url.is_some(),
                ..args.store.into()
            },
            options: Options {
                limits,
                // More would only wait for each other, each with frames of its own in memory.
                threads: cores.div_ceil(jobs),
                ..args.transcode.into()
            },
            jobs,
            max_memory_bytes: args.limits.max_job_memory.saturating_mul(jobs as u64),
            poll_interval: args.poll_interval,
            nudge: Arc::default(),
            stall_timeout: args.stall_timeout,
            shutdown_grace: args.shutdown_grace,
            housekeeping: args.housekeeping,
            sole_owner: None,
            webhooks: args.webhooks,
            metrics_address: args.metrics_address,
        }
    }
}

/// What can be set about the output, wherever it goes.
#[derive(Debug, Clone, clap::Args)]
pub struct TranscodeArgs {
    /// Renditions to make: SHORT_SIDE:CRF:MAXRATE, … [default: 360:23:800k,720:23:3500k,1080:23:6500k]
    #[arg(long, env = "LADDER")]
    pub ladder: Option<Ladder>,
    /// x264's preset: faster, or smaller files
    #[arg(long, env = "X264_PRESET", default_value = "veryfast", value_parser = PRESETS)]
    pub x264_preset: String,
    /// Length of a segment: an even number of seconds
    #[arg(long, env = "SEGMENT_SECONDS", default_value = "4", value_parser = parse_segment_seconds)]
    pub segment_seconds: u32,
    /// Copy the original's video into the top rung where that is as good as encoding it: auto or never
    #[arg(long, env = "COPY", default_value = "auto")]
    pub copy: CopyMode,
}

impl From<TranscodeArgs> for Options {
    fn from(args: TranscodeArgs) -> Self {
        Self {
            ladder: args.ladder.unwrap_or_default(),
            preset: args.x264_preset,
            segment_ms: args.segment_seconds * 1000,
            copy: args.copy,
            ..Self::default()
        }
    }
}

/// Those that this process has, by affinity and control group.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Looks without a pause keep a store busy, and cost money.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A pause between two looks at the queue.
///
/// # Errors
/// A sentence for whoever wrote the option.
pub fn parse_poll_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        interval if interval < MIN_POLL_INTERVAL => Err("write 100ms or more".into()),
        interval => Ok(interval),
    }
}

/// Segments are whole groups of pictures, which are 2 s long.
fn parse_segment_seconds(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(seconds @ 2..=60) if seconds % 2 == 0 => Ok(seconds),
        _ => Err("write an even number from 2 to 60".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        worker: WorkerArgs,
    }

    fn parse(more: &[&str]) -> Result<Config, clap::Error> {
        let buckets = [
            "worker",
            "--s3-raw-bucket",
            "raw",
            "--s3-video-bucket",
            "video",
        ];
        Cli::try_parse_from(buckets.iter().chain(more)).map(|cli| cli.worker.into())
    }

    #[test]
    fn the_command_line_reaches_the_options() {
        let config = parse(&[
            "--segment-seconds",
            "6",
            "--ladder",
            "360:23:800k",
            "--poll-interval",
            "500ms",
            "--copy",
            "never",
        ]);
        let config = config.unwrap();
        assert_eq!(
            (
                config.options.segment_ms,
                config.options.ladder.rungs().len()
            ),
            (6000, 1)
        );
        assert_eq!(config.options.copy, CopyMode::Never);
        assert_eq!(config.poll_interval, Some(Duration::from_millis(500)));
        let limits = parse(&["--max-duration", "90m", "--max-streams", "8"]);
        let limits = limits.unwrap().options.limits;
        assert_eq!((limits.duration_s, limits.streams), (5400, 8));
        let default = parse(&[]).unwrap();
        let threads = default.options.threads;
        assert_eq!(default.jobs, (cores() / 4).max(1));
        assert!(default.jobs * threads >= cores(), "{threads} threads a job");
        assert_eq!(
            default.options,
            Options {
                threads,
                ..Options::default()
            }
        );
        let many = parse(&["--worker-jobs", "1000"]).unwrap();
        assert_eq!((many.jobs, many.options.threads), (1000, 1));
    }

    #[test]
    fn what_cannot_work_is_refused_at_the_start() {
        for wrong in [
            ["--segment-seconds", "3"],
            ["--x264-preset", "fastest"],
            ["--worker-jobs", "0"],
            ["--ladder", "721:23:1M"],
            ["--poll-interval", "soon"],
            ["--poll-interval", "0s"],
            ["--sweep-interval", "0s"],
            ["--stall-timeout", "0s"],
            ["--copy", "always"],
            ["--webhook-url", "http://localhost/without-a-secret"],
            ["--webhook-timeout", "0s"],
        ] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
