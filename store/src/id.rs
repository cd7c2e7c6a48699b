//! Names that stand in keys and URLs. Each can be made only in its canonical form, so a key built from
//! them can hold no slash, no dot-dot and nothing a user chose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::{Uuid, Variant, Version};

/// A string that is not the canonical form of the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidName {
    text: String,
    expected: &'static str,
}

impl InvalidName {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        // Names come from URLs: what is shown of a hostile one is bounded.
        let text = text.chars().take(64).collect();
        Self { text, expected }
    }
}

/// The id of a video: a UUIDv7 (RFC 9562) whose 74 free bits come from the operating system's generator,
/// so it cannot be guessed and sorts by creation time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VideoId(Uuid);

impl VideoId {
    /// A new id, created now.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "two calls never give the same id"
    )]
    pub fn new() -> Self {
        let now_ms = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(now_ms, &random_bytes()).into_uuid())
    }

    /// When the id was made, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn created_at_ms(&self) -> u64 {
        // The first 48 bits (RFC 9562, 5.7).
        (self.0.as_u128() >> 80) as u64
    }

    /// When the id was made.
    #[must_use]
    pub fn created_at(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.created_at_ms()) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl FromStr for VideoId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let refuse = || InvalidName::new(text, "the id of a video");
        let uuid = Uuid::try_parse(text).map_err(|_| refuse())?;
        let canonical = uuid.get_version() == Some(Version::SortRand)
            && uuid.get_variant() == Variant::RFC4122
            && Self(uuid).to_string() == text;
        if canonical {
            Ok(Self(uuid))
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The random nonce of a won claim: the folder that one worker's output goes to, and nobody else's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Take(String);

impl Take {
    /// A new take: 128 random bits.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self(random_hex())
    }

    /// The take as it stands in a key: 32 lowercase hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Take {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let canonical = text.len() == 32
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if canonical {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new(text, "a take"))
        }
    }
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a rung: its short side in pixels and `p`, as in `720p`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RungName(String);

impl RungName {
    /// The name as it stands in keys and URLs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The short side in pixels.
    #[must_use]
    pub fn short_side_px(&self) -> u32 {
        self.0.trim_end_matches('p').parse().unwrap_or(0)
    }
}

impl FromStr for RungName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let digits = text.strip_suffix('p').unwrap_or("");
        let canonical =
            (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if canonical {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new(text, "the name of a rung such as 720p"))
        }
    }
}

impl fmt::Display for RungName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RungName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! serialized_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serialized_as_text!(VideoId, Take, RungName);

/// What the OpenAPI document says of a name.
#[cfg(feature = "openapi")]
macro_rules! described_as_text {
    ($($name:ident $pattern:literal $example:literal)*) => {$(
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}
    )*};
}
#[cfg(feature = "openapi")]
described_as_text! {
    VideoId "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" "01890a5d-ac96-774b-bcce-b302099a8057"
    Take "^[0-9a-f]{32}$" "5f1d3c8be0a94c7fa1d0c2b3e4f56789"
    RungName "^[0-9]{1,4}p$" "720p"
}

/// Random bytes from the operating system.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has a random generator");
    bytes
}

/// 128 random bits as 32 hexadecimal digits.
pub(crate) fn random_hex() -> String {
    format!("{:032x}", u128::from_ne_bytes(random_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_knows_its_time() {
        let before = OffsetDateTime::now_utc().unix_timestamp();
        let id = VideoId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!((before..=before + 5).contains(&id.created_at().unix_timestamp()));
        assert_ne!(id, VideoId::new());
    }

    #[test]
    fn only_the_canonical_form_of_a_version_7_id_is_taken() {
        let id = VideoId::new().to_string();
        for bad in [
            id.to_uppercase().as_str(),
            id.replace('-', "").as_str(),
            &format!("{{{id}}}"),
            &format!("urn:uuid:{id}"),
            &format!(" {id}"),
            &Uuid::nil().to_string(),
            "6fa459ea-ee8a-4ca4-894e-db77e160355e", // version 4
            "01890a5d-ac96-774b-4cce-b302099a8057", // version 7, another variant
            "../../etc/passwd",
            "",
        ] {
            assert!(bad.parse::<VideoId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rung_names_are_a_short_side_and_p() {
        for good in ["2p", "72p", "360p", "1080p"] {
            assert_eq!(good.parse::<RungName>().unwrap().as_str(), good);
        }
        for bad in [
            "", "p", "12345p", "720", "720P", "７20p", "../720p", "720p/",
        ] {
            assert!(bad.parse::<RungName>().is_err(), "{bad}");
        }
        assert_eq!("1080p".parse::<RungName>().unwrap().short_side_px(), 1080);
    }

    #[test]
    fn takes_are_hexadecimal() {
        let take = Take::new();
        assert_eq!(take.to_string().parse(), Ok(take));
        assert!("0123456789ABCDEF0123456789ABCDEF".parse::<Take>().is_err());
        assert!("..".parse::<Take>().is_err());
    }
}
