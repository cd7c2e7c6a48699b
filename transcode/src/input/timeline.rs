//! One time line for formats that may start their clock anew at any packet: joined transport
//! streams, recordings over a change of programme.
//!
//! Every stretch between two such jumps is an *epoch* with an offset of its own. Streams jump one
//! after the other, each at its own packet, so each is looked up an epoch in which it runs on;
//! all that jump to one clock share its epoch, and so stay in sync with each other.

/// A time stamp this far behind its stream's last belongs to another epoch.
const MAX_STEP_BACK_US: i64 = 100_000;
/// So does one this far ahead of all streams, in formats whose clock may jump forward.
const MAX_GAP_US: i64 = 10_000_000;
/// A larger step may be a damaged time stamp: the next packet tells.
const MAX_PLAIN_STEP_US: i64 = 500_000;
/// What a packet may claim to last: some claim twelve times what they do.
const MAX_DURATION_US: i64 = 100_000;
/// Epochs that are remembered: streams follow each other within moments.
const MAX_EPOCHS: usize = 8;

#[derive(Debug)]
pub(super) struct Timeline {
    max_gap_us: i64,
    /// What is added to the time stamps of an epoch, the newest last.
    offsets_us: Vec<i64>,
    streams: Vec<Option<Stream>>,
}

/// Where a stream stands.
#[derive(Debug, Clone, Copy)]
struct Stream {
    now: Position,
    /// Before the last packet, if that came with a step.
    before_step: Option<Position>,
}

#[derive(Debug, Clone, Copy)]
struct Position {
    offset_us: i64,
    /// Of the last packet, mended.
    start_us: i64,
    end_us: i64,
}

impl Timeline {
    /// For a broadcast, a long gap is a jump of its clock; for other files, a pause.
    pub(super) fn new(is_broadcast: bool) -> Self {
        Self {
            max_gap_us: if is_broadcast { MAX_GAP_US } else { i64::MAX },
            offsets_us: vec![0],
            streams: Vec::new(),
        }
    }

    /// What to add to the time stamps of a stream's next packet, in microseconds.
    pub(super) fn offset_us(&mut self, stream: usize, dts_us: i64, duration_us: i64) -> i64 {
        if self.streams.len() <= stream {
            self.streams.resize(stream + 1, None);
        }
        let ends = self.streams.iter().flatten().map(|s| s.now.end_us);
        let latest_us = ends.max();
        let known = self.streams[stream];
        let offset_us = match self.nearest(known, latest_us, dts_us) {
            Some(offset_us) => offset_us,
            None => self.begin_epoch(latest_us.unwrap_or(0).saturating_sub(dts_us)),
        };
        let at_us = dts_us.saturating_add(offset_us);
        let is_step = |before: &Position| {
            let step_us = at_us.saturating_sub(before.end_us);
            before.offset_us != offset_us || step_us > MAX_PLAIN_STEP_US
        };
        self.streams[stream] = Some(Stream {
            now: Position {
                offset_us,
                start_us: at_us,
                end_us: at_us.saturating_add(duration_us.clamp(0, MAX_DURATION_US)),
            },
            before_step: known.map(|known| known.now).filter(is_step),
        });
        offset_us
    }

    /// What to add to a time stamp of a stream that says nothing about the clock itself, as subtitles with
    /// their pauses: the offset that brings it nearest to where the other streams are.
    pub(super) fn offset_beside_us(&self, dts_us: i64) -> i64 {
        let ends = self.streams.iter().flatten().map(|s| s.now.end_us);
        let latest_us = ends.max().unwrap_or(0);
        let distance_us = |offset_us: i64| {
            dts_us
                .saturating_add(offset_us)
                .saturating_sub(latest_us)
                .unsigned_abs()
        };
        let newest_first = self.offsets_us.iter().rev().copied();
        newest_first
            .min_by_key(|offset_us| distance_us(*offset_us))
            .unwrap_or(0)
    }

    /// The known epoch in which a packet continues its stream best, if it does in any.
    fn nearest(&self, known: Option<Stream>, latest_us: Option<i64>, dts_us: i64) -> Option<i64> {
        let is_ahead = |at_us: i64| {
            latest_us.is_some_and(|latest_us| at_us > latest_us.saturating_add(self.max_gap_us))
        };
        let Some(known) = known else {
            let mut newest_first = self.offsets_us.iter().rev().copied();
            return newest_first.find(|offset_us| !is_ahead(dts_us.saturating_add(*offset_us)));
        };
        let here = self.offsets_us.iter().rev().map(|offset_us| Position {
            offset_us: *offset_us,
            ..known.now
        });
        let positions = std::iter::once(known.now)
            .chain(known.before_step)
            .chain(here);
        let distances = positions.filter_map(|position| {
            let at_us = dts_us.saturating_add(position.offset_us);
            let is_back = at_us.saturating_sub(position.start_us) < -MAX_STEP_BACK_US;
            let distance_us = at_us.saturating_sub(position.end_us).unsigned_abs();
            (!is_back && !is_ahead(at_us)).then_some((distance_us, position.offset_us))
        });
        distances
            .min_by_key(|(distance_us, _)| *distance_us)
            .map(|(_, offset_us)| offset_us)
    }

