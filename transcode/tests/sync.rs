//! Sound and picture stay together: the offset of every flash and its beep in what comes out,
//! against the same in what went in, both by ffmpeg's decoders.
//!
//! A minute a clip; with `ASSETLAB_LONG=1` ten.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod flashes;
mod oracle;

use flashes::{Pair, pairs};
use oracle::{make, transcode};
use tempfile::tempdir;
use transcode::Options;

const H264: &str = "-c:v libx264 -preset ultrafast -bf 2 -g 100 -pix_fmt yuv420p";
/// 48 samples a millisecond; a beep a second.
const BEEPS_48K: &str = "aevalsrc='0.5*sin(2*PI*1000*t)*lt(t,0.05)':s=48000:d=1,\
    aloop=loop=-1:size=48000";

fn duration_s() -> u32 {
    match std::env::var_os("ASSETLAB_LONG") {
        Some(_) => 600,
        None => 60,
    }
}

/// A clip that flashes and beeps each second.
struct Clip {
    name: &'static str,
    /// Filters that make the pictures, and the sound.
    picture: String,
    sound: String,
    /// Encoders and muxer.
    codecs: String,
    /// What sound and picture may be apart: one frame.
    frame_s: f64,
}

impl Clip {
    /// Flashes on the picture nearest to each second.
    fn constant(name: &'static str, rate: &str, codecs: &str) -> Self {
        let (num, den) = rate.split_once('/').unwrap_or((rate, "1"));
        let frame_s = den.parse::<f64>().unwrap() / num.parse::<f64>().unwrap();
        let flash = format!("lt(abs(t-round(t)),{})", frame_s / 2.0);
        Self {
            name,
            picture: format!("r={rate}:d={},{}", duration_s(), white_while(&flash)),
            sound: BEEPS_48K.into(),
            codecs: format!("{H264} {codecs}"),
            frame_s,
        }
    }

    /// Keeps those of a thousand pictures a second that `select` names; flashes on the first of
    /// each second.
    fn irregular(name: &'static str, select: &str, codecs: &str) -> Self {
        let flash = white_while("lt(mod(t,1),0.1)");
        Self {
            name,
            picture: format!("r=1000:d={},select='{select}',{flash}", duration_s()),
            sound: BEEPS_48K.into(),
            codecs: format!("-vsync vfr {H264} {codecs}"),
            frame_s: 1.0 / 30.0,
        }
    }

    fn arguments(&self) -> String {
        let Self {
            picture,
            sound,
            codecs,
            ..
        } = self;
        let end_s = duration_s();
        format!(
            "-f lavfi -i color=black:s=160x90:{picture}[out0];{sound},atrim=end={end_s}[out1] {codecs}"
        )
    }

    /// Transcodes it and compares each pair with the source's.
    fn check(&self) {
        let folder = tempdir().unwrap();
        let source = make(folder.path(), self.name, &self.arguments());
        let options = Options {
            preset: "ultrafast".into(),
            ..Options::default()
        };
        let (report, out) = transcode(&source, &options);
        let before = pairs(&source);
        let after = pairs(&out.join("90p.mp4"));
        self.print(&before, &after);
        assert!(before.len() * 2 > duration_s() as usize, "flashes made");
        assert_eq!(after.len(), before.len(), "flashes kept");
        for (before, after) in before.iter().zip(&after) {
            let moved_s = after.beep_later_s - before.beep_later_s;
            assert!(
                moved_s.abs() < self.frame_s,
                "{}: {moved_s} s at {} s",
                self.name,
                after.flash_s
            );
        }
        assert_eq!(report.warnings, []);
    }

