//! What the headers of a request say.

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName};
use base64_simd::STANDARD as BASE64;

use crate::error::ApiError;
use crate::tus::{bad, header};

const OFFSET_STREAM: &str = "application/offset+octet-stream";
/// It is kept beside the upload and sent back.
const LONGEST_METADATA_BYTES: usize = 8 << 10;

/// What a new upload is to be.
#[derive(Debug)]
pub(super) struct Creation {
    /// None where it is told later.
    pub(super) len_bytes: Option<u64>,
    /// `Upload-Metadata` as it came.
    pub(super) metadata: String,
    pub(super) filename: String,
}

impl Creation {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        if headers.contains_key(header::UPLOAD_CONCAT) {
            return Err(bad(
                header::UPLOAD_CONCAT,
                "left out: uploads are not joined here",
            ));
        }
        let len_bytes = number(headers, header::UPLOAD_LENGTH)?;
        let deferred = text(headers, header::UPLOAD_DEFER_LENGTH)?;
        match (len_bytes, deferred) {
            (Some(_), None) | (None, Some("1")) => {}
            (_, Some(_)) => {
                let wanted = "`1`, and only where there is no `Upload-Length`";
                return Err(bad(header::UPLOAD_DEFER_LENGTH, wanted));
            }
            (None, None) => return Err(bad(header::UPLOAD_LENGTH, "a number of bytes")),
        }
        let metadata = text(headers, header::UPLOAD_METADATA)?.unwrap_or_default();
        Ok(Self {
            len_bytes,
            metadata: metadata.to_owned(),
            filename: filename(metadata)?,
        })
    }
}

/// The number in a header that must be there.
pub(super) fn required_number(headers: &HeaderMap, name: HeaderName) -> Result<u64, ApiError> {
    number(headers, name.clone())?.ok_or_else(|| bad(name, "a number of bytes"))
}

/// Digits only: a sign is no number of bytes.
pub(super) fn number(headers: &HeaderMap, name: HeaderName) -> Result<Option<u64>, ApiError> {
    let Some(value) = text(headers, name.clone())? else {
        return Ok(None);
    };
    let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(number) if is_digits => Ok(Some(number)),
        _ => Err(bad(name, "a number of bytes")),
    }
}

pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ApiError> {
    let value = headers.get(&name).map(|value| value.to_str());
    value
        .transpose()
        .map_err(|_| bad(name, "visible ASCII characters"))
}

/// Whether a body comes with the request.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|len| len.as_bytes() != b"0")
}

pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    match content_type {
        Some(value) if value.eq_ignore_ascii_case(OFFSET_STREAM.as_bytes()) => Ok(()),
        _ => Err(ApiError::NotAnOffsetStream),
    }
}

/// The file's name in `Upload-Metadata`: pairs of a key and a value in base64, separated by commas. Clients
/// that follow no list of keys call it `name`.
fn filename(metadata: &str) -> Result<String, ApiError> {
    let wanted = "pairs of a key and its value in base64, 8 KiB at most";
    let refused = || bad(header::UPLOAD_METADATA, wanted);
    if metadata.len() > LONGEST_METADATA_BYTES {
        return Err(refused());
    }
    let (mut filename, mut name) = (None, None);
    for pair in metadata
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = BASE64.decode_to_vec(value.trim()).map_err(|_| refused())?;
        let value = String::from_utf8_lossy(&value).into_owned();
        match key {
            "filename" => filename = Some(value),
            "name" => name = Some(value),
            _ => {}
        }
    }
    Ok(filename.or(name).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_name_may_be_of_any_language() {
        let sent = BASE64.encode_to_string("Käse 映画 🎬.mp4");
        for (metadata, expected) in [
            (
                format!("filename {sent},filetype dmlkZW8vbXA0,is_confidential"),
                "Käse 映画 🎬.mp4",
            ),
            (format!("name {sent}"), "Käse 映画 🎬.mp4"),
            (format!("name YQ==, filename {sent}"), "Käse 映画 🎬.mp4"),
            ("filename".into(), ""),
            (String::new(), ""),
        ] {
            assert_eq!(filename(&metadata).unwrap(), expected, "{metadata}");
        }
        assert!(filename("filename not base64!").is_err());
        assert!(filename(&"a,".repeat(5000)).is_err());
    }

    #[test]
    fn a_length_is_told_now_or_later_and_not_both() {
        let creation = |pairs: &[_]| Creation::of(&headers(pairs)).map(|it| it.len_bytes);
        assert_eq!(creation(&[("upload-length", "12")]).unwrap(), Some(12));
        assert_eq!(creation(&[("upload-defer-length", "1")]).unwrap(), None);
        for wrong in [
            &[][..],
            &[("upload-length", "+1")],
            &[("upload-length", "-1")],
            &[("upload-length", "1.5")],
            &[("upload-length", "99999999999999999999")],
            &[("upload-defer-length", "0")],
            &[("upload-length", "1"), ("upload-defer-length", "1")],
            &[("upload-length", "1"), ("upload-concat", "partial")],
        ] {
            assert!(creation(wrong).is_err(), "{wrong:?}");
        }
    }
}
