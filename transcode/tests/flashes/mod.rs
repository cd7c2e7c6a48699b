//! When each flash is seen and each beep is heard in a file, by ffmpeg's decoders and the
//! container's own timestamps and edit lists.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::path::Path;
use std::process::{Command, Stdio};

/// A picture is a flash from this mean luma on: between black and white.
const BRIGHT: f64 = 125.0;
/// Two beeps are at least so far apart.
const SILENCE_S: f64 = 0.3;

/// A flash and the beep nearest to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) flash_s: f64,
    /// How much later than the flash the beep is heard; negative if earlier.
    pub(crate) beep_later_s: f64,
}

/// Every flash of a file with its beep, in order.
pub(crate) fn pairs(file: &Path) -> Vec<Pair> {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-nostats", "-copyts", "-i"])
        .arg(file)
        .args(["-map", "0:v", "-vf", "showinfo", "-vsync", "passthrough"])
        .args(["-f", "null", "-", "-map", "0:a", "-af", "ashowinfo"])
        .args(["-ac", "1", "-f", "f32le", "pipe:1"])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", file.display());
    let flashes = flashes_s(&log);
    let beeps = beeps_s(&log, &output.stdout);
    let pair = |flash_s: f64| {
        let next = beeps.partition_point(|beep| *beep < flash_s);
        let near = &beeps[next.saturating_sub(1)..(next + 1).min(beeps.len())];
        let later = near.iter().map(|beep| beep - flash_s);
        let beep_later_s = later.min_by(|a, b| a.abs().total_cmp(&b.abs()));
        let beep_later_s = beep_later_s.expect("beeps are heard");
        Pair {
            flash_s,
            beep_later_s,
        }
    };
    flashes.into_iter().map(pair).collect()
}

/// The number after a label in a line of ffmpeg's log.
fn number(line: &str, label: &str) -> Option<f64> {
    let rest = line.split_once(label)?.1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && !"-.".contains(c));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// When the picture turns from dark to bright.
fn flashes_s(log: &str) -> Vec<f64> {
    let mut tick_s = 0.0;
    let mut was_bright = true;
    let mut flashes = Vec::new();
    for line in log.lines().filter(|line| line.contains("_showinfo_")) {
        if let Some(scale) = number(line, "time_base: 1/") {
            tick_s = 1.0 / scale;
        }
        // Ticks, because seconds are printed with six digits in all.
        if let (Some(pts), Some(luma)) = (number(line, " pts:"), number(line, " mean:[")) {
            let is_bright = luma > BRIGHT;
            if is_bright && !was_bright {
                flashes.push(pts * tick_s);
            }
            was_bright = is_bright;
        }
    }
    flashes
}

/// When silence turns to sound; each decoded frame's samples count from its own timestamp.
fn beeps_s(log: &str, pcm: &[u8]) -> Vec<f64> {
    let sample = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap()).abs();
    let loudest = pcm.chunks_exact(4).map(sample).fold(0.0, f32::max);
    let mut samples = pcm.chunks_exact(4).map(sample);
    let mut beeps = Vec::new();
    let mut last_loud_s = 0.0;
    // Some frames have lines of side data, too.
    let frames = log.lines().filter(|line| line.contains(" nb_samples:"));
    for line in frames {
        let value = |label| number(line, label).expect("ashowinfo's line");
        // The filter's time base is one sample.
        let (pts, rate, len) = (value(" pts:"), value(" rate:"), value(" nb_samples:"));
        for (at, level) in samples.by_ref().take(len as usize).enumerate() {
            let at_s = (pts + at as f64) / rate;
            if level > loudest / 3.0 {
                if at_s - last_loud_s > SILENCE_S {
                    beeps.push(at_s);
                }
                last_loud_s = at_s;
            }
        }
    }
    assert_eq!(samples.count(), 0, "samples without a timestamp");
    beeps
}
