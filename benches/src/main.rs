//! `bench`: how fast AssetLab is, in tables.
//!
//! Each subcommand measures one thing, prints it and renews its section of `RESULTS.md`. One runs at a
//! time: a second would disturb what the first measures, and clears its folder.

mod claims;
mod clips;
mod compare;
mod copy;
mod cost;
mod duration;
mod ffmpeg;
mod floor;
mod job;
mod machine;
mod measure;
mod ours;
mod quality;
mod results;
mod rounds;
mod s3_proxy;
mod service;
mod settings;
mod table;
mod target;
mod throughput;
mod uploads;
mod viewers;
mod x264;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};

/// For all that is made: what a run that was killed has left there is gone with the next.
const FOLDER: &str = "../target/bench";

/// Measures AssetLab and writes benches/RESULTS.md
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Bench,
}

#[derive(Subcommand)]
enum Bench {
    Compare(compare::Args),
    Copy(copy::Args),
    Duration(duration::Args),
    Job(job::Args),
    Claims(claims::Args),
    Throughput(throughput::Args),
    Viewers(viewers::Args),
    Cost(cost::Args),
    Uploads(uploads::Args),
    #[command(hide = true)]
    Ours(ours::Args),
}

fn main() -> anyhow::Result<()> {
    let command = Cli::parse().command;
    if !matches!(command, Bench::Ours(_)) {
        take_folder()?;
    }
    match command {
        Bench::Compare(args) => compare::run(&args),
        Bench::Copy(args) => copy::run(&args),
        Bench::Duration(args) => duration::run(&args),
        Bench::Job(args) => job::run(&args),
        Bench::Claims(args) => claims::run(&args),
        Bench::Throughput(args) => throughput::run(&args),
        Bench::Viewers(args) => viewers::run(&args),
        Bench::Cost(args) => cost::run(&args),
        Bench::Uploads(args) => uploads::run(&args),
        Bench::Ours(args) => ours::run(&args),
    }
}

/// Empties the folder, and has all temporary folders made in it.
fn take_folder() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
    .and_then(|()| fs::create_dir_all(&folder))
    .with_context(|| format!("cannot empty {}", folder.display()))?;
    let folder = fs::canonicalize(folder)?;
    if tempfile::env::override_temp_dir(&folder).is_err() {
        bail!("temporary folders are made elsewhere already");
    }
    Ok(())
}
