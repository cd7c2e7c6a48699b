//! The command line, which is the environment as well: every option has a variable of its name.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use store::{StoreArgs, VideoId, parse_duration, parse_duration_from_1s};
use worker::{
    HousekeepingArgs, LimitArgs, TranscodeArgs, WebhookArgs, WorkerArgs, parse_poll_interval,
};

/// AssetLab: upload a video, watch it by id seconds later in any browser. Without a command: a whole
/// site on this machine, its S3 included.
#[derive(Parser)]
#[command(name = "assetlab", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    #[command(flatten)]
    pub(crate) log: api::LogArgs,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the embedded S3 alone
    S3(S3Args),
    /// Transcode uploaded videos, with buckets on any S3
    Worker(Box<WorkerCommand>),
    /// Make an HLS package of a file: MP4 renditions and playlists
    Transcode(TranscodeCommand),
    /// Create the buckets on any S3 where they are missing, and let CORS_ORIGINS read them
    SetupBuckets(SetupBucketsArgs),
    /// List the jobs that were given up after MAX_ATTEMPTS, or queue one again
    Jobs(JobsArgs),
    /// List the events that no receiver took so far, or have them tried again at once
    Webhooks(WebhooksArgs),
}

/// What the site can be told.
#[derive(Args)]
pub(crate) struct SiteArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) http: api::HttpArgs,
    /// Secret that uploads are allowed by [default: made at the first start, kept in DATA_DIR]
    #[arg(long, env = "ADMIN_TOKEN", hide_env_values = true)]
    pub(crate) admin_token: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Handed on to the worker.
    #[command(flatten)]
    _transcode: TranscodeArgs,
    #[command(flatten)]
    _limits: LimitArgs,
    /// Videos to transcode at once [default: one for each four cores]
    #[arg(long, env = "WORKER_JOBS", value_parser = clap::value_parser!(u16).range(1..))]
    _worker_jobs: Option<u16>,
    /// How often the worker looks for jobs that it was not told of, such as those to be tried again
    /// [default: 1s, growing to 10s]
    #[arg(long, env = "POLL_INTERVAL", value_parser = parse_poll_interval)]
    _poll_interval: Option<Duration>,
    /// A transcode that makes no progress for so long has failed
    #[arg(long, env = "STALL_TIMEOUT", value_parser = parse_duration_from_1s, default_value = "15m")]
    _stall_timeout: Duration,
    /// Show the worker's `/metrics` at this address, such as 127.0.0.1:9101 [default: nowhere]
    #[arg(long, env = "METRICS_ADDRESS")]
    pub(crate) metrics_address: Option<SocketAddr>,
    /// How long a running transcode may go on when the site stops, before it is given back
    #[arg(long, env = "SHUTDOWN_GRACE", value_parser = parse_duration, default_value = "0s")]
    pub(crate) shutdown_grace: Duration,
    #[command(flatten)]
    _housekeeping: HousekeepingArgs,
    #[command(flatten)]
    pub(crate) webhooks: WebhookArgs,
}

/// Where the embedded S3 keeps its data, and where it listens.
#[derive(Args)]
pub(crate) struct DataArgs {
    /// Folder for videos, keys and the admin token
    #[arg(long, env = "DATA_DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,
    /// Port of the embedded S3, on loopback
    #[arg(long, env = "S3_PORT", default_value_t = 9000)]
    pub(crate) s3_port: u16,
}

/// The buckets by name.
#[derive(Args)]
pub(crate) struct BucketArgs {
    /// Bucket of originals, job markers and tombstones
    #[arg(long, env = "S3_RAW_BUCKET", default_value = RAW_BUCKET)]
    pub(crate) s3_raw_bucket: String,
    /// Bucket of statuses and renditions
    #[arg(long, env = "S3_VIDEO_BUCKET", default_value = VIDEO_BUCKET)]
    pub(crate) s3_video_bucket: String,
}

