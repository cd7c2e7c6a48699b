//! What is written about the metrics, for people and for programs, says the same as the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

/// Lists of values that are longer are not spelt out.
const VALUES_SPELT_OUT: usize = 9;

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn names_follow_the_conventions() {
    let mut names = BTreeSet::new();
    for family in ALL.iter().map(Metric::family) {
        let name = family.name;
        assert!(names.insert(name), "{name} is there twice");
        assert_eq!(
            name.ends_with("_total"),
            family.kind == Kind::Counter,
            "{name}"
        );
        let bare = name.trim_end_matches("_total");
        for unit in ["seconds", "bytes"] {
            assert_eq!(family.unit == unit, bare.ends_with(unit), "{name}");
        }
        assert!(
            family.help.ends_with('.') && !family.help.contains('|'),
            "{name}"
        );
    }
}

#[test]
fn series_with_known_labels_are_there_from_the_start() {
    let text = render_worker();
    for end in JobEnd::VALUES {
        assert!(
            text.contains(&format!("\nassetlab_jobs_total{{outcome=\"{end}\"}} ")),
            "{text}"
        );
    }
    assert!(text.contains("\nassetlab_takeovers_total "), "{text}");
    assert!(
        text.contains("\nassetlab_stage_seconds_count{stage=\"end\"} "),
        "{text}"
    );
    assert!(
        text.contains(
            r#"assetlab_s3_requests_total{operation="UploadPart",result="precondition_failed"} "#
        ),
        "{text}"
    );
    assert!(!text.contains("assetlab_http_requests_total"), "{text}");
}

#[test]
fn what_is_not_known_is_left_out() {
    let unknown = render_api(None);
    assert!(!unknown.contains("assetlab_queue_jobs"), "{unknown}");
    let backlog = Backlog {
        jobs: 3,
        oldest_age: std::time::Duration::from_millis(1500),
        dead_jobs: 1,
    };
    let known = render_api(Some(backlog));
    for line in [
        "\nassetlab_queue_jobs 3\n",
        "\nassetlab_queue_oldest_job_age_seconds 1.5\n",
        "\nassetlab_dead_jobs 1\n",
    ] {
        assert!(known.contains(line), "{known}");
    }
}

#[test]
fn the_readme_has_every_metric() {
    let table: String = ALL.iter().map(|metric| row(metric.family())).collect();
    assert!(
        file("README.md").contains(&table),
        "README.md must hold exactly these rows:\n{table}"
    );
}

fn row(family: &Family) -> String {
    let labels = family.labels.iter().map(|label| match label.values.len() {
        1..=VALUES_SPELT_OUT => format!("`{}` ({})", label.name, label.values.join(", ")),
        _ => format!("`{}`", label.name),
    });
    let labels = labels.collect::<Vec<_>>().join(", ");
    let shown_by = match family.shown_by {
        ShownBy::Api => "A API",
        ShownBy::Worker => "W",
        ShownBy::Both => "A API W",
    };
    let Family {
        name, unit, help, ..
    } = family;
    let kind = family.kind.name();
    format!("| `{name}` | {kind} | {labels} | {unit} | {shown_by} | {help} |\n")
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&file("deploy/grafana/assetlab.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let expressions: Vec<&str> = targets
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    let shown = metrics_in(&expressions.join("\n"));
    let all: BTreeSet<_> = ALL.iter().map(|metric| metric.family().name).collect();
    assert_eq!(shown, all);
}

#[test]
fn the_alerts_speak_of_metrics_that_exist() {
    let alerts = file("deploy/prometheus/alerts.yml");
    let named = metrics_in(&alerts);
    for vital in [
        "assetlab_queue_oldest_job_age_seconds",
        "assetlab_dead_jobs",
        "assetlab_job_slots",
        "assetlab_s3_requests_total",
        "assetlab_lease_losses_total",
        "assetlab_webhook_attempts_total",
        "assetlab_webhook_events",
    ] {
        assert!(named.contains(vital), "{vital}");
    }
}

/// The metrics whose series a text names.
fn metrics_in(text: &str) -> BTreeSet<&'static str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("assetlab_") || word.starts_with("process_"))
        .map(|series| {
            let metric = ALL.iter().map(Metric::family).find(|family| {
                let suffixes: &[&str] = match family.kind {
                    Kind::Histogram => &["_bucket", "_sum", "_count"],
                    Kind::Counter | Kind::Gauge => &[""],
                };
                let suffix = series.strip_prefix(family.name);
                suffix.is_some_and(|suffix| suffixes.contains(&suffix))
            });
            let metric = metric.unwrap_or_else(|| panic!("there is no metric {series}"));
            metric.name
        })
        .collect()
}
