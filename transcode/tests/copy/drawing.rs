//! Clips that can be copied, drawn by the ffmpeg CLI: H.264 in closed GOPs with constant gaps.

use std::path::{Path, PathBuf};

use transcode::Options;

use crate::oracle::make;

pub(crate) const BT709: &str =
    "-color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709";
/// Pictures of 640×360 are the top rung.
pub(crate) const LADDER: &str = "180:23:200k,360:23:800k";

/// Five seconds.
pub(crate) const PICTURE: &str = "s=640x360:r=25:d=5";
pub(crate) const SOUND: &str = "-f lavfi -i sine=r=48000:d=5";

/// Options under which the same input gives the same bytes.
pub(crate) fn options(ladder: &str) -> Options {
    Options {
        ladder: ladder.parse().unwrap(),
        preset: "ultrafast".into(),
        threads: 1,
        ..Options::default()
    }
}

/// Well under the cap of [`LADDER`], an IDR frame every `gop` pictures.
pub(crate) fn h264(gop: u32) -> String {
    format!(
        "-c:v libx264 -preset veryfast -crf 28 -maxrate 500k -bufsize 250k -g {gop} \
         -keyint_min {gop} -sc_threshold 0 -bf 2 -pix_fmt yuv420p {BT709}"
    )
}

/// Draws `picture` (of testsrc2: `s=640x360:r=25:d=6`) with `sound` (an input, or nothing); what
/// `encoding` says wins over [`h264`] with an IDR frame every 50 pictures.
pub(crate) fn draw(
    folder: &Path,
    name: &str,
    picture: &str,
    sound: &str,
    encoding: &str,
) -> PathBuf {
    let video = h264(50);
    let arguments = format!("-f lavfi -i testsrc2={picture} {sound} {video} -c:a aac {encoding}");
    make(folder, name, &arguments)
}

/// Five seconds at 25 fps with an IDR frame every two, the index at the end.
pub(crate) fn plain(folder: &Path) -> PathBuf {
    draw(folder, "plain.mp4", PICTURE, SOUND, "")
}