#[derive(Args)]
pub(crate) struct S3Args {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) buckets: BucketArgs,
    /// Key to accept [default: made at the first start, kept in DATA_DIR]
    #[arg(long, env = "AWS_ACCESS_KEY_ID", requires = "aws_secret_access_key")]
    pub(crate) aws_access_key_id: Option<String>,
    /// Its secret
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true,
        requires = "aws_access_key_id"
    )]
    pub(crate) aws_secret_access_key: Option<String>,
    /// Origins whose pages may read the buckets, comma separated, or `*`
    #[arg(long, env = "CORS_ORIGINS", default_value = "")]
    pub(crate) cors_origins: api::CorsOrigins,
}

#[derive(Args)]
pub(crate) struct WorkerCommand {
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
    /// The child of `assetlab`: the only worker there, which ends when its standard input does
    #[arg(long, hide = true)]
    pub(crate) child: bool,
}

#[derive(Args)]
pub(crate) struct TranscodeCommand {
    /// The video
    pub(crate) input: PathBuf,
    /// Folder for the package; created if need be
    pub(crate) out_dir: PathBuf,
    #[command(flatten)]
    pub(crate) transcode: TranscodeArgs,
}

#[derive(Args)]
pub(crate) struct SetupBucketsArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Origins whose pages may read the buckets, comma separated, or `*`
    #[arg(long, env = "CORS_ORIGINS", default_value = "")]
    pub(crate) cors_origins: api::CorsOrigins,
}

#[derive(Args)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<JobsCommand>,
    #[command(flatten)]
    pub(crate) s3: OperatorS3Args,
}

#[derive(Args)]
pub(crate) struct WebhooksArgs {
    #[command(subcommand)]
    pub(crate) command: Option<WebhooksCommand>,
    #[command(flatten)]
    pub(crate) s3: OperatorS3Args,
}

/// The buckets of a site that runs, for its operator.
#[derive(Args)]
pub(crate) struct OperatorS3Args {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) buckets: BucketArgs,
    /// S3's address [default: the S3 of the assetlab that runs on DATA_DIR; AWS where there is none]
    #[arg(long, env = "AWS_ENDPOINT_URL_S3")]
    pub(crate) s3_endpoint: Option<String>,
    /// Bucket in the path instead of the host name [default: true with an own endpoint]
    #[arg(long, env = "S3_PATH_STYLE")]
    pub(crate) s3_path_style: Option<bool>,
}

#[derive(Subcommand)]
pub(crate) enum JobsCommand {
    /// Give videos that failed all their attempts anew
    Requeue {
        /// The videos
        #[arg(required_unless_present = "all")]
        ids: Vec<VideoId>,
        /// Every video whose job was given up, such as after a fault of the machines
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Try events again at once, those that were given up, too
    Retry {
        /// Their videos
        #[arg(required_unless_present = "all")]
        ids: Vec<VideoId>,
        /// Every event, such as after a long fault of the receiver
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

/// The buckets' names where nobody chose others; only the embedded S3 has such.
const RAW_BUCKET: &str = "assetlab-raw";
const VIDEO_BUCKET: &str = "assetlab-video";

/// Variables by which a child process learns what this one was told, or takes for granted.
pub(crate) type Environment = Vec<(OsString, OsString)>;

impl Cli {
    /// Reads command line and environment; ends the process where they make no sense.
    pub(crate) fn parse() -> (Self, Environment) {
        let command = Self::command()
            .mut_arg("s3_raw_bucket", |arg| {
                arg.required(false).default_value(RAW_BUCKET)
            })
            .mut_arg("s3_video_bucket", |arg| {
                arg.required(false).default_value(VIDEO_BUCKET)
            })
            // The site has its own S3.
            .mut_arg("s3_endpoint", |arg| arg.hide(true))
            .mut_arg("s3_public_endpoint", |arg| arg.hide(true))
            .mut_arg("s3_path_style", |arg| arg.hide(true));
        let matches = command.clone().get_matches();
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        (cli, not_from_environment(&command, &matches))
    }
}

/// What the environment says, the child inherits.
fn not_from_environment(command: &clap::Command, matches: &ArgMatches) -> Environment {
    command
        .get_arguments()
        .filter_map(|arg| {
            let id = arg.get_id().as_str();
            let source = matches.value_source(id)?;
            let value = matches.get_raw(id)?.next()?;
            let variable = arg
                .get_env()
                .filter(|_| source != ValueSource::EnvVariable)?;
            Some((variable.to_owned(), value.to_owned()))
        })
        .collect()
}
