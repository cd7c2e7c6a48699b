//! Who looks at the pictures as they pass, for the poster and the storyboard.

use std::fmt;
use std::sync::Arc;

use ffmpeg_next::frame;

use super::plan::Plan;
use crate::control::CancelToken;
use crate::options::Options;
use crate::pictures::{Made, Pictures};
use crate::probe::Probe;
use crate::time::{Clock, Paced};

/// A poster is no reason for a video to fail: what goes wrong here is logged, and there is none.
pub(super) struct Onlooker {
    /// None where none are asked for, and once they could not be made.
    pictures: Option<Pictures>,
    /// They are taken as decoded, if the top rung is copied: then they are upright, of the rungs' colours, and
    /// larger than what smaller rungs start from.
    looks_before_filters: bool,
    clock: Clock,
}

impl Onlooker {
    pub(super) fn new(probe: &Probe, plan: &Plan, options: &Options) -> Self {
        let copied = plan.copied.as_ref().map(|copied| copied.target);
        let size = copied.map_or(plan.top_size(), |top| (top.width_px, top.height_px));
        let pictures = options
            .pictures
            .then(|| Pictures::new(size, probe.duration_ms));
        Self {
            pictures: pictures.and_then(|pictures| pictures.inspect_err(warn).ok()),
            looks_before_filters: copied.is_some(),
            clock: plan.clock,
        }
    }

    /// A picture comes from the decoder, to be shown at so many ticks.
    pub(super) fn see_decoded(&mut self, picture: &frame::Video, at: i64) {
        if self.looks_before_filters {
            self.look(picture, at);
        }
    }

    /// Pictures go to the rungs.
    pub(super) fn see_shown(&mut self, shown: &[Paced<Arc<frame::Video>>]) {
        if !self.looks_before_filters {
            shown
                .iter()
                .for_each(|paced| self.look(&paced.frame, paced.pts));
        }
    }

    fn look(&mut self, picture: &frame::Video, at: i64) {
        let at_ms = (self.clock.seconds(at) * 1000.0).round() as u64;
        if let Some(pictures) = &mut self.pictures
            && let Err(error) = pictures.look(picture, at_ms)
        {
            warn(&error);
            self.pictures = None;
        }
    }

    /// There are no more.
    pub(super) fn finish(self, duration_ms: u64, cancel: &CancelToken) -> Option<Made> {
        let made = self.pictures?.finish(duration_ms, cancel);
        made.inspect_err(warn).ok().flatten()
    }
}

fn warn(error: &impl fmt::Display) {
    tracing::warn!(%error, "the video gets no poster and no storyboard");
}
