//! Closer looks at a rendition's sound; each gives what is wrong, if anything.

use std::path::Path;
use std::process::Command;

use crate::oracle::{field, picture_times, run};
use crate::rendition::Rendition;

/// Enough to place sound to a quarter of a millisecond.
const RATE_HZ: usize = 4000;
/// How much of it is compared: enough to hold something that is no silence.
const COMPARED_S: usize = 8;
/// How far from its place sound is looked for.
const LOOKED_FOR_S: f64 = 0.4;
/// What sound may be off by besides the picture's time that a start is rounded to: the packets'
/// own times are no better in most containers.
const MOST_LAG_S: f64 = 0.005;
const LEAST_CORRELATION: f64 = 0.8;
/// Two down-mixes differ by what encoders do.
const MOST_LOUDNESS_DB: f64 = 1.0;

/// Compares the sound's place with that in ffmpeg's decode, counted from where picture or sound
/// begins, whichever is first. The picture's grid is what counts, so that both may begin up to a
/// picture's time earlier or later.
pub(crate) fn in_place(source: &Path, file: &Rendition) -> Option<String> {
    let times = picture_times(source, false);
    let picture_s = times.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
    // What lies before an edit's start is decoded, but not shown: the stream knows where it starts.
    let zero_s = first_picture_s(source).min(first_sound_s(source));
    let (expected, found) = (samples(source, zero_s), samples(&file.path, 0.0));
    let (lag_s, correlation) = best_lag(&expected, &found);
    let is_in_place = lag_s.abs() <= picture_s + MOST_LAG_S;
    (!is_in_place || correlation < LEAST_CORRELATION)
        .then(|| format!("the sound is {lag_s} s late (correlation {correlation:.3})"))
}

/// Compares with ffmpeg's own down-mix.
pub(crate) fn down_mixed(source: &Path, file: &Rendition) -> Option<String> {
    let (expected, found) = (loudness_db(source), loudness_db(&file.path));
    ((expected - found).abs() > MOST_LOUDNESS_DB)
        .then(|| format!("{found} dB, expected {expected} dB"))
}

pub(crate) fn unbroken(file: &Rendition) -> Option<String> {
    let path = file.path.to_str().unwrap();
    let holes = "silencedetect=n=-60dB:d=0.03";
    let (_, log) = run("ffmpeg", &["-i", path, "-af", holes, "-f", "null", "-"]);
    let holes = log.matches("silence_duration").count();
    (holes > 2).then(|| format!("{holes} holes in the sound"))
}

fn first_picture_s(path: &Path) -> f64 {
    // A stream of a program is listed twice.
    let starts = field(path, "v:0", "start_time");
    let first = starts.lines().next().unwrap();
    first.trim_end_matches(',').parse().unwrap()
}

fn first_sound_s(path: &Path) -> f64 {
    let path = path.to_str().unwrap();
    let arguments = [
        "-v",
        "quiet",
        "-select_streams",
        "a:0",
        "-read_intervals",
        "%+#9",
    ];
    let times = ["-show_entries", "frame=pts_time", "-of", "csv=p=0", path];
    let (out, _) = run("ffprobe", &[&arguments[..], &times].concat());
    let first = out.lines().next().unwrap();
    first.trim_end_matches(',').parse().unwrap()
}

/// Mono samples from a time of the file's own clock on.
fn samples(path: &Path, zero_s: f64) -> Vec<f32> {
    let filter = format!("asetpts=PTS-({zero_s})/TB,aresample=async=1:first_pts=0");
    let output = Command::new("ffmpeg")
        .args(["-v", "quiet", "-nostdin", "-copyts", "-i"])
        .arg(path)
        .args(["-vn", "-af", &filter, "-ac", "1"])
        .args(["-ar", &RATE_HZ.to_string(), "-t", &COMPARED_S.to_string()])
        .args(["-f", "f32le", "-"])
        .output()
        .unwrap();
    let four = output.stdout.chunks_exact(4);
    four.map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect()
}

/// By how many seconds `found` comes after `expected` where both are most alike, and how alike
/// they are then, up to 1.
fn best_lag(expected: &[f32], found: &[f32]) -> (f64, f64) {
    let most = (LOOKED_FOR_S * RATE_HZ as f64) as isize;
    let alike = |lag: isize| {
        let (a, b) = if lag >= 0 {
            (expected, found.get(lag as usize..).unwrap_or_default())
        } else {
            (
                expected.get(lag.unsigned_abs()..).unwrap_or_default(),
                found,
            )
        };
        let (mut both, mut of_a, mut of_b) = (0.0_f64, 0.0, 0.0);
        for (x, y) in a.iter().zip(b).map(|(x, y)| (f64::from(*x), f64::from(*y))) {
            both += x * y;
            of_a += x * x;
            of_b += y * y;
        }
        both / (of_a * of_b).sqrt().max(f64::MIN_POSITIVE)
    };
    let lags = (-most..=most).map(|lag| (lag as f64 / RATE_HZ as f64, alike(lag)));
    lags.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

fn loudness_db(path: &Path) -> f64 {
    let path = path.to_str().unwrap();
    // In floating point, as encoders take it: integers are scaled down for fear of clipping.
    let filter = "aformat=sample_fmts=fltp:channel_layouts=stereo,aformat=sample_fmts=s16,\
        volumedetect";
    let (_, log) = run(
        "ffmpeg",
        &["-i", path, "-vn", "-af", filter, "-f", "null", "-"],
    );
    let mean = log.rsplit("mean_volume:").next().unwrap();
    mean.split_whitespace().next().unwrap().parse().unwrap()
}
