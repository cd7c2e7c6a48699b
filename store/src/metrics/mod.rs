//! Everything that AssetLab measures about itself, and how Prometheus reads it.
//!
//! All metrics stand in [`families`](self::families), each with its labels' values: there are so many series
//! and no more, whatever is uploaded. A process counts from its start and shows its part by [`render`].

mod families;
mod family;
mod labels;
mod process;

use prometheus::core::Collector;
use prometheus::{Registry, TextEncoder};

pub use families::*;
pub use family::{Counter, Family, Gauge, Histogram, Kind, Label, OneMore, Sampled, ShownBy};
pub use labels::{Attempt, JobEnd, RateKind, S3Result, Stage, SweptKind, UploadEnd};

use crate::queue_backlog::Backlog;

/// `Content-Type` of what [`render`] gives.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What a worker shows, in Prometheus' text format.
#[must_use]
pub fn render_worker() -> String {
    render(ShownBy::Worker, Vec::new())
}

/// What the API shows; the backlog's metrics are left out where it is not known.
#[must_use]
pub fn render_api(backlog: Option<Backlog>) -> String {
    let backlog = backlog.map_or_else(Vec::new, |backlog| {
        vec![
            QUEUE_JOBS.at([], backlog.jobs as f64),
            QUEUE_OLDEST_JOB_AGE.at([], backlog.oldest_age.as_secs_f64()),
            DEAD_JOBS.at([], backlog.dead_jobs as f64),
        ]
    });
    render(ShownBy::Api, backlog)
}

fn render(process: ShownBy, sampled: Vec<Box<dyn Collector>>) -> String {
    let kept = ALL.iter().filter(|metric| {
        let shown_by = metric.family().shown_by;
        shown_by == process || shown_by == ShownBy::Both
    });
    let registry = Registry::new();
    for collector in kept
        .filter_map(|metric| metric.kept())
        .chain(sampled)
        .chain(process::sample())
    {
        registry.register(collector).expect("no two have one name");
    }
    TextEncoder::new()
        .encode_to_string(&registry.gather())
        .expect("text can be written to memory")
}

/// One metric of any kind.
#[derive(Debug, Clone, Copy)]
pub enum Metric {
    /// See [`Counter`].
    Counter(&'static Counter),
    /// See [`Gauge`].
    Gauge(&'static Gauge),
    /// See [`Histogram`].
    Histogram(&'static Histogram),
    /// See [`Sampled`].
    Sampled(&'static Sampled),
}

impl Metric {
    /// What it is.
    #[must_use]
    pub fn family(&self) -> &'static Family {
        match self {
            Self::Counter(counter) => &counter.family,
            Self::Gauge(gauge) => &gauge.family,
            Self::Histogram(histogram) => &histogram.family,
            Self::Sampled(sampled) => &sampled.family,
        }
    }

    /// Its numbers, where this process keeps them between scrapes.
    fn kept(&self) -> Option<Box<dyn Collector>> {
        match self {
            Self::Counter(counter) => Some(Box::new(counter.series().clone())),
            Self::Gauge(gauge) => Some(Box::new(gauge.series().clone())),
            Self::Histogram(histogram) => Some(Box::new(histogram.series().clone())),
            Self::Sampled(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
