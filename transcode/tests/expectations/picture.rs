//! Closer looks at a rendition's pictures; each gives what is wrong, if anything.
//!
//! ffmpeg's own decode is the reference. It turns pictures by their tag before its filters, as
//! players do. Pictures are compared by number: the rows that ask for this say that none is
//! added and none is dropped.

use std::path::Path;

use crate::oracle::run;
use crate::rendition::Rendition;

/// Most difference of a mean, of 255 levels.
const MOST_MEAN_LEVELS: f64 = 1.0;
/// Most difference of the darkest and brightest tenth, of 255 levels: a range that is taken for the
/// other moves them by 16 and 20, scaling twice instead of once by up to 5.
const MOST_EDGE_LEVELS: f64 = 6.0;

/// What players that know nothing of HDR need: design figures of ffmpeg's command line.
const TONE_MAP: &str = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
    tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv";

/// The reference's filters to a rendition's size and colours.
fn scaled(file: &Rendition) -> String {
    format!(
        "scale={}:{}:flags=bicubic+accurate_rnd:out_color_matrix=bt709:out_range=tv,\
         setsar=1,format=yuv420p",
        file.width_px, file.height_px
    )
}

fn tone_mapped_reference(file: &Rendition) -> String {
    format!(
        "scale={}:{}:flags=bicubic+accurate_rnd,{TONE_MAP},setsar=1,format=yuv420p",
        file.width_px, file.height_px
    )
}

pub(crate) fn upright(source: &Path, file: &Rendition, least_ssim: f64) -> Option<String> {
    too_unlike(least_ssim, ssim(source, file, &scaled(file)))
}

/// The same colours and, as the mean of all pictures, the same light and tint.
pub(crate) fn tone_mapped(source: &Path, file: &Rendition, least_ssim: f64) -> Option<String> {
    let reference = tone_mapped_reference(file);
    if let Some(unlike) = too_unlike(least_ssim, ssim(source, file, &reference)) {
        return Some(unlike);
    }
    let expected = levels(source, &reference);
    differ(
        &expected,
        &levels(&file.path, "null"),
        ["YAVG", "UAVG", "VAVG"],
        MOST_MEAN_LEVELS,
    )
}

pub(crate) fn limited_range(source: &Path, file: &Rendition) -> Option<String> {
    let expected = levels(source, &scaled(file));
    differ(
        &expected,
        &levels(&file.path, "null"),
        ["YLOW", "YAVG", "YHIGH"],
        MOST_EDGE_LEVELS,
    )
}

/// No picture looks interlaced to ffmpeg's detector, though the source's do.
pub(crate) fn deinterlaced(source: &Path, file: &Rendition) -> Option<String> {
    let (before, after) = (interlaced_pictures(source), interlaced_pictures(&file.path));
    (before == 0 || after > 0)
        .then(|| format!("{after} pictures are combed, {before} of the source's"))
}

/// The shape is the source's, to a pixel, and so is what is in it.
pub(crate) fn square_pixels(source: &Path, file: &Rendition, least_ssim: f64) -> Option<String> {
    let shape = crate::oracle::field(source, "v:0", "width,height,sample_aspect_ratio");
    let numbers: Vec<f64> = shape
        .split([',', ':'])
        .map(|n| n.parse().unwrap())
        .collect();
    let [width, height, across, down] = numbers[..] else {
        return Some(format!("the source's shape is {shape}"));
    };
    let ratio = width * across / (height * down);
    let (found_width, found_height) = (f64::from(file.width_px), f64::from(file.height_px));
    let off_px = (found_width - found_height * ratio).abs();
    let off_px = off_px.min((found_height - found_width / ratio).abs());
    if off_px > 1.0 {
        return Some(format!(
            "off by {off_px:.2} pixels from a shape of {ratio:.4}"
        ));
    }
    too_unlike(least_ssim, ssim(source, file, &scaled(file)))
}

pub(crate) fn over_black(file: &Rendition) -> Option<String> {
    let [_, mean, _] = levels(&file.path, "crop=iw/2-8:ih:0:0").luma();
    let [_, _, right] = levels(&file.path, "crop=iw/2-8:ih:iw/2+8:0").luma();
    ((mean - 16.0).abs() > MOST_EDGE_LEVELS || right < 128.0)
        .then(|| format!("mean luma {mean} on the left, up to {right} on the right"))
}

fn too_unlike(least: f64, ssim: f64) -> Option<String> {
    (ssim < least).then(|| format!("SSIM {ssim}, expected {least}"))
}

/// Structural similarity, 0 to 1, picture by picture.
fn ssim(source: &Path, file: &Rendition, reference: &str) -> f64 {
    let numbered = "settb=1/1000,setpts=N*40";
    let graph = format!("[1:v]{reference},{numbered}[s];[0:v]{numbered}[r];[r][s]ssim=shortest=1");
    let (rendition, source) = (file.path.to_str().unwrap(), source.to_str().unwrap());
    let (_, log) = run(
        "ffmpeg",
        &[
            "-i", rendition, "-i", source, "-lavfi", &graph, "-f", "null", "-",
        ],
    );
    let all = log.rsplit("All:").next().unwrap();
    all.split_whitespace().next().unwrap().parse().unwrap()
}

/// Means over all pictures of what `signalstats` tells of each.
struct Levels(String);

impl Levels {
    fn mean(&self, of: &str) -> f64 {
        let name = format!("signalstats.{of}=");
        let values = self.0.lines().filter_map(|line| line.split_once(&name));
        let values: Vec<f64> = values.map(|(_, value)| value.parse().unwrap()).collect();
        assert!(!values.is_empty(), "no {of} in {}", self.0);
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn luma(&self) -> [f64; 3] {
        ["YLOW", "YAVG", "YHIGH"].map(|of| self.mean(of))
    }
}

fn levels(path: &Path, filter: &str) -> Levels {
    let filter = format!("{filter},signalstats,metadata=print:file=-");
    let path = path.to_str().unwrap();
    let arguments = ["-v", "error", "-i", path, "-vf", &filter, "-f", "null", "-"];
    Levels(run("ffmpeg", &arguments).0)
}

fn differ(expected: &Levels, found: &Levels, of: [&str; 3], most: f64) -> Option<String> {
    let (expected, found) = (of.map(|of| expected.mean(of)), of.map(|of| found.mean(of)));
    let far = expected
        .iter()
        .zip(&found)
        .any(|(a, b)| (a - b).abs() > most);
    far.then(|| format!("{of:?} {found:?}, expected {expected:?}"))
}

/// How many pictures look interlaced to `idet`, which looks at several at once.
fn interlaced_pictures(path: &Path) -> u32 {
    let path = path.to_str().unwrap();
    let (_, log) = run(
        "ffmpeg",
        &["-i", path, "-vf", "idet", "-an", "-f", "null", "-"],
    );
    let counts = log.rsplit("Multi frame detection:").next().unwrap();
    let after = |name: &str| -> u32 {
        let rest = counts.split(name).nth(1).unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    after("TFF:") + after("BFF:")
}
