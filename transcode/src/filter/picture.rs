//! What is done to pictures: once for all rungs, then for each.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, color, frame};

use super::Chain;
use crate::media_error::{Doing, MediaError};
use crate::orientation::Orientation;

/// Everything about a decoded picture that a chain is built for; when it changes, so must the
/// chain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PictureFormat {
    width: u32,
    height: u32,
    pixel_aspect: Rational,
    pixel: ffmpeg::format::Pixel,
    space: color::Space,
    range: color::Range,
    primaries: color::Primaries,
    transfer: color::TransferCharacteristic,
    interlaced: bool,
    transparent: bool,
}

impl PictureFormat {
    /// Where `has_alpha` is false, what the pixels have of it means nothing.
    pub(crate) fn of(frame: &frame::Video, has_alpha: bool) -> Self {
        let components = frame.format().descriptor().map(|d| d.nb_components());
        Self {
            transparent: has_alpha && matches!(components, Some(2 | 4)),
            width: frame.width(),
            height: frame.height(),
            pixel_aspect: frame.aspect_ratio(),
            pixel: frame.format(),
            space: frame.color_space(),
            range: frame.color_range(),
            primaries: frame.color_primaries(),
            transfer: frame.color_transfer_characteristic(),
            interlaced: frame.is_interlaced(),
        }
    }

    /// Where fields and whole pictures take turns, one chain serves both: the deinterlacer needs
    /// the pictures around a field, and lets whole ones pass.
    pub(crate) fn stay_interlaced(&mut self, before: &Self) {
        self.interlaced |= before.interlaced;
    }

    /// Width over height as the picture is meant to be shown, before it is turned.
    pub(crate) fn shape(&self) -> f64 {
        let pixel = f64::from(self.pixel_aspect);
        let pixel = if pixel.is_normal() { pixel } else { 1.0 };
        f64::from(self.width) / f64::from(self.height) * pixel
    }

    /// The chain from a decoded picture to what every rung starts from: upright, square pixels,
    /// 8-bit 4:2:0, BT.709 limited range, of the largest rung's size. `widened` is how much wider
    /// the picture is than that size's shape: what does not fit gets black bars.
    pub(crate) fn chain_to(
        &self,
        (width_px, height_px): (u32, u32),
        widened: f64,
        orientation: Orientation,
        time_base: Rational,
        threads: u32,
    ) -> Result<Chain, MediaError> {
        let mut steps = Vec::new();
        if self.interlaced && self.width.min(self.height) >= MIN_FIELDS_PX {
            steps.push("bwdif=mode=send_frame:deint=interlaced".to_owned());
        }
        // Scaling comes before turning: most often it leaves fewer pixels to turn.
        let (width, height) = if orientation.swaps_sides() {
            (height_px, width_px)
        } else {
            (width_px, height_px)
        };
        let (whole_width, whole_height) = (width, height);
        let (width, height) = fit_inside(width, height, widened);
        let as_coded = format!(
            "in_color_matrix={}:in_range={}",
            self.matrix(),
            self.range()
        );
        let to_size = format!("scale={width}:{height}:flags=bicubic");
        let is_even = self.width.is_multiple_of(2) && self.height.is_multiple_of(2);
        if self.transparent {
            // Over black: what is transparent adds no light.
            steps.push(format!(
                "scale={as_coded},format=gbrap,premultiply=inplace=1"
            ));
        }
        if let Some(light) = self.light() {
            // Such mapping comes after scaling: floating point costs by the pixel.
            steps.extend([to_size, light]);
        } else if self.is_output_color() && is_even {
            if (self.width, self.height) != (width, height) {
                steps.push(resize(width, height));
            }
        } else if (self.width, self.height) != (width, height) || !self.is_output_color() {
            steps.push(format!(
                "{to_size}:{as_coded}:out_color_matrix=bt709:out_range=tv"
            ));
        }
        steps.push("format=yuv420p".to_owned());
        if (width, height) != (whole_width, whole_height) {
            steps.push(format!("pad={whole_width}:{whole_height}:-1:-1"));
        }
        steps.extend(orientation.filter().map(str::to_owned));
        steps.push("setsar=1".to_owned());
        let arguments = buffer_arguments(self.width, self.height, self.pixel, time_base)?;
        Chain::new(
            ["buffer", "buffersink"],
            &arguments,
            &steps.join(","),
            threads,
        )
    }

    /// The mapping of light to BT.709 where it takes more than another matrix: HDR, and colours
    /// that BT.709's primaries do not mix.
    fn light(&self) -> Option<String> {
        let hdr = match self.transfer {
            color::TransferCharacteristic::SMPTE2084 => Some("smpte2084"),
            color::TransferCharacteristic::ARIB_STD_B67 => Some("arib-std-b67"),
            _ => None,
        };
        let wide = match self.primaries {
            color::Primaries::BT2020 => Some("bt2020"),
            color::Primaries::SMPTE431 => Some("smpte431"),
            color::Primaries::SMPTE432 => Some("smpte432"),
            _ => None,
        };
        // zscale refuses pictures with properties missing. What is HDR is BT.2020 whether it says
        // so or not.
        let assume = |primaries: &str, transfer: &str, matrix: &str| {
            format!(
                "setparams=color_primaries={primaries}:color_trc={transfer}:\
                 colorspace={matrix}:range={}",
                self.range()
            )
        };
        match (hdr, wide) {
            (Some(transfer), _) => Some(format!(
                "{},zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
                 tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv",
                assume("bt2020", transfer, "bt2020nc")
            )),
            (None, Some(primaries)) => {
                let matrix = match self.matrix() {
                    "bt2020" => "bt2020nc",
                    other => other,
                };
                Some(format!(
                    "{},zscale=p=bt709:t=bt709:m=bt709:r=tv",
                    assume(primaries, "bt709", matrix)
                ))
            }
            (None, None) => None,
        }
    }

