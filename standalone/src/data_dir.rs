//! The data folder: the S3's data, and the secrets that were made at the first start.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use embedded_s3::{Credentials, EmbeddedS3};
use tempfile::NamedTempFile;

/// What the S3 keys' file is called: lines that a shell can read as variables.
const S3_KEYS: &str = "s3-keys";
const ADMIN_TOKEN: &str = "admin-token";

const KEY_ID: &str = "AWS_ACCESS_KEY_ID=";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY=";

pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// The folder, created for its owner alone if it is not there.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot create the data folder {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// The folder, if an embedded S3 has its keys in it.
    pub(crate) fn with_s3(path: &Path) -> Option<Self> {
        let folder = Self(path.to_owned());
        folder.s3_keys_path().exists().then_some(folder)
    }

    /// Opens the S3 in it, which locks it.
    pub(crate) fn open_s3(&self, credentials: &Credentials) -> anyhow::Result<EmbeddedS3> {
        EmbeddedS3::open(&self.0.join("s3"), credentials).map_err(|error| match error {
            embedded_s3::Error::InUse(_) => anyhow::anyhow!(
                "another assetlab uses the data folder {}: stop it, or choose another folder with DATA_DIR",
                self.0.display()
            ),
            error => error.into(),
        })
    }

    /// Where the S3 keys are kept.
    pub(crate) fn s3_keys_path(&self) -> PathBuf {
        self.0.join(S3_KEYS)
    }

    pub(crate) fn s3_credentials(&self) -> anyhow::Result<Credentials> {
        let text = self.secret(S3_KEYS, || {
            let new = Credentials::random()?;
            let (id, secret) = (new.access_key_id(), new.secret_access_key());
            Ok(format!("{KEY_ID}{id}\n{SECRET}{secret}\n"))
        })?;
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        match (value(KEY_ID), value(SECRET)) {
            (Some(id), Some(secret)) => Ok(Credentials::new(id, secret)),
            _ => bail!(
                "{} holds no keys: delete it, and new ones are made",
                self.s3_keys_path().display()
            ),
        }
    }

    pub(crate) fn admin_token(&self) -> anyhow::Result<String> {
        let text = self.secret(ADMIN_TOKEN, || {
            let mut bytes = [0; 24];
            getrandom::fill(&mut bytes).map_err(io::Error::other)?;
            Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        })?;
        Ok(text.trim().to_owned())
    }

    /// A file that only its owner may read, made if it is not there.
    fn secret(
        &self,
        name: &str,
        make: impl FnOnce() -> io::Result<String>,
    ) -> anyhow::Result<String> {
        let path = self.0.join(name);
        if !path.exists() {
            create(&self.0, &path, make)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }
}

/// The file appears whole or not at all, with mode 0600; one that another process has just made is
/// left as it is.
fn create(folder: &Path, path: &Path, make: impl FnOnce() -> io::Result<String>) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(make()?.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all(),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_for_the_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new/data");
        let data = DataDir::open(&path).unwrap();
        let (token, keys) = (data.admin_token().unwrap(), data.s3_credentials().unwrap());
        assert_eq!(token.len(), 48);

        let again = DataDir::open(&path).unwrap();
        assert_eq!(again.admin_token().unwrap(), token);
        assert!(again.s3_credentials().unwrap() == keys);
        for name in [S3_KEYS, ADMIN_TOKEN] {
            let mode = fs::metadata(path.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_spoilt_file_of_keys_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(S3_KEYS), "nonsense").unwrap();
        let error = DataDir::open(folder.path())
            .unwrap()
            .s3_credentials()
            .unwrap_err();
        assert!(error.to_string().contains(S3_KEYS));
    }
}
