//! Still pictures through libavcodec's MJPEG encoder.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, codec, color, encoder, format, frame};

use crate::media_error::{Doing, MediaError};

/// A picture, 4:2:0 of full range, as a JPEG file. `quantizer`: from 2 (best) to 31.
pub(crate) fn jpeg(picture: &mut frame::Video, quantizer: u32) -> Result<Vec<u8>, MediaError> {
    let codec = encoder::find(codec::Id::MJPEG)
        .ok_or(ffmpeg::Error::EncoderNotFound)
        .doing("looking for libavcodec's JPEG encoder")?;
    let mut video = codec::Context::new_with_codec(codec)
        .encoder()
        .video()
        .doing("preparing the JPEG encoder")?;
    video.set_width(picture.width());
    video.set_height(picture.height());
    video.set_format(format::Pixel::YUV420P);
    video.set_color_range(color::Range::JPEG);
    video.set_time_base(Rational(1, 1));
    let mut options = ffmpeg::Dictionary::new();
    options.set("qmin", &quantizer.to_string());
    options.set("qmax", &quantizer.to_string());
    options.set("threads", "1");
    let mut encoder = video.open_with(options).doing("opening the JPEG encoder")?;
    picture.set_pts(Some(0));
    picture.set_kind(ffmpeg::picture::Type::None);
    encoder.send_frame(picture).doing("encoding a JPEG")?;
    encoder.send_eof().doing("encoding a JPEG")?;
    let packet = super::audio::receive(&mut encoder)?;
    let bytes = packet.as_ref().and_then(ffmpeg::Packet::data);
    let bytes = bytes.ok_or(ffmpeg::Error::Bug).doing("encoding a JPEG")?;
    Ok(bytes.to_vec())
}
