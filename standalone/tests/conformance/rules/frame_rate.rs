//! How fast pictures follow one another, and FRAME-RATE (RFC 8216bis §4.4.6.2).

use std::collections::VecDeque;

use crate::mp4::File;
use crate::violations::Violations;

const MAX_FPS: f64 = 60.0;

/// In pictures a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameRate {
    /// Where every picture but the last stands for the same time.
    constant: Option<f64>,
    /// In the busiest stretch between two IDR frames, of which one picture may only just belong to
    /// it. The last and shorter stretch counts if there is no other.
    pub(super) sustained: f64,
    /// In the busiest second.
    pub(super) in_a_second: f64,
}

impl FrameRate {
    pub(super) fn of(file: &File) -> Self {
        let video = &file.video;
        let parts: Vec<_> = file.parts(video).map(|(_, part)| part).collect();
        let durations: Vec<u32> = parts
            .iter()
            .flat_map(|part| part.samples.iter().map(|sample| sample.duration_ticks))
            .collect();
        let (&last, others) = durations.split_last().unwrap_or((&1, &[]));
        let usual = others.first().copied().unwrap_or(last);
        let constant = others.iter().all(|ticks| *ticks == usual);
        let constant = constant.then(|| f64::from(video.timescale) / f64::from(usual));
        let whole = parts.len().saturating_sub(1).max(1);
        let rates = parts.iter().take(whole).map(|part| {
            let seconds = video.seconds(part.duration_ticks() as i64);
            part.samples.len().saturating_sub(1) as f64 / seconds
        });
        let sustained = constant.unwrap_or_else(|| rates.fold(0.0, f64::max));
        let in_a_second = most_within(video.timescale, &durations) as f64;
        Self {
            constant,
            sustained,
            in_a_second: in_a_second.max(sustained),
        }
    }

    /// FRAME-RATE is the largest rate, rounded to three decimal places.
    pub(super) fn check(self, name: &str, said: Option<f64>, violations: &mut Violations) {
        let said = said.unwrap_or(0.0);
        let (holds, fps) = match self.constant {
            Some(fps) => ((said - fps).abs() <= 0.001, fps),
            None => {
                let range = self.sustained * 0.99..=MAX_FPS * 1.01;
                (range.contains(&said), self.sustained)
            }
        };
        violations.require(holds, name, || {
            let how = match self.constant {
                Some(_) => "constantly",
                None => "up to",
            };
            format!("FRAME-RATE is {said}, the pictures come {how} {fps:.3} times a second")
        });
        violations.require(fps <= MAX_FPS * 1.01, name, || {
            format!("{fps:.3} pictures a second are more than {MAX_FPS}")
        });
    }
}

/// Most pictures that begin within so many ticks.
fn most_within(ticks: u32, durations: &[u32]) -> usize {
    let (mut at, mut most) = (0, 0);
    let mut starts: VecDeque<u64> = VecDeque::new();
    for duration in durations {
        while starts
            .front()
            .is_some_and(|start| at - start >= u64::from(ticks))
        {
            starts.pop_front();
        }
        starts.push_back(at);
        most = most.max(starts.len());
        at += u64::from(*duration);
    }
    most
}
