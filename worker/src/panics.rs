//! What panics said.

use std::any::Any;

/// A panic's words, for the operator.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", said.unwrap_or("no message"))
}
