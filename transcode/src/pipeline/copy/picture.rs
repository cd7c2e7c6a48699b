//! What pictures must be to be copied: by the container's word and by their parameter sets.

use ffmpeg_next::{Rational, codec, color, format};

use super::{Reason, require};
use crate::ffi;
use crate::h264::{ParameterSets, Sps, profile};
use crate::orientation::Orientation;
use crate::probe::VideoStream;

/// Devices refuse what claims to be more, whatever it is.
const MAX_LEVEL_IDC: u8 = 52;
/// What is not tagged is BT.709 from this short side on.
const MIN_HD_PX: u32 = 720;

/// Upright, of the rung's size, of square pixels.
pub(super) fn check_shape(
    video: &VideoStream,
    pixel_aspect: Rational,
    size: (u32, u32),
) -> Result<(), Reason> {
    require(
        video.orientation == Orientation::Upright,
        "it has to be turned",
    )?;
    let is_square =
        pixel_aspect.numerator() == pixel_aspect.denominator() || pixel_aspect.numerator() == 0;
    require(is_square, "its pixels are not square")?;
    require(
        (video.coded_width_px, video.coded_height_px) == size,
        "its size is no rung's",
    )
}

/// H.264 that every player decodes, of the colours that our own rungs have.
pub(super) fn check_bitstream(parameters: &codec::Parameters) -> Result<ParameterSets, Reason> {
    require(parameters.id() == codec::Id::H264, "it is not H.264")?;
    let sets = ParameterSets::parse(ffi::extradata(parameters))
        .ok_or("it has not one parameter set of each kind")?;
    let sps = Sps::parse(&sets.sps).ok_or("its parameter set is damaged")?;
    let is_common = match sps.profile_idc {
        profile::BASELINE => sps.is_constrained,
        profile::MAIN | profile::HIGH => true,
        _ => false,
    };
    let is_simple = is_common && sps.is_eight_bit && sps.chroma_format_idc == 1;
    require(
        is_simple && !sps.may_skip_frame_numbers && sps.level_idc <= MAX_LEVEL_IDC,
        "its profile is not one that plays everywhere",
    )?;
    require(sps.is_progressive, "it is interlaced")?;
    require(sps.is_square, "its pixels are not square")?;

    let video = codec::Context::from_parameters(parameters.clone())
        .and_then(|context| context.decoder().video())
        .map_err(|_| "its parameters cannot be read")?;
    require(
        video.format() == format::Pixel::YUV420P
            && !sps.is_full_range
            && video.color_range() != color::Range::JPEG,
        "its pixels are not 8-bit 4:2:0 of limited range",
    )?;
    use color::{Primaries, Space, TransferCharacteristic};
    const BT709: u32 = 1;
    const UNSPECIFIED: u32 = 2;
    let in_container = (
        video.color_primaries(),
        video.color_transfer_characteristic(),
        video.color_space(),
    );
    let is_hd = video.width().min(video.height()) >= MIN_HD_PX;
    let is_bt709 = match in_container {
        (Primaries::BT709, TransferCharacteristic::BT709, Space::BT709) => true,
        (
            Primaries::BT709 | Primaries::Unspecified,
            TransferCharacteristic::BT709 | TransferCharacteristic::Unspecified,
            Space::BT709 | Space::Unspecified,
        ) => is_hd,
        _ => false,
    };
    let agrees = sps.colour.is_none_or(|codes| {
        codes
            .iter()
            .all(|code| matches!(*code, BT709 | UNSPECIFIED))
    });
    require(is_bt709 && agrees, "its colours are not BT.709")?;
    Ok(sets)
}
