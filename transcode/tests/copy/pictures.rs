//! What ffmpeg decodes from a file, and what is in it.

use std::path::Path;

use crate::oracle::run;
use crate::patches;

/// MD5 of each decoded picture of a file, in the order in which they are shown.
pub(crate) fn hashes(path: &Path) -> Vec<String> {
    let path = path.to_str().unwrap();
    let decode = ["-v", "error", "-i", path, "-map", "0:v:0"];
    let write = ["-vsync", "passthrough", "-f", "framemd5", "-"];
    let (out, _) = run("ffmpeg", &[&decode[..], &write].concat());
    let rows = out.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

/// Bytes of all of a file's packets of pictures.
pub(crate) fn len_bytes(path: &Path) -> u64 {
    let pictures = patches::pictures(path);
    pictures.iter().map(|range| range.len() as u64).sum()
}

/// Whether any picture holds an SPS or PPS: under the name `avc1` they are in the `avcC` alone
/// (ISO/IEC 14496-15 §5.4.2.1).
pub(crate) fn holds_parameter_sets(path: &Path) -> bool {
    const SPS_AND_PPS: [u8; 2] = [7, 8];
    let bytes = std::fs::read(path).unwrap();
    let headers = patches::pictures(path).into_iter();
    let mut headers = headers.flat_map(|picture| patches::nal_headers(&bytes, picture));
    headers.any(|at| SPS_AND_PPS.contains(&(bytes[at] & 0x1f)))
}

/// The RFC 6381 name of a file's H.264, from its `avcC` (ISO/IEC 14496-15 §5.3.3.1).
pub(crate) fn avc_name(file: &[u8]) -> String {
    let at = file.windows(4).position(|kind| kind == b"avcC").unwrap();
    let [_, profile, constraints, level] = file[at + 4..at + 8] else {
        unreachable!("four bytes");
    };
    format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
}

/// Time of a stream's first packet in seconds; priming lies before zero.
pub(crate) fn first_packet_s(path: &Path, stream: &str) -> f64 {
    let path = path.to_str().unwrap();
    let select = ["-v", "error", "-select_streams", stream];
    let entries = ["-show_entries", "packet=pts_time", "-of", "csv=p=0", path];
    let (out, _) = run("ffprobe", &[&select[..], &entries].concat());
    let first = out.lines().next().unwrap();
    first.trim_end_matches(',').parse().unwrap()
}
