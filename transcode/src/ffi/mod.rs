//! The crate's only `unsafe`: what libav offers and ffmpeg-next does not wrap.
#![allow(unsafe_code)]

mod log;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;

pub(crate) use log::redirect_log;

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

/// The decode timestamps that the container's index lists for a stream, in its time base.
/// Empty where the format has no index of every frame.
pub(crate) fn index_timestamps(stream: &ffmpeg::format::stream::Stream<'_>) -> Vec<i64> {
    // SAFETY: `stream` borrows the live format context that owns the AVStream; libavformat takes
    // the stream non-const only because the index is built lazily, which needs no lock here
    // since nothing else uses the context while it is borrowed. Each entry pointer is checked
    // and read at once, before the next call.
    unsafe {
        let raw = stream.as_ptr().cast_mut();
        (0..ffi::avformat_index_get_entries_count(raw))
            .filter_map(|at| ffi::avformat_index_get_entry(raw, at).as_ref())
            .map(|entry| entry.timestamp)
            .collect()
    }
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