    fn is_full_range(&self) -> bool {
        use ffmpeg::format::Pixel::{YUVJ411P, YUVJ420P, YUVJ422P, YUVJ440P, YUVJ444P};
        self.range == color::Range::JPEG
            || matches!(
                self.pixel,
                YUVJ411P | YUVJ420P | YUVJ422P | YUVJ440P | YUVJ444P
            )
    }

    fn range(&self) -> &'static str {
        if self.is_full_range() { "pc" } else { "tv" }
    }

    fn is_output_color(&self) -> bool {
        self.pixel == ffmpeg::format::Pixel::YUV420P
            && !self.is_full_range()
            && self.matrix() == "bt709"
    }

    /// libswscale's name of the matrix. What is not tagged is BT.709 from 720 lines on and
    /// BT.601 below, as players assume.
    fn matrix(&self) -> &'static str {
        match self.space {
            color::Space::BT709 => "bt709",
            color::Space::BT2020NCL | color::Space::BT2020CL => "bt2020",
            color::Space::BT470BG | color::Space::SMPTE170M => "smpte170m",
            color::Space::SMPTE240M => "smpte240m",
            color::Space::FCC => "fcc",
            _ if self.width.min(self.height) >= 720 => "bt709",
            _ => "smpte170m",
        }
    }
}

/// bwdif takes no plane of less than 3×3, and chroma has half the size.
const MIN_FIELDS_PX: u32 = 6;

/// Less of a difference in shape is rounding, and no reason for bars.
const SAME_SHAPE: f64 = 0.01;

/// The even size inside another for a picture that is so much wider than it.
fn fit_inside(width_px: u32, height_px: u32, widened: f64) -> (u32, u32) {
    let even = |side_px: u32, share: f64| {
        let side_px = (f64::from(side_px) * share / 2.0).round() as u32 * 2;
        side_px.max(2)
    };
    if (widened - 1.0).abs() < SAME_SHAPE {
        (width_px, height_px)
    } else if widened > 1.0 {
        (width_px, even(height_px, 1.0 / widened))
    } else {
        (even(width_px, widened), height_px)
    }
}

/// From the pictures that all rungs start from to a smaller rung's.
pub(crate) struct Scaler(Chain);

impl Scaler {
    /// Sizes as (width, height) in pixels.
    pub(crate) fn new(from: (u32, u32), to: (u32, u32)) -> Result<Self, MediaError> {
        // One picture in, one out: its time is not looked at.
        let time_base = Rational(1, 1);
        let arguments =
            buffer_arguments(from.0, from.1, ffmpeg::format::Pixel::YUV420P, time_base)?;
        let chain = match from == to {
            // Of a mirrored one, too, whose rows may lie in memory from the last to the first.
            true => "copy".to_owned(),
            false => resize(to.0, to.1),
        };
        Chain::new(["buffer", "buffersink"], &arguments, &chain, 1).map(Self)
    }

    /// Replaces a picture by its scaled copy.
    pub(crate) fn scale(&mut self, frame: &mut frame::Video) -> Result<(), MediaError> {
        apply(&mut self.0, frame)
    }
}

/// Replaces a picture by what a chain makes of it alone.
pub(super) fn apply(chain: &mut Chain, frame: &mut frame::Video) -> Result<(), MediaError> {
    chain.push(frame)?;
    match chain.pull(frame)? {
        true => Ok(()),
        false => Err(ffmpeg::Error::Bug).doing("scaling a picture"),
    }
}

/// Scales what has the output's colours, and an even size, whatever its tags say. zimg takes a
/// third of libswscale's time and rounds exactly; the kernel is the same (`bicubic`, 0 and 0.6).
pub(super) fn resize(width_px: u32, height_px: u32) -> String {
    format!("zscale={width_px}:{height_px}:f=bicubic:param_a=0:param_b=0.6:cin=left:c=left")
}

pub(super) fn buffer_arguments(
    width: u32,
    height: u32,
    pixel: ffmpeg::format::Pixel,
    time_base: Rational,
) -> Result<String, MediaError> {
    let name = pixel
        .descriptor()
        .ok_or(ffmpeg::Error::InvalidData)
        .doing("reading a picture's format")?;
    Ok(format!(
        "video_size={width}x{height}:pix_fmt={}:time_base={}/{}:pixel_aspect=1/1",
        name.name(),
        time_base.numerator(),
        time_base.denominator(),
    ))
}
