use std::fmt;
use std::io;

/// The one pair of keys the server accepts. The secret is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: String,
}

impl Credentials {
    /// Keys that were made before.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
        }
    }

    /// New keys from the operating system's generator.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub fn random() -> io::Result<Self> {
        Ok(Self::new(
            format!("assetlab{}", random_hex::<6>()?),
            random_hex::<32>()?,
        ))
    }

    /// The public half.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret half: to be handed to a client or kept in a private file, nothing else.
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"[redacted]")
            .finish()
    }
}

/// `N` random bytes as hexadecimal digits.
pub(crate) fn random_hex<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(hex(&bytes))
}

/// Lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_printed() {
        let credentials = Credentials::new("id", "hush");
        assert_eq!(
            format!("{credentials:?}"),
            r#"Credentials { access_key_id: "id", secret_access_key: "[redacted]" }"#
        );
    }

    #[test]
    fn random_keys_differ() {
        assert_ne!(
            Credentials::random().unwrap(),
            Credentials::random().unwrap()
        );
    }
}
