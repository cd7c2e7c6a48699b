//! libav's log callback, which gets a C `va_list`.

use std::ffi::{c_char, c_int, c_void};
use std::panic::catch_unwind;

use ffmpeg_next::ffi;

/// libav cuts longer lines, too.
const LINE_LEN: usize = 1024;

/// `av_log_format_line2` and the callback, for the platform's `va_list` as C passes it: bindgen
/// calls it differently on each architecture.
type Format<V> = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_char,
    V,
    *mut c_char,
    c_int,
    *mut c_int,
) -> c_int;
type Callback<V> = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, V);

/// From now on every line that libav logs, on any thread of the process, goes to
/// [`crate::log::write`].
pub(crate) fn redirect_log() {
    install(ffi::av_log_set_callback, ffi::av_log_format_line2);
}

/// The formatter is there for its type: one `V` for both.
fn install<V>(set: unsafe extern "C" fn(Option<Callback<V>>), _: Format<V>) {
    // SAFETY: the callback lives as long as the process and may be called from any thread: it
    // has no state but what is behind locks.
    unsafe { set(Some(on_line::<V>)) };
}

/// # Safety
/// Called by libav only: `context` is null or a live object that begins with an `AVClass`,
/// `format` and `arguments` go together.
unsafe extern "C" fn on_line<V>(
    context: *mut c_void,
    level: c_int,
    format: *const c_char,
    arguments: V,
) {
    // A panic, of a subscriber perhaps, must not unwind into C.
    if !catch_unwind(|| crate::log::is_wanted(level)).unwrap_or(false) {
        return;
    }
    let mut line = [0_u8; LINE_LEN];
    let mut with_prefix = 1;
    // SAFETY: `install` made sure that the formatter takes this `V`; it is given on unread, as
    // is all that libav passed. The formatter writes at most `LINE_LEN` bytes, zero included.
    unsafe {
        let format_line: Format<V> = std::mem::transmute(ffi::av_log_format_line2 as *const c_void);
        format_line(
            context,
            level,
            format,
            arguments,
            line.as_mut_ptr().cast(),
            LINE_LEN as c_int,
            &raw mut with_prefix,
        );
    }
    let _ = catch_unwind(|| {
        let text = line.split(|byte| *byte == 0).next().unwrap_or_default();
        crate::log::write(level, &String::from_utf8_lossy(text));
    });
}
