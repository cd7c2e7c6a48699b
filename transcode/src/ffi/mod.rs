//! The crate's only `unsafe`: what libav offers and ffmpeg-next does not wrap.
#![allow(unsafe_code)]

mod log;
mod subtitle;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;

pub(crate) use log::redirect_log;
pub(crate) use subtitle::{codec_tag, decode_subtitle, subtitle_header};

/// Another reference to the same picture, as cheap as a counter. (`Video::clone` copies pixels.)
pub(crate) fn share(frame: &ffmpeg::frame::Video) -> Result<ffmpeg::frame::Video, ffmpeg::Error> {
    let mut shared = ffmpeg::frame::Video::empty();
    // SAFETY: both pointers come from live, initialised frames; `shared` is empty, as
    // av_frame_ref demands, and its Drop releases the reference taken here.
    match unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), frame.as_ptr()) } {
        0 => Ok(shared),
        error => Err(ffmpeg::Error::from(error)),
    }
}

/// Ends the fragment being written and hands its bytes to the output's writer.
pub(crate) fn flush_fragment(
    output: &mut ffmpeg::format::context::Output,
) -> Result<(), ffmpeg::Error> {
    // SAFETY: the context is live and its header is written (the muxer's constructor does both);
    // a null packet is av_write_frame's documented request to flush. `pb` is the custom I/O
    // context that the same `Output` owns.
    let result = unsafe {
        let result = ffi::av_write_frame(output.as_mut_ptr(), std::ptr::null_mut());
        ffi::avio_flush((*output.as_mut_ptr()).pb);
        result
    };
    if result < 0 {
        Err(ffmpeg::Error::from(result))
    } else {
        Ok(())
    }
}

/// Sets how many threads the filters of a graph may use together. Call before `validate`.
pub(crate) fn set_filter_threads(graph: &mut ffmpeg::filter::Graph, threads: u32) {
    // SAFETY: the graph is live and exclusively borrowed; the field is a plain public option
    // that is read when the graph is configured.
    unsafe { (*graph.as_mut_ptr()).nb_threads = threads as i32 };
}

/// What the container's index says of a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexedPacket {
    /// Decode time in the stream's time base.
    pub(crate) dts: i64,
    pub(crate) len_bytes: u64,
    /// Where it ends in the file.
    pub(crate) end_bytes: u64,
    pub(crate) is_sync: bool,
    /// An edit list leaves it out: decoded, but not shown.
    pub(crate) is_discarded: bool,
}

/// The packets that the container's index lists for a stream, in decode order. None where the
/// format has no index of every packet.
pub(crate) fn index<'a>(
    stream: &'a ffmpeg::format::stream::Stream<'_>,
) -> impl Iterator<Item = IndexedPacket> + use<'a> {
    // libavformat takes the stream non-const only because some index is built lazily.
    // SAFETY: `stream` borrows the live format context that owns the AVStream.
    let raw = unsafe { stream.as_ptr().cast_mut() };
    // SAFETY: nothing else uses the context while it is borrowed, here and below.
    let len = unsafe { ffi::avformat_index_get_entries_count(raw) };
    // SAFETY: the entry's pointer is checked and read at once, before the next call.
    (0..len).filter_map(move |at| unsafe {
        let entry = ffi::avformat_index_get_entry(raw, at).as_ref()?;
        let has = |flag: i32| entry.flags() & flag != 0;
        let len_bytes = entry.size().try_into().unwrap_or(0);
        Some(IndexedPacket {
            dts: entry.timestamp,
            len_bytes,
            end_bytes: u64::try_from(entry.pos)
                .unwrap_or(0)
                .saturating_add(len_bytes),
            is_sync: has(ffi::AVINDEX_KEYFRAME),
            is_discarded: has(ffi::AVINDEX_DISCARD_FRAME),
        })
    })
}

/// A stream's parameter sets, in the form of its container; empty where there are none.
pub(crate) fn extradata(parameters: &ffmpeg::codec::Parameters) -> &[u8] {
    // SAFETY: the parameters are live while borrowed; libav keeps `extradata` at `extradata_size`
    // bytes, or null.
    unsafe {
        let raw = &*parameters.as_ptr();
        match (raw.extradata.is_null(), usize::try_from(raw.extradata_size)) {
            (false, Ok(len)) => std::slice::from_raw_parts(raw.extradata, len),
            _ => &[],
        }
    }
}

/// Leaves it to the muxer how it names the codec: the source's container may have another name.
pub(crate) fn forget_codec_tag(parameters: &mut ffmpeg::codec::Parameters) {
    // SAFETY: the parameters are live and exclusively borrowed; the field is a plain public number.
    unsafe { (*parameters.as_mut_ptr()).codec_tag = 0 };
}

/// Has the demuxer throw away a stream's packets unread.
pub(crate) fn discard(stream: &mut ffmpeg::format::stream::StreamMut<'_>) {
    // SAFETY: the stream is live and exclusively borrowed; `discard` is a public field that the
    // caller may set at any time after opening.
    unsafe { (*stream.as_mut_ptr()).discard = ffi::AVDiscard::AVDISCARD_ALL };
}

/// Whether libavformat worked out the duration from the bitrate, for want of anything better.
pub(crate) fn is_duration_guessed(input: &ffmpeg::format::context::Input) -> bool {
    use ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_BITRATE;
    // SAFETY: the context is live while `input` is borrowed; the field is a plain public enum
    // that is set once, when the streams are found.
    unsafe { (*input.as_ptr()).duration_estimation_method == AVFMT_DURATION_FROM_BITRATE }
}

/// Whether timestamps may start anew in the middle: true of formats made for broadcasting.
pub(crate) fn may_restart_clock(input: &ffmpeg::format::context::Input) -> bool {
    // SAFETY: an opened context has an input format, a static object with a plain public field.
    unsafe { (*(*input.as_ptr()).iformat).flags & ffi::AVFMT_TS_DISCONT != 0 }
}

/// Bounds every single allocation of libav's, in the whole process.
pub(crate) fn limit_allocations(max_bytes: usize) {
    // SAFETY: sets one atomic variable.
    unsafe { ffi::av_max_alloc(max_bytes) };
}

/// Whether a stream's pictures are made of two fields each.
pub(crate) fn is_of_fields(stream: &ffmpeg::format::stream::Stream<'_>) -> bool {
    use ffi::AVFieldOrder::{AV_FIELD_PROGRESSIVE, AV_FIELD_UNKNOWN};
    // SAFETY: the stream borrows its live context; an AVStream has its codec parameters as long
    // as it lives, and the field is a plain public enum that libavformat wrote.
    let order = unsafe { (*(*stream.as_ptr()).codecpar).field_order };
    !matches!(order, AV_FIELD_UNKNOWN | AV_FIELD_PROGRESSIVE)
}

/// The shape of a stream's pixels, width to height: the container's word before the bitstream's.
pub(crate) fn pixel_aspect(
    input: &ffmpeg::format::context::Input,
    stream: &ffmpeg::format::stream::Stream<'_>,
) -> ffmpeg::Rational {
    // SAFETY: both are live and belong together; libav only reads them, and takes them non-const
    // for its own reasons. A frame is optional.
    let aspect = unsafe {
        ffi::av_guess_sample_aspect_ratio(
            input.as_ptr().cast_mut(),
            stream.as_ptr().cast_mut(),
            std::ptr::null_mut(),
        )
    };
    aspect.into()
}
