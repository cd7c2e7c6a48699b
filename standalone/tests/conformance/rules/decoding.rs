//! The installed ffmpeg, as a player that complains.

use std::io::Write;
use std::process::Stdio;

use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::mp4::File;
use crate::package::Rung;
use crate::violations::Violations;

/// What ffmpeg says of any file that ends within an `mdat`, as an I-frame's range does on purpose:
/// its demuxer looks for the samples after the first one, and for the sound.
const CUT_MDAT: &str = "partial file";

pub(super) async fn check(rung: &Rung, violations: &mut Violations) {
    let Ok(file) = File::read(&rung.file) else {
        return;
    };
    let (pictures, complaints) = decode(rung.url.as_str()).await;
    violations.require(complaints.is_empty(), &rung.name, || {
        format!("ffmpeg complains: {}", complaints.join(" / "))
    });
    let there: usize = file
        .parts(&file.video)
        .map(|(_, part)| part.samples.len())
        .sum();
    violations.require(pictures == there, &rung.name, || {
        format!("ffmpeg decodes {pictures} of {there} pictures")
    });

    let Some((iframes, (_, map))) = rung.iframes.as_ref().zip(rung.playlist.map.as_ref()) else {
        return;
    };
    let init = &rung.file[..(map.end() as usize).min(rung.file.len())];
    for (number, picture) in iframes.pictures.iter().enumerate() {
        let mut alone = NamedTempFile::with_suffix(".mp4").unwrap();
        alone.write_all(&[init, picture].concat()).unwrap();
        let (pictures, mut complaints) = decode(alone.path().to_str().unwrap()).await;
        complaints.retain(|line| !line.ends_with(CUT_MDAT));
        let place = format!("{}, I-frame {number}", iframes.name);
        violations.require(pictures == 1 && complaints.is_empty(), place, || {
            format!(
                "alone it gives {pictures} pictures; ffmpeg complains: {}",
                complaints.join(" / ")
            )
        });
    }
}

/// How many pictures come out of a file or URL, sound decoded too, and all complaints.
async fn decode(input: &str) -> (usize, Vec<String>) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-nostdin", "-v", "error", "-i", input]);
    // Neither repeats nor drops a picture, nor rounds its time to a frame rate's.
    ffmpeg.args(["-vsync", "passthrough", "-enc_time_base:v", "-1"]);
    ffmpeg.args(["-f", "null", "-progress", "-", "-"]);
    let output = ffmpeg.stdin(Stdio::null()).output().await.unwrap();
    let progress = String::from_utf8_lossy(&output.stdout);
    let pictures = progress
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("frame="));
    let complaints = String::from_utf8_lossy(&output.stderr);
    (
        pictures.map_or(0, |number| number.trim().parse().unwrap()),
        complaints.lines().map(str::to_owned).collect(),
    )
}
