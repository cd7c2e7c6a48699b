//! `Upload-Checksum`: bytes count only if their sum is what the client says.

use axum::http::HeaderMap;
use base64_simd::STANDARD as BASE64;
use sha2::digest::DynDigest;

use crate::error::ApiError;
use crate::tus::fields::text;
use crate::tus::{bad, header};

/// As `Tus-Checksum-Algorithm` lists them.
pub(super) const ALGORITHMS: &str = "sha1,md5,sha256";

/// The sum of a request's body, as it is and as it should be.
pub(super) struct Checksum {
    digest: Box<dyn DynDigest + Send>,
    expected: Vec<u8>,
}

impl Checksum {
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = text(headers, header::UPLOAD_CHECKSUM)? else {
            return Ok(None);
        };
        let refused = || {
            let wanted = "`sha1`, `md5` or `sha256`, a space, and the sum in base64";
            bad(header::UPLOAD_CHECKSUM, wanted)
        };
        let (algorithm, expected) = value.split_once(' ').ok_or_else(refused)?;
        let digest: Box<dyn DynDigest + Send> = match algorithm {
            "sha1" => Box::new(sha1::Sha1::default()),
            "md5" => Box::new(md5::Md5::default()),
            "sha256" => Box::new(sha2::Sha256::default()),
            _ => return Err(refused()),
        };
        let expected = BASE64.decode_to_vec(expected.trim());
        let expected = expected.map_err(|_| refused())?;
        Ok(Some(Self { digest, expected }))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    pub(super) fn check(self) -> Result<(), ApiError> {
        match *self.digest.finalize() == *self.expected {
            true => Ok(()),
            false => Err(ApiError::ChecksumMismatch),
        }
    }
}
