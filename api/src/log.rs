//! The log of a server process.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// How a process logs.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArgs {
    /// What to log, such as `info` or `api=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    pub log: EnvFilter,

    /// Lines for people, or JSON for machines.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogArgs {
    /// Starts logging to standard error; called once, by `main`.
    pub fn start(self) {
        let log = tracing_subscriber::fmt()
            .with_env_filter(self.log)
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal());
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
        store::log_panics();
    }
}