    fn begin_epoch(&mut self, offset_us: i64) -> i64 {
        if self.offsets_us.len() == MAX_EPOCHS {
            self.offsets_us.remove(0);
        }
        self.offsets_us.push(offset_us);
        offset_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME_US: i64 = 40_000;

    /// Mended times of (stream, dts) in microseconds.
    fn mend(packets: &[(usize, i64)]) -> Vec<i64> {
        let mut timeline = Timeline::new(true);
        let mended = packets
            .iter()
            .map(|&(stream, dts)| dts + timeline.offset_us(stream, dts, FRAME_US));
        mended.collect()
    }

    #[test]
    fn a_steady_clock_is_left_alone() {
        let packets: Vec<_> = (0..100).map(|i| (i % 2, i as i64 * 20_000)).collect();
        let times: Vec<_> = packets.iter().map(|p| p.1).collect();
        assert_eq!(mend(&packets), times);
    }

    #[test]
    fn what_stands_beside_goes_along_and_changes_nothing() {
        let mut timeline = Timeline::new(true);
        for at in 0..50 {
            timeline.offset_us(0, at * FRAME_US, FRAME_US);
        }
        assert_eq!(timeline.offset_beside_us(1_500_000), 0);
        // A clock that starts anew: a cue of before it, and one of after it.
        timeline.offset_us(0, 0, FRAME_US);
        assert_eq!(timeline.offset_beside_us(1_960_000), 0);
        assert_eq!(timeline.offset_beside_us(40_000), 2_000_000);
        assert_eq!(timeline.offset_beside_us(i64::MIN), 2_000_000);
        assert_eq!(timeline.offset_us(0, FRAME_US, FRAME_US), 2_000_000);
    }

    #[test]
    fn a_second_clock_goes_on_where_the_first_ended() {
        // Picture jumps first; sound of the old clock still comes.
        let packets = [(0, 0), (1, 0), (0, 40_000), (0, 900_000_000), (1, 40_000)];
        assert_eq!(mend(&packets), [0, 0, 40_000, 80_000, 40_000]);
        // Sound jumps, 15 ms after the picture on its own clock: it stays 15 ms after it.
        let later = [packets.as_slice(), &[(1, 900_015_000), (0, 900_040_000)]].concat();
        assert_eq!(mend(&later)[5..], [95_000, 120_000]);
    }

    #[test]
    fn a_clock_set_back_does_not_overlap() {
        let packets = [
            (0, 0),
            (0, 40_000),
            (0, 80_000),
            (0, -300_000),
            (0, -260_000),
        ];
        assert_eq!(mend(&packets), [0, 40_000, 80_000, 120_000, 160_000]);
    }

    #[test]
    fn a_pause_and_a_rare_stream_are_no_jumps() {
        let packets = [(0, 0), (0, 9_000_000), (0, 18_000_000), (1, 18_000_000)];
        assert_eq!(mend(&packets), packets.map(|p| p.1));
    }

    #[test]
    fn what_packets_claim_to_last_moves_nothing() {
        let mut timeline = Timeline::new(true);
        for i in 0..100 {
            assert_eq!(timeline.offset_us(0, i * FRAME_US, 12 * FRAME_US), 0);
        }
    }

    #[test]
    fn only_a_broadcast_leaves_out_a_long_pause() {
        let packets = [
            (0, 0),
            (0, 40_000),
            (0, 60_000_000),
            (0, 60_040_000),
            (0, 0),
        ];
        let mut timeline = Timeline::new(false);
        let mended = packets.map(|(s, dts)| dts + timeline.offset_us(s, dts, FRAME_US));
        assert_eq!(mended[2..], [60_000_000, 60_040_000, 60_080_000]);
        assert_eq!(mend(&packets)[2..], [80_000, 120_000, 160_000]);
    }

    #[test]
    fn one_damaged_time_stamp_moves_nothing_else() {
        for damage_us in [-5_000_000, 5_000_000, -300_000, 800_000, 20_000_000] {
            let mut packets: Vec<_> = (0..600).map(|i| (i % 2, i as i64 / 2 * FRAME_US)).collect();
            let times: Vec<_> = packets.iter().map(|p| p.1).collect();
            packets[300].1 += damage_us;
            let mut mended = mend(&packets);
            mended[300] = times[300];
            assert_eq!(mended, times, "{damage_us}");
        }
    }

    #[test]
    fn one_wild_time_stamp_moves_nothing_after_it() {
        let packets = [
            (0, 0),
            (0, 40_000),
            (0, i64::MAX),
            (0, 80_000),
            (0, 120_000),
        ];
        let mended = mend(&packets[..2]);
        assert_eq!(mended, [0, 40_000]);
        let mut timeline = Timeline::new(true);
        let offsets = packets.map(|(stream, dts)| timeline.offset_us(stream, dts, FRAME_US));
        assert_eq!((offsets[3], offsets[4]), (0, 0));
    }
}
