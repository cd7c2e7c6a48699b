//! Reads Prometheus' text format as strictly as its description allows, and refuses what it does not.

use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

/// What a process shows.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    samples: BTreeMap<(String, Labels), f64>,
    kinds: BTreeMap<String, String>,
}

impl Exposition {
    pub(crate) async fn scrape(url: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(url).header("accept-encoding", "gzip");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        let content_type = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(content_type, "text/plain; version=0.0.4");
        assert!(answer.headers().get("content-encoding").is_none());
        Self::parse(&answer.text().await.unwrap())
    }

    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line does not end");
        let mut shown = Self::default();
        let (mut family, mut helped) = (String::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(helped.insert(name.to_owned()), "twice: {line}");
                assert!(!help.is_empty(), "{line}");
                family = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, family, "its help comes first");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                let before = shown.kinds.insert(name.to_owned(), kind.to_owned());
                assert!(before.is_none(), "twice: {line}");
            } else {
                let (name, labels, value) = sample(line);
                let suffix = name
                    .strip_prefix(&family)
                    .unwrap_or_else(|| panic!("{line}"));
                let suffixes: &[&str] = match shown.kinds[&family].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(suffixes.contains(&suffix), "{line}");
                let before = shown.samples.insert((name, labels), value);
                assert!(before.is_none(), "twice: {line}");
            }
        }
        shown.check_histograms();
        shown
    }

    fn check_histograms(&self) {
        for ((name, labels), count) in &self.samples {
            let Some(family) = name.strip_suffix("_count") else {
                continue;
            };
            let mut buckets: Vec<_> = self
                .samples
                .iter()
                .filter(|((bucket, its), _)| {
                    let mut its = its.clone();
                    its.remove("le");
                    *bucket == format!("{family}_bucket") && its == *labels
                })
                .map(|((_, its), count)| (number(&its["le"]), *count))
                .collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(
                buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
                "{name}"
            );
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, *count)), "{name}");
        }
    }

    /// The series of exactly these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let series = (name.to_owned(), labels.collect());
        self.samples.get(&series).copied()
    }

    /// All series of a name that have these labels, among others.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let matching = self.samples.iter().filter(|((series, its), _)| {
            let has = |(label, value): &(&str, &str)| its.get(*label).is_some_and(|v| v == value);
            series == name && labels.iter().all(has)
        });
        matching.map(|(_, value)| value).sum()
    }

    /// Every value of every label.
    pub(crate) fn label_values(&self) -> impl Iterator<Item = &str> {
        let labels = self.samples.keys().flat_map(|(_, labels)| labels.values());
        labels.map(String::as_str)
    }
}

/// `name{label="value",…} number`, without a time stamp.
fn sample(line: &str) -> (String, Labels, f64) {
    let name_len = line
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or_else(|| panic!("{line}"));
    let (name, mut rest) = line.split_at(name_len);
    assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{line}");
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(label.chars().all(|c| c.is_ascii_lowercase()), "{line}");
            let value_len = after.find('"').unwrap_or_else(|| panic!("{line}"));
            let (value, after) = after.split_at(value_len);
            assert!(
                !value.contains('\\'),
                "no value of ours needs escapes: {line}"
            );
            let before = labels.insert(label.to_owned(), value.to_owned());
            assert!(before.is_none(), "{line}");
            rest = &after[1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    (name.to_owned(), labels, number(value))
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => text
            .parse()
            .unwrap_or_else(|_| panic!("{text} is no number")),
    }
}