    /// One line for the table: milliseconds that sound moved against the picture.
    fn print(&self, before: &[Pair], after: &[Pair]) {
        let moved_ms: Vec<f64> = before
            .iter()
            .zip(after)
            .map(|(before, after)| (after.beep_later_s - before.beep_later_s) * 1000.0)
            .collect();
        let largest = |ms: &[f64]| ms.iter().fold(0.0, |most: f64, ms| most.max(ms.abs()));
        let all_ms = |pairs: &[Pair]| -> Vec<f64> {
            pairs.iter().map(|p| p.beep_later_s * 1000.0).collect()
        };
        println!(
            "{:24} {:4} pairs; moved: first ten {:5.1} ms, last ten {:5.1} ms, anywhere {:5.1} ms; \
             offset at most: before {:5.1} ms, after {:5.1} ms; a frame {:.1} ms",
            self.name,
            after.len(),
            largest(&moved_ms[..moved_ms.len().min(10)]),
            largest(&moved_ms[moved_ms.len().saturating_sub(10)..]),
            largest(&moved_ms),
            largest(&all_ms(before)),
            largest(&all_ms(after)),
            self.frame_s * 1000.0
        );
    }
}

/// Not at the very ends, where a flash may have no beep.
fn white_while(condition: &str) -> String {
    let last_s = f64::from(duration_s()) - 0.5;
    format!("drawbox=color=white:t=fill:enable='between(t,0.5,{last_s})*{condition}'")
}

#[test]
fn film_rate_with_aac_in_mp4() {
    Clip::constant("film.mp4", "24000/1001", "-c:a aac -ac 2").check();
}

#[test]
fn ntsc_rate_with_opus_in_matroska() {
    Clip::constant("ntsc.mkv", "30000/1001", "-c:a libopus").check();
}

#[test]
fn pal_rate_with_pcm_in_quicktime() {
    Clip::constant("pal.mov", "25", "-c:a pcm_s16le").check();
}

#[test]
fn sixty_frames_with_aac_in_mp4() {
    Clip::constant("sixty.mp4", "60", "-c:a aac").check();
}

#[test]
fn varying_gaps_with_aac_in_mp4() {
    let gaps = "isnan(prev_selected_t)+gte(t-prev_selected_t,0.018+0.06*random(0))";
    Clip::irregular("varying.mp4", gaps, "-c:a aac").check();
}

#[test]
fn a_screen_recording_with_freezes() {
    // Freezes of 1.5, 1.7 and 4.5 s; the second ends, and the third nearly begins, with a flash.
    let freezes = "between(mod(t,17),3.2,4.7)+between(mod(t,17),6.3,7.9995)+\
        between(mod(t,17),10.05,14.5)";
    let pictures = format!("(isnan(prev_selected_t)+gte(t-prev_selected_t,0.0331))*not({freezes})");
    Clip::irregular("freezes.mp4", &pictures, "-c:a aac").check();
}

#[test]
fn webm_with_opus_and_no_duration() {
    let vp8 = "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus -live 1";
    Clip::constant("live.webm", "30", vp8).check();
}

#[test]
fn mp3_in_avi() {
    let xvid = "-c:v mpeg4 -bf 0 -c:a libmp3lame";
    Clip::constant("old.avi", "25", xvid).check();
}

#[test]
fn ac3_in_a_transport_stream_with_a_start_offset() {
    let offset = "-c:a ac3 -output_ts_offset 5000";
    Clip::constant("offset.ts", "25", offset).check();
}

#[test]
fn mp2_in_a_transport_stream_whose_clock_wraps() {
    // 33 bits at 90 kHz are 95443.7 s.
    let offset = format!("-c:a mp2 -output_ts_offset {}", 95_443 - duration_s() / 2);
    Clip::constant("wraps.ts", "25", &offset).check();
}

#[test]
fn sound_that_starts_late() {
    let mut clip = Clip::constant("late.mp4", "30", "-c:a aac");
    clip.sound += ",atrim=start=0.7";
    clip.check();
}

#[test]
fn sound_that_starts_early() {
    let mut clip = Clip::constant("early.mkv", "30", "-c:a aac");
    clip.picture += ",trim=start=0.7";
    clip.check();
}

#[test]
fn clocks_that_drift_apart() {
    // The sound's clock is slow by 0.02 %: 0.12 s in ten minutes, which its timestamps tell.
    let mut clip = Clip::constant("drift.mkv", "25", "-c:a aac");
    clip.sound = "aevalsrc='0.5*sin(2*PI*1000*t)*lt(t,0.05)':s=44100:d=1,\
        aloop=loop=-1:size=44091,asetpts=PTS*44100/44091"
        .into();
    clip.check();
}
