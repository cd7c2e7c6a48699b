//! How near renditions are to their source.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::ffmpeg;
use crate::settings::{Rung, Settings};

/// Of all planes and pictures, against the source scaled with `bicubic+accurate_rnd`.
///
/// libswscale shifts chroma unless it is told where that lies (`in_h_chr_pos=0:out_h_chr_pos=0`). Then
/// the reference would shift against what the CLI scales instead: it fits one side only either way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quality {
    pub(crate) ssim: f64,
    pub(crate) psnr_db: f64,
}

impl Quality {
    /// Of what cannot be compared picture by picture.
    const NONE: Self = Self {
        ssim: f64::NAN,
        psnr_db: f64::NAN,
    };
}

/// The quality of each of two files of a rung; not a number where one has not as many pictures as
/// the source, since pictures are compared in order, whatever their times.
pub(crate) fn compare(
    settings: &Settings,
    source_pictures: u64,
    rung: &Rung,
    files: [&Path; 2],
) -> anyhow::Result<[Quality; 2]> {
    for file in files {
        let found = pictures(file, "packets")?;
        if found != source_pictures {
            eprintln!(
                "{} has {found} pictures, the source {source_pictures}: they are not compared",
                file.display()
            );
            return Ok([Quality::NONE; 2]);
        }
    }
    let graph = format!(
        "[0:v:0]scale={}:{}:flags=bicubic+accurate_rnd,format=yuv420p,setsar=1,settb=1/1000,\
         setpts=40*N,split=4[r0][r1][r2][r3];\
         [1:v:0]settb=1/1000,setpts=40*N,split[a0][a1];[2:v:0]settb=1/1000,setpts=40*N,split[b0][b1];\
         [a0][r0]ssim@first,nullsink;[a1][r1]psnr@first,nullsink;\
         [b0][r2]ssim@second,nullsink;[b1][r3]psnr@second",
        rung.width_px, rung.height_px
    );
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-nostats", "-i"])
        .arg(&settings.clip)
        .arg("-i")
        .arg(files[0])
        .arg("-i")
        .arg(files[1])
        .args(["-filter_complex", &graph])
        .args(["-fps_mode", "passthrough", "-an", "-f", "null", "-"])
        .stdin(Stdio::null())
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("the comparison of {} failed: {log}", rung.name);
    }
    let quality = |which: &str| {
        let figure = |filter: &str, key: &str| figure(&log, &format!("[{filter}@{which} "), key);
        anyhow::Ok(Quality {
            ssim: figure("ssim", "All:")?,
            psnr_db: figure("psnr", "average:")?,
        })
    };
    Ok([quality("first")?, quality("second")?])
}

/// The number after `key` in the line that begins with `start`.
fn figure(log: &str, start: &str, key: &str) -> anyhow::Result<f64> {
    let mut lines = log.lines().filter(|line| line.starts_with(start));
    let line = lines
        .next()
        .with_context(|| format!("no {start} in: {log}"))?;
    let (_, value) = line.split_once(key).with_context(|| line.to_owned())?;
    let value = value.split_whitespace().next().unwrap_or_default();
    value.parse().with_context(|| line.to_owned())
}

/// Pictures of a file: its decoded `frames`, or the `packets` that the container holds.
pub(crate) fn pictures(file: &Path, what: &str) -> anyhow::Result<u64> {
    let (count, read) = (format!("-count_{what}"), format!("stream=nb_read_{what}"));
    let counted = ffmpeg::probe(file, &[&count, "-show_entries", &read])?;
    counted.parse().with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_filters_lines() {
        let log = "frame= 1\n[ssim@first @ 0x1] SSIM Y:0.97 (16.3) All:0.9772 (16.4)\n\
                   [psnr@first @ 0x2] PSNR y:40.1 average:41.25 min:38 max:50\n";
        assert_eq!(figure(log, "[ssim@first ", "All:").unwrap(), 0.9772);
        assert_eq!(figure(log, "[psnr@first ", "average:").unwrap(), 41.25);
        assert!(figure(log, "[ssim@second ", "All:").is_err());
    }
}
