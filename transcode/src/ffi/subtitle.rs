//! Text subtitles: ffmpeg-next's wrapper never frees what a decoder gives out.

use std::ffi::CStr;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;

/// Decodes one packet into the events of SubStation Alpha that it makes; other kinds of subtitles make none.
pub(crate) fn decode_subtitle(
    decoder: &mut ffmpeg::decoder::Opened,
    packet: &ffmpeg::Packet,
) -> Result<Vec<String>, ffmpeg::Error> {
    use ffmpeg::packet::Ref;
    // SAFETY: AVSubtitle is plain data, for which all zeroes is the empty subtitle.
    let mut subtitle: ffi::AVSubtitle = unsafe { std::mem::zeroed() };
    let mut got = 0;
    // SAFETY: decoder and packet are live, the decoder exclusively borrowed; libav only reads the packet, and
    // takes it non-const in its older versions.
    let result = unsafe {
        ffi::avcodec_decode_subtitle2(
            decoder.as_mut_ptr(),
            &mut subtitle,
            &mut got,
            packet.as_ptr().cast_mut(),
        )
    };
    if result < 0 {
        // libav has freed what there was.
        return Err(ffmpeg::Error::from(result));
    }
    if got == 0 {
        return Ok(Vec::new());
    }
    let rects = (0..subtitle.num_rects as usize).filter_map(|at| {
        // SAFETY: a decoded subtitle has `num_rects` pointers to live rectangles; `ass` is null or a
        // zero-terminated string, which is copied before the subtitle is freed.
        unsafe {
            let rect = (*subtitle.rects.add(at)).as_ref()?;
            (!rect.ass.is_null()).then(|| CStr::from_ptr(rect.ass).to_string_lossy().into_owned())
        }
    });
    let events = rects.collect();
    // SAFETY: the subtitle is what a decoder has filled, freed this once.
    unsafe { ffi::avsubtitle_free(&mut subtitle) };
    Ok(events)
}

/// The header of the script whose events a decoder makes: its styles.
pub(crate) fn subtitle_header(decoder: &ffmpeg::decoder::Opened) -> &[u8] {
    // SAFETY: the context is live while borrowed; libav keeps `subtitle_header` at `subtitle_header_size`
    // bytes, or null.
    unsafe {
        let raw = &*decoder.as_ptr();
        match (
            raw.subtitle_header.is_null(),
            usize::try_from(raw.subtitle_header_size),
        ) {
            (false, Ok(len)) => std::slice::from_raw_parts(raw.subtitle_header, len),
            _ => &[],
        }
    }
}

/// The four letters that the container calls a stream's codec by.
pub(crate) fn codec_tag(stream: &ffmpeg::format::stream::Stream<'_>) -> [u8; 4] {
    // SAFETY: the stream borrows its live context; an AVStream has its codec parameters as long as it lives.
    unsafe { (*(*stream.as_ptr()).codecpar).codec_tag }.to_le_bytes()
}
