//! What a run tells: the seed first, then figures, then what is wrong with all that is known about it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use crate::buckets::Buckets;
use crate::process::lines_about;
use crate::site::{RAW_BUCKET, VIDEO_BUCKET};
use crate::storm::Storm;
use crate::verdict::Verdict;

/// Videos of which everything is told; one bug has many victims.
const TOLD_MAX: usize = 5;
const LINES_MAX: usize = 80;

pub(crate) struct Report<'a> {
    /// From the start to the end of the violence, and to the empty queue.
    pub(crate) stormed: Duration,
    pub(crate) drained: Duration,
    pub(crate) wall: Duration,
    /// What was wrong on the way.
    pub(crate) wrong: Vec<String>,
    pub(crate) verdict: Verdict,
    pub(crate) storm: &'a Storm,
}

impl Report<'_> {
    pub(crate) fn is_clean(&self) -> bool {
        self.wrong.is_empty() && self.verdict.wrong.is_empty() && self.never_happened().is_empty()
    }

    /// A run that has not seen everything proves little.
    fn never_happened(&self) -> Vec<&'static str> {
        let faults = self.storm.proxy.counts().into_iter();
        let faults = faults.filter_map(|(name, times)| (times == 0).then_some(name));
        let fail_points = self.storm.violence.fail_points.missing();
        fail_points.into_iter().chain(faults).collect()
    }

    /// Prints all of it; what is wrong in short.
    pub(crate) async fn print(&self) -> String {
        let site = &self.storm.site;
        let buckets = Buckets::of(site);
        let mut text = self.figures();
        let mut summary = format!("with seed {}:\n", self.storm.plan.seed);
        let never_happened = self.never_happened();
        if !never_happened.is_empty() {
            let _ = writeln!(summary, "never happened: {}", never_happened.join(", "));
        }
        for wrong in &self.wrong {
            let _ = writeln!(summary, "{wrong}");
        }
        for wrong in &self.verdict.wrong {
            let id = wrong.id.map(|id| id.to_string()).unwrap_or_default();
            let _ = writeln!(summary, "{id} {}", wrong.what);
        }
        if !self.is_clean() {
            text += &format!("\nwrong, {summary}");
        }
        let ids: BTreeSet<_> = self.verdict.wrong.iter().filter_map(|w| w.id).collect();
        for id in ids.iter().take(TOLD_MAX) {
            let status = format!("videos/{id}/status.json");
            let _ = writeln!(text, "\n{id}");
            let _ = writeln!(text, "{}", buckets.text(VIDEO_BUCKET, &status).await);
            for folder in ["queue", "dead"] {
                let key = format!("{folder}/{id}");
                let _ = writeln!(text, "{key}: {}", buckets.text(RAW_BUCKET, &key).await);
            }
            let lines = lines_about(&site.log_folder(), &id.to_string());
            for line in lines.iter().take(LINES_MAX) {
                let _ = writeln!(text, "  {line}");
            }
        }
        if !self.is_clean() {
            let kept = site.keep_logs(self.storm.plan.seed);
            let _ = writeln!(text, "\nall logs: {}", kept.display());
        }
        println!("{text}");
        summary
    }

    fn figures(&self) -> String {
        let mut text = format!("\nseed {}\n", self.storm.plan.seed);
        let verdict = &self.verdict;
        let (unanswered, refused) = self.storm.uploads.repeated();
        let (takeovers, most) = self.storm.proxy.writes().takeovers();
        let seconds = |duration: &Duration| format!("{:.0} s", duration.as_secs_f64());
        for (name, value) in [
            (
                "videos done",
                format!("{}, {} of them decoded", verdict.done, verdict.decoded),
            ),
            ("refused for good", verdict.refused.to_string()),
            ("deleted", verdict.deleted.to_string()),
            (
                "events told",
                format!("{} by {} requests", verdict.events, verdict.tellings),
            ),
            ("of uploads nobody acknowledged", verdict.extra.to_string()),
            (
                "uploads repeated",
                format!("{unanswered} without an answer, {refused} after a 5xx"),
            ),
            ("takeovers", format!("{takeovers}, {most} of one job")),
            (
                "longest time to the end",
                format!("{:.1} s", verdict.longest_s),
            ),
            ("swept at the end", format!("{:?}", verdict.swept)),
            (
                "time",
                format!(
                    "{}: storm {}, drained after {}",
                    seconds(&self.wall),
                    seconds(&self.stormed),
                    seconds(&self.drained)
                ),
            ),
        ] {
            let _ = writeln!(text, "{name:>32}: {value}");
        }
        for ((who, how), times) in self.storm.violence.ends() {
            let _ = writeln!(text, "{:>32}: {times}", format!("{who} {how}"));
        }
        let _ = writeln!(text, "  fail points");
        for (name, fired) in self.storm.violence.fail_points.fired() {
            let (aborted, frozen) = (fired.aborted, fired.frozen);
            let _ = writeln!(text, "{name:>32}: aborted {aborted}, frozen {frozen}");
        }
        let _ = writeln!(text, "  between the processes and S3");
        for (what, times) in self.storm.proxy.counts() {
            let _ = writeln!(text, "{what:>32}: {times}");
        }
        text
    }
}
