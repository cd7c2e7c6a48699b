//! What a metric is, and the few kinds of it.

use std::sync::OnceLock;

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};

/// A metric with all its labels' values.
#[derive(Debug)]
pub struct Family {
    /// By Prometheus' conventions: the unit last, and `_total` after it where the number only grows.
    pub name: &'static str,
    /// How its numbers are to be read.
    pub kind: Kind,
    /// Which processes show it.
    pub shown_by: ShownBy,
    /// What tells its series apart.
    pub labels: &'static [Label],
    /// What is counted.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
}

/// A label, whose values are few: never an id, a path or anything else that a client chooses.
#[derive(Debug)]
pub struct Label {
    /// As it stands in the series.
    pub name: &'static str,
    /// All its values, which then exist from the start; none where only some combinations can occur.
    pub values: &'static [&'static str],
}

/// How a metric's numbers are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

impl Kind {
    /// As the exposition format names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Which processes show a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// `assetlab-api`, and the site's own process in `assetlab`.
    Api,
    /// `assetlab-worker`, and the child of `assetlab`.
    Worker,
    /// Both.
    Both,
}

/// A number of something that has happened.
#[derive(Debug)]
pub struct Counter {
    pub(super) family: Family,
    series: OnceLock<IntCounterVec>,
}

impl Counter {
    pub(super) const fn new(family: Family) -> Self {
        Self {
            family,
            series: OnceLock::new(),
        }
    }

    /// One more. `labels` are the values, in the family's order.
    pub fn inc<const N: usize>(&self, labels: [&str; N]) {
        self.add(labels, 1);
    }

    /// So many more.
    pub fn add<const N: usize>(&self, labels: [&str; N], count: u64) {
        self.series().with_label_values(&labels).inc_by(count);
    }

    pub(super) fn series(&self) -> &IntCounterVec {
        self.series.get_or_init(|| {
            let family = &self.family;
            let options = Opts::new(family.name, family.help);
            let series = IntCounterVec::new(options, &label_names(family)).expect(VALID);
            for values in closed_label_sets(family) {
                series.with_label_values(&values);
            }
            series
        })
    }
}

/// A number of something that there is.
#[derive(Debug)]
pub struct Gauge {
    pub(super) family: Family,
    series: OnceLock<IntGauge>,
}

impl Gauge {
    pub(super) const fn new(family: Family) -> Self {
        Self {
            family,
            series: OnceLock::new(),
        }
    }

    /// So many there are now.
    pub fn set(&self, count: usize) {
        self.series().set(count as i64);
    }

    /// One more until the returned guard is dropped.
    #[must_use = "it counts for as long as the guard lives"]
    pub fn one_more(&'static self) -> OneMore {
        self.series().inc();
        OneMore(self)
    }

    pub(super) fn series(&self) -> &IntGauge {
        let family = &self.family;
        self.series
            .get_or_init(|| IntGauge::new(family.name, family.help).expect(VALID))
    }
}

/// One of what a gauge counts.
#[derive(Debug)]
pub struct OneMore(&'static Gauge);

impl Drop for OneMore {
    fn drop(&mut self) {
        self.0.series().dec();
    }
}

/// How large observations are.
#[derive(Debug)]
pub struct Histogram {
    pub(super) family: Family,
    buckets: &'static [f64],
    series: OnceLock<HistogramVec>,
}

impl Histogram {
    pub(super) const fn new(family: Family, buckets: &'static [f64]) -> Self {
        Self {
            family,
            buckets,
            series: OnceLock::new(),
        }
    }

    /// One observation. `labels` are the values, in the family's order.
    pub fn observe<const N: usize>(&self, labels: [&str; N], value: f64) {
        self.series().with_label_values(&labels).observe(value);
    }

    pub(super) fn series(&self) -> &HistogramVec {
        self.series.get_or_init(|| {
            let family = &self.family;
            let options = HistogramOpts::new(family.name, family.help);
            let options = options.buckets(self.buckets.to_vec());
            let series = HistogramVec::new(options, &label_names(family)).expect(VALID);
            for values in closed_label_sets(family) {
                series.with_label_values(&values);
            }
            series
        })
    }
}

/// A number that is looked up when it is asked for.
#[derive(Debug)]
pub struct Sampled {
    pub(super) family: Family,
}

impl Sampled {
    pub(super) const fn new(family: Family) -> Self {
        Self { family }
    }

    /// Its one series, with `labels` as the values in the family's order.
    pub(super) fn at<const N: usize>(&self, labels: [&str; N], value: f64) -> Box<dyn Collector> {
        let family = &self.family;
        let mut options = Opts::new(family.name, family.help);
        for (label, value) in family.labels.iter().zip(labels) {
            options = options.const_label(label.name, value);
        }
        match family.kind {
            Kind::Counter => {
                let counter = prometheus::Counter::with_opts(options).expect(VALID);
                counter.inc_by(value.max(0.0));
                Box::new(counter)
            }
            Kind::Gauge | Kind::Histogram => {
                let gauge = prometheus::Gauge::with_opts(options).expect(VALID);
                gauge.set(value);
                Box::new(gauge)
            }
        }
    }
}

/// A test makes every one of them.
const VALID: &str = "names, labels and buckets are constants";

fn label_names(family: &Family) -> Vec<&'static str> {
    family.labels.iter().map(|label| label.name).collect()
}

/// All combinations of labels where they are known; none where a label is open.
fn closed_label_sets(family: &Family) -> Vec<Vec<&'static str>> {
    family.labels.iter().fold(vec![Vec::new()], |sets, label| {
        let with_each = |set: Vec<&'static str>| {
            let longer = move |value: &&'static str| [set.as_slice(), &[*value]].concat();
            label.values.iter().map(longer).collect::<Vec<_>>()
        };
        sets.into_iter().flat_map(with_each).collect()
    })
}
