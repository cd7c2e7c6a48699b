//! Which packets make a fragment.
//!
//! A fragment is one closed GOP and the sound that belongs to it: an AAC frame goes where its
//! media time is not before the fragment's video (hls.js shifts the sound otherwise when it
//! starts in the middle). Media time counts from a track's first decode time, as `tfdt` does.

use std::collections::VecDeque;

use ffmpeg_next::Packet;

/// A closed GOP with its sound, ready for the muxer.
pub(crate) struct Fragment {
    /// In decode order, durations set.
    pub(crate) video: Vec<Packet>,
    pub(crate) audio: Vec<Packet>,
    /// Media time of the first picture, in video ticks.
    pub(crate) start: i64,
    /// Sum of the pictures' durations, in video ticks.
    pub(crate) duration: i64,
    /// Sum of the sound's durations, in samples.
    pub(crate) audio_duration: i64,
}

/// Sorts packets into fragments.
pub(crate) struct Fragmenter {
    timescale: i64,
    /// Samples per second; `None` without sound.
    sample_rate_hz: Option<i64>,
    first_dts: Option<i64>,
    first_audio_pts: Option<i64>,
    /// The GOP that is still growing.
    open: Vec<Packet>,
    /// Complete GOPs that wait for their sound, each with the decode time of its end.
    closed: VecDeque<(Vec<Packet>, i64)>,
    audio: VecDeque<Packet>,
    audio_ended: bool,
}

impl Fragmenter {
    pub(crate) fn new(timescale: u32, sample_rate_hz: Option<u32>) -> Self {
        Self {
            timescale: timescale.into(),
            sample_rate_hz: sample_rate_hz.map(i64::from),
            first_dts: None,
            first_audio_pts: None,
            open: Vec::new(),
            closed: VecDeque::new(),
            audio: VecDeque::new(),
            audio_ended: sample_rate_hz.is_none(),
        }
    }

    /// In decode order; the first that starts a fragment is the first of all.
    pub(crate) fn push_video(&mut self, packet: Packet, starts_fragment: bool) {
        let dts = packet.dts().unwrap_or(0);
        self.first_dts.get_or_insert(dts);
        if starts_fragment && !self.open.is_empty() {
            self.close(dts);
        }
        self.open.push(packet);
    }

    pub(crate) fn push_audio(&mut self, packet: Packet) {
        self.first_audio_pts
            .get_or_insert(packet.pts().unwrap_or(0));
        self.audio.push_back(packet);
    }

    /// No more packets; the pictures last until `end` in all, in ticks.
    pub(crate) fn finish(&mut self, end: i64) {
        self.audio_ended = true;
        if !self.open.is_empty() {
            self.close(self.first_dts.unwrap_or(0) + end);
        }
    }

    fn close(&mut self, end_dts: i64) {
        let mut gop = std::mem::take(&mut self.open);
        let mut next_dts = end_dts;
        // x264's packets have no duration of their own.
        for packet in gop.iter_mut().rev() {
            let dts = packet.dts().unwrap_or(0);
            packet.set_duration((next_dts - dts).max(1));
            next_dts = dts;
        }
        self.closed.push_back((gop, end_dts));
    }

    /// The next fragment that has all its packets.
    pub(crate) fn pop(&mut self) -> Option<Fragment> {
        let (_, end_dts) = self.closed.front()?;
        let end = end_dts - self.first_dts?;
        let is_last = self.audio_ended && self.closed.len() == 1 && self.open.is_empty();
        let count = if is_last {
            self.audio.len()
        } else {
            let count = self
                .audio
                .partition_point(|packet| self.is_before(packet, end));
            if count == self.audio.len() && !self.audio_ended {
                return None;
            }
            count
        };
        let (video, end_dts) = self.closed.pop_front()?;
        let audio: Vec<Packet> = self.audio.drain(..count).collect();
        let start_dts = video.first().and_then(|packet| packet.dts()).unwrap_or(0);
        Some(Fragment {
            start: start_dts - self.first_dts?,
            duration: end_dts - start_dts,
            audio_duration: audio.iter().map(|packet| packet.duration()).sum(),
            video,
            audio,
        })
    }

    /// Whether a sound packet's media time lies before a media time in video ticks.
    fn is_before(&self, packet: &Packet, end: i64) -> bool {
        let samples = packet.pts().unwrap_or(0) - self.first_audio_pts.unwrap_or(0);
        let rate = self.sample_rate_hz.unwrap_or(1);
        i128::from(samples) * i128::from(self.timescale) < i128::from(end) * i128::from(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(dts: i64) -> Packet {
        let mut packet = Packet::copy(b"v");
        packet.set_dts(Some(dts));
        packet
    }

    fn audio(index: i64) -> Packet {
        let mut packet = Packet::copy(b"a");
        packet.set_pts(Some((index - 1) * 1024));
        packet.set_duration(1024);
        packet
    }

    #[test]
    fn sound_goes_where_its_time_is_not_before_the_picture() {
        let mut fragmenter = Fragmenter::new(25, Some(48_000));
        for frame in 0..150 {
            fragmenter.push_video(video(frame - 2), frame % 50 == 0);
        }
        assert!(
            fragmenter.pop().is_none(),
            "the sound of the first two seconds is missing"
        );
        for index in 0..282 {
            fragmenter.push_audio(audio(index));
        }
        fragmenter.finish(150);
        let mut samples = 0;
        for start in [0, 50, 100] {
            let fragment = fragmenter.pop().unwrap();
            assert_eq!((fragment.start, fragment.duration), (start, 50));
            assert_eq!(fragment.video.iter().map(|p| p.duration()).sum::<i64>(), 50);
            let first = (fragment.audio[0].pts().unwrap() + 1024) as f64 / 48_000.0;
            assert!(
                (0.0..0.0214).contains(&(first - start as f64 / 25.0)),
                "{first}"
            );
            samples += fragment.audio_duration;
        }
        assert!(fragmenter.pop().is_none());
        assert_eq!(samples, 282 * 1024, "no sound is lost");
    }

    #[test]
    fn without_sound_a_fragment_waits_for_nothing() {
        let mut fragmenter = Fragmenter::new(25, None);
        fragmenter.push_video(video(0), true);
        fragmenter.push_video(video(1), false);
        assert!(fragmenter.pop().is_none());
        fragmenter.push_video(video(2), true);
        assert_eq!(fragmenter.pop().map(|f| f.duration), Some(2));
        fragmenter.finish(5);
        assert_eq!(fragmenter.pop().map(|f| f.duration), Some(3));
    }
}
