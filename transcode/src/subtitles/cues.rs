//! A track's cues, and the WebVTT document that they make.

use std::collections::HashMap;
use std::fmt::Write;

use super::webvtt::timestamp;

/// Most bytes of a packet that are looked at; libav's decoders take time by the square of it. Long ones hold
/// drawings.
pub(crate) const MAX_PACKET_LEN: u64 = 128 << 10;
/// Most bytes of a cue's text: a hundred full lines.
const MAX_TEXT_LEN: u64 = 8 << 10;
/// Most cues of a track: six hours in which they change each half second.
const MAX_CUES: u64 = 50_000;
/// Most bytes of text in a track: three words a second for six hours are a tenth of it.
const MAX_TRACK_LEN: u64 = 4 << 20;

/// How long a cue stands of which nobody says it, where no other follows sooner.
const DEFAULT_DURATION_MS: i64 = 5000;

/// A text and when it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cue {
    /// On the output's time line; may lie before its start.
    pub(crate) start_ms: i64,
    /// Unknown where the file says nothing.
    pub(crate) end_ms: Option<i64>,
    /// A WebVTT payload.
    pub(crate) text: String,
}

/// A limit that a track passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Excess {
    /// What is limited, with its unit.
    pub(crate) what: &'static str,
    pub(crate) limit: u64,
}

impl Excess {
    pub(crate) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), Self> {
        match found > limit {
            true => Err(Self { what, limit }),
            false => Ok(()),
        }
    }
}

/// The cues of a track, in the order in which they were in the file.
#[derive(Debug, Default)]
pub(crate) struct Cues {
    cues: Vec<Cue>,
    len_bytes: u64,
}

impl Cues {
    /// Bytes of text so far.
    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Keeps a cue, if it says anything.
    pub(crate) fn push(&mut self, cue: Cue) -> Result<(), Excess> {
        if cue.text.is_empty() {
            return Ok(());
        }
        let len_bytes = cue.text.len() as u64;
        Excess::check("the length of one cue in bytes", len_bytes, MAX_TEXT_LEN)?;
        self.len_bytes += len_bytes;
        Excess::check(
            "the length of its text in bytes",
            self.len_bytes,
            MAX_TRACK_LEN,
        )?;
        self.cues.push(cue);
        Excess::check("its number of cues", self.cues.len() as u64, MAX_CUES)
    }

    /// The WebVTT document, with no cue beyond the video's end; none if there is no cue.
    pub(crate) fn document(self, duration_ms: i64) -> Option<String> {
        let mut document = "WEBVTT\n".to_owned();
        let shown = self.shown(duration_ms);
        for (start_ms, end_ms, text) in &shown {
            let [start, end] = [start_ms, end_ms].map(|ms| timestamp(ms.unsigned_abs()));
            // Writing to a string does not fail.
            let _ = write!(document, "\n{start} --> {end}\n{text}\n");
        }
        (!shown.is_empty()).then_some(document)
    }

    /// Start, end and text of each cue that is seen, in the order of their starts. A script that draws a line
    /// in layers, or anew for each picture, has one event for each: their like become one cue.
    fn shown(mut self, duration_ms: i64) -> Vec<(i64, i64, String)> {
        self.cues.sort_by_key(|cue| cue.start_ms);
        let ends = self.ends();
        let mut shown: Vec<(i64, i64, String)> = Vec::new();
        let mut latest = HashMap::new();
        for (cue, end_ms) in self.cues.into_iter().zip(ends) {
            let (start_ms, end_ms) = (cue.start_ms.max(0), end_ms.min(duration_ms));
            if end_ms <= start_ms {
                continue;
            }
            let like = latest.get(&cue.text).copied();
            match like.and_then(|at: usize| shown.get_mut(at)) {
                Some((_, shown_until_ms, _)) if *shown_until_ms >= start_ms => {
                    *shown_until_ms = end_ms.max(*shown_until_ms);
                }
                _ => {
                    latest.insert(cue.text.clone(), shown.len());
                    shown.push((start_ms, end_ms, cue.text));
                }
            }
        }
        shown
    }

    /// When each cue ends: one of which nothing says so stands until the next begins.
    fn ends(&self) -> Vec<i64> {
        let (mut here_ms, mut next_ms) = (i64::MAX, i64::MAX);
        let mut ends: Vec<i64> = self
            .cues
            .iter()
            .rev()
            .map(|cue| {
                if cue.start_ms < here_ms {
                    next_ms = here_ms;
                    here_ms = cue.start_ms;
                }
                let default_ms = cue
                    .start_ms
                    .saturating_add(DEFAULT_DURATION_MS)
                    .min(next_ms);
                cue.end_ms.unwrap_or(default_ms)
            })
            .collect();
        ends.reverse();
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start_ms: i64, end_ms: impl Into<Option<i64>>, text: &str) -> Cue {
        Cue {
            start_ms,
            end_ms: end_ms.into(),
            text: text.to_owned(),
        }
    }

