//! What is done to sound: once for all rungs.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, Rescale, frame};

use super::Chain;
use crate::media_error::MediaError;

/// The format of decoded sound that a chain is built for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SoundFormat {
    sample: ffmpeg::format::Sample,
    sample_rate_hz: u32,
    channels: u16,
    layout_mask: u64,
}

impl SoundFormat {
    pub(crate) fn of(frame: &frame::Audio) -> Self {
        let tagged = frame.channel_layout();
        let layout = if tagged.is_empty() || tagged.bits() == 0 {
            ffmpeg::ChannelLayout::default(frame.channels().into())
        } else {
            tagged
        };
        Self {
            sample: frame.format(),
            sample_rate_hz: frame.rate(),
            channels: frame.channels(),
            layout_mask: layout.bits(),
        }
    }

    /// The chain to planar float of the given rate and layout, gaps and drift in the timestamps
    /// evened out, beginning exactly at sample `first`.
    pub(crate) fn chain_to(
        &self,
        sample_rate_hz: u32,
        channels: u16,
        first: i64,
        time_base: Rational,
    ) -> Result<Chain, MediaError> {
        let layout = match self.layout_mask {
            0 => String::new(), // more channels than any usual layout has
            mask => format!(":channel_layout=0x{mask:x}"),
        };
        let arguments = format!(
            "time_base={}/{}:sample_rate={}:sample_fmt={}:channels={}{layout}",
            time_base.numerator(),
            time_base.denominator(),
            self.sample_rate_hz,
            self.sample.name(),
            self.channels,
        );
        let layout = if channels == 1 { "mono" } else { "stereo" };
        // In samples of what comes in, the documentation notwithstanding.
        let first_in = first.rescale((1, sample_rate_hz as i32), (1, self.sample_rate_hz as i32));
        // `flags=res` has the resampler run from the start: turned on later, by the first drift, it
        // would begin at `first_pts` again and repeat all of that time as silence. Drift is evened
        // out by 0.2 % at most, which nobody hears, and from 10 ms on, which no rounding of
        // timestamps reaches; a jump of 50 ms is cut or filled at once.
        let chain = format!(
            "aresample={sample_rate_hz}:flags=res:async={}:min_comp=0.01:min_hard_comp=0.05:\
             first_pts={first_in},aformat=sample_fmts=fltp:sample_rates={sample_rate_hz}:\
             channel_layouts={layout}",
            sample_rate_hz / 500
        );
        Chain::new(["abuffer", "abuffersink"], &arguments, &chain, 1)
    }
}
