//! `bench`: how fast AssetLab is, in tables.
//!
//! Each subcommand measures one thing, prints it and renews its section of `RESULTS.md`.

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
mod x264;

use clap::{Parser, Subcommand};

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
    Cost(cost::Args),
    #[command(hide = true)]
    Ours(ours::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Bench::Compare(args) => compare::run(&args),
        Bench::Copy(args) => copy::run(&args),
        Bench::Duration(args) => duration::run(&args),
        Bench::Job(args) => job::run(&args),
        Bench::Claims(args) => claims::run(&args),
        Bench::Throughput(args) => throughput::run(&args),
        Bench::Cost(args) => cost::run(&args),
        Bench::Ours(args) => ours::run(&args),
    }
}