    fn shown(cues: &[Cue]) -> Vec<(i64, i64, String)> {
        let mut kept = Cues::default();
        cues.iter().for_each(|cue| kept.push(cue.clone()).unwrap());
        kept.shown(100_000)
    }

    fn one(start_ms: i64, end_ms: i64, text: &str) -> (i64, i64, String) {
        (start_ms, end_ms, text.to_owned())
    }

    #[test]
    fn a_document_is_what_players_read() {
        let mut cues = Cues::default();
        cues.push(cue(3_723_004, 3_724_000, "<i>two</i>\nlines"))
            .unwrap();
        cues.push(cue(500, 2000, "one")).unwrap();
        assert_eq!(
            cues.document(4_000_000).unwrap(),
            "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\none\n\n\
             01:02:03.004 --> 01:02:04.000\n<i>two</i>\nlines\n"
        );
        assert_eq!(Cues::default().document(1000), None);
    }

    #[test]
    fn cues_are_cut_at_both_ends_of_the_video() {
        let cues = [
            cue(-2000, -1000, "before"),
            cue(-1000, 1000, "over the start"),
            cue(99_000, 200_000, "over the end"),
            cue(100_000, 101_000, "after"),
            cue(5000, 5000, "never"),
            cue(6000, 5000, "backwards"),
            cue(7000, 8000, ""),
        ];
        assert_eq!(
            shown(&cues),
            [
                one(0, 1000, "over the start"),
                one(99_000, 100_000, "over the end")
            ]
        );
    }

    #[test]
    fn overlapping_cues_stay_as_they_are() {
        let cues = [cue(1000, 4000, "a"), cue(2000, 3000, "b")];
        assert_eq!(shown(&cues), [one(1000, 4000, "a"), one(2000, 3000, "b")]);
    }

    #[test]
    fn layers_and_pictures_of_one_line_are_one_cue() {
        let cues = [
            cue(1000, 1040, "a"),
            cue(1000, 1040, "a"),
            cue(1020, 1080, "b"),
            cue(1040, 1080, "a"),
            cue(1200, 1300, "a"),
        ];
        assert_eq!(
            shown(&cues),
            [
                one(1000, 1080, "a"),
                one(1020, 1080, "b"),
                one(1200, 1300, "a")
            ]
        );
    }

    #[test]
    fn where_no_end_is_stated_the_next_cue_is_it() {
        let cues = [
            cue(1000, None, "a"),
            cue(1000, None, "b"),
            cue(3000, None, "c"),
        ];
        assert_eq!(
            shown(&cues),
            [
                one(1000, 3000, "a"),
                one(1000, 3000, "b"),
                one(3000, 8000, "c")
            ]
        );
    }

    #[test]
    fn limits_are_named() {
        let mut cues = Cues::default();
        let long = cue(0, 1, &"x".repeat(MAX_TEXT_LEN as usize + 1));
        assert_eq!(
            cues.push(long).unwrap_err().what,
            "the length of one cue in bytes"
        );
        let mut cues = Cues::default();
        let pushed: Result<Vec<()>, _> = (0..=MAX_CUES as i64)
            .map(|n| cues.push(cue(n, n + 1, "x")))
            .collect();
        assert_eq!(pushed.unwrap_err().what, "its number of cues");
        let mut cues = Cues::default();
        let text = "x".repeat(MAX_TEXT_LEN as usize);
        let pushed: Result<Vec<()>, _> =
            (0..1000).map(|n| cues.push(cue(n, n + 1, &text))).collect();
        assert_eq!(pushed.unwrap_err().what, "the length of its text in bytes");
    }

    #[test]
    fn two_hours_stay_in_order_and_within_the_video() {
        let mut cues = Cues::default();
        // Out of order, as Matroska allows.
        for n in 0..3000i64 {
            let at = (n * 7919) % 3000 * 2400;
            cues.push(cue(at - 500, at + 1000, &format!("line {n}")))
                .unwrap();
        }
        let shown = cues.shown(7_000_000);
        assert!(shown.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert!(
            shown
                .iter()
                .all(|(start, end, _)| 0 <= *start && start < end && *end <= 7_000_000)
        );
    }
}
