//! The token of a one-time upload link: which video may be uploaded with it, how large, until when.
//!
//! Nothing is stored of a link: the token itself says all there is, signed with a key that is derived
//! from the admin token, so that a new admin token voids every link. What is signed and sent, in
//! base64url: a version, the video's id, the most bytes, the end in seconds since the Unix epoch, and
//! an HMAC-SHA256 (RFC 2104) of these. Any server with the same admin token can tell it is genuine; the
//! upload page reads what the link is for (`frontend/src/lib/link-token.ts`).

use std::fmt;
use std::time::{Duration, SystemTime};

use base64_simd::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use store::VideoId;
use uuid::Uuid;

const VERSION: u8 = 1;
/// Keeps this key apart from any other that may once be derived from the same token.
const KEY_PURPOSE: &[u8] = b"assetlab upload links";
/// Version, id, most bytes, end.
const PAYLOAD_LEN_BYTES: usize = 1 + 16 + 8 + 8;

/// What the bearer of a link may do: upload this one video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadLink {
    pub(crate) id: VideoId,
    pub(crate) max_bytes: u64,
    /// Whole seconds. Until then the upload must have begun.
    pub(crate) expires_at: SystemTime,
}

/// The token as clients show it. Never printed.
#[derive(Serialize)]
pub(crate) struct LinkToken(String);

impl LinkToken {
    /// The token itself: for the answer to who minted it, never for a log.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Signs links and knows them again.
#[derive(Clone)]
pub(crate) struct LinkKey(Hmac<Sha256>);

impl LinkKey {
    pub(crate) fn derive(admin_token: &[u8]) -> Self {
        let derived = keyed(admin_token).chain_update(KEY_PURPOSE).finalize();
        Self(keyed(&derived.into_bytes()))
    }

    pub(crate) fn sign(&self, link: &UploadLink) -> LinkToken {
        let mut token = payload(link).to_vec();
        token.extend(self.0.clone().chain_update(&token).finalize().into_bytes());
        LinkToken(BASE64URL.encode_to_string(token))
    }

    /// The link, if the token was signed with this key; compared in constant time.
    pub(crate) fn verify(&self, token: &[u8]) -> Option<UploadLink> {
        let token = BASE64URL.decode_to_vec(token).ok()?;
        let (payload, tag) = token.split_first_chunk::<PAYLOAD_LEN_BYTES>()?;
        let signed = self.0.clone().chain_update(payload);
        signed.verify_slice(tag).ok()?;
        read(payload)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn payload(link: &UploadLink) -> [u8; PAYLOAD_LEN_BYTES] {
    let id = Uuid::try_parse(&link.id.to_string()).expect("a video's id is a UUID");
    let end = link.expires_at.duration_since(SystemTime::UNIX_EPOCH);
    let end_s = end.unwrap_or_default().as_secs();
    let mut payload = [VERSION; PAYLOAD_LEN_BYTES];
    payload[1..17].copy_from_slice(id.as_bytes());
    payload[17..25].copy_from_slice(&link.max_bytes.to_be_bytes());
    payload[25..].copy_from_slice(&end_s.to_be_bytes());
    payload
}

/// None for a version that this server does not know.
fn read(payload: &[u8; PAYLOAD_LEN_BYTES]) -> Option<UploadLink> {
    let (version, rest) = payload.split_first()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (max_bytes, end_s) = rest.split_first_chunk::<8>()?;
    let end = Duration::from_secs(u64::from_be_bytes(end_s.try_into().ok()?));
    let link = UploadLink {
        id: Uuid::from_bytes(*id).to_string().parse().ok()?,
        max_bytes: u64::from_be_bytes(*max_bytes),
        expires_at: SystemTime::UNIX_EPOCH.checked_add(end)?,
    };
    (*version == VERSION).then_some(link)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn link() -> UploadLink {
        UploadLink {
            id: VideoId::new(),
            max_bytes: 5 << 30,
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        }
    }

    #[test]
    fn a_token_says_what_was_signed_and_fits_into_a_line() {
        let (key, link) = (LinkKey::derive(b"secret"), link());
        let token = key.sign(&link);
        assert_eq!(key.verify(token.expose().as_bytes()), Some(link));
        assert_eq!(token.expose().len(), 87);
        assert!(
            token
                .expose()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_eq!(format!("{token:?}"), "[redacted]");
    }

    #[test]
    fn not_one_bit_can_be_changed_and_no_other_key_fits() {
        let (key, link) = (LinkKey::derive(b"secret"), link());
        let token = key.sign(&link);
        let bytes = BASE64URL.decode_to_vec(token.expose()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = BASE64URL.encode_to_string(forged);
            assert_eq!(key.verify(forged.as_bytes()), None, "bit {bit}");
        }
        for len in 0..bytes.len() {
            let cut = BASE64URL.encode_to_string(&bytes[..len]);
            assert_eq!(key.verify(cut.as_bytes()), None, "{len} bytes");
        }
        let longer = [&bytes[..], b"\0"].concat();
        let longer = BASE64URL.encode_to_string(longer);
        assert_eq!(key.verify(longer.as_bytes()), None);
        for other in ["", "secret ", "Secret"] {
            let key = LinkKey::derive(other.as_bytes());
            assert_eq!(key.verify(token.expose().as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn a_version_of_another_time_is_no_link_however_well_signed() {
        let key = LinkKey::derive(b"secret");
        let mut bytes = payload(&link()).to_vec();
        bytes[0] = VERSION + 1;
        bytes.extend(key.0.clone().chain_update(&bytes).finalize().into_bytes());
        let token = BASE64URL.encode_to_string(bytes);
        assert_eq!(key.verify(token.as_bytes()), None);
    }
}
