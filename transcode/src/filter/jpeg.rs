//! From the rungs' colours to those of JPEG files.

use ffmpeg_next::{Rational, format, frame};

use super::Chain;
use super::picture::{apply, buffer_arguments, resize};
use crate::media_error::MediaError;

/// To BT.601 of full range, chroma between the pixels: what JFIF says (ITU-T T.871 §6), and all that viewers
/// assume.
pub(crate) struct JpegColors(Chain);

impl JpegColors {
    /// Sizes as (width, height) in pixels.
    pub(crate) fn new(from: (u32, u32), to: (u32, u32)) -> Result<Self, MediaError> {
        let pixel = format::Pixel::YUV420P;
        let arguments = buffer_arguments(from.0, from.1, pixel, Rational(1, 1))?;
        // Sized first: then fewer pixels change colours.
        let size = (from != to).then(|| resize(to.0, to.1) + ",");
        let chain = format!(
            "{}setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709,\
             zscale=m=170m:r=full:cin=left:c=center,format=yuv420p",
            size.unwrap_or_default()
        );
        Chain::new(["buffer", "buffersink"], &arguments, &chain, 1).map(Self)
    }

    /// Replaces a picture by its converted copy.
    pub(crate) fn apply(&mut self, frame: &mut frame::Video) -> Result<(), MediaError> {
        apply(&mut self.0, frame)
    }
}
