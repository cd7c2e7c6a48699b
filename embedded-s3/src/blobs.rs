//! The folder of blobs.
//!
//! A blob is written once, under a random name, and never changed. It exists before the database
//! names it and is unlinked after the database has forgotten it, so a file that no row names is
//! always garbage.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::credentials::random_hex;

/// What blobs leave free: on a disk that is full to the last byte nothing could be deleted either, as the
/// database needs room for that. Small objects say what is to be done or deleted, so they still go in where
/// media do not.
const RESERVED_LEN_BYTES: u64 = 16 << 20;
const RESERVED_FROM_SMALL_LEN_BYTES: u64 = 8 << 20;
const SMALL_LEN_BYTES: u64 = 64 << 10;

/// The file name of a blob: 32 hexadecimal digits.
pub(crate) type BlobName = String;

/// Names that are being read, each with its count of readers and whether it is to be unlinked when
/// the last of them is done.
#[derive(Default)]
struct Pins(HashMap<BlobName, Pin>);

#[derive(Default)]
struct Pin {
    readers: usize,
    doomed: bool,
}

pub(crate) struct Blobs {
    folder: PathBuf,
    pins: Mutex<Pins>,
}

impl Blobs {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            pins: Mutex::default(),
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        Ok(fs::read_dir(&self.folder)?.next().is_none())
    }

    /// A blob that `len_bytes` are announced for.
    pub(crate) fn create(self: &Arc<Self>, len_bytes: u64) -> io::Result<NewBlob> {
        let reserved_len_bytes = match len_bytes {
            ..=SMALL_LEN_BYTES => RESERVED_FROM_SMALL_LEN_BYTES,
            _ => RESERVED_LEN_BYTES,
        };
        self.check_room(reserved_len_bytes)?;
        let name = random_hex::<16>()?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.path(&name))?;
        Ok(NewBlob {
            blobs: Arc::clone(self),
            name,
            file,
            reserved_len_bytes,
            kept: false,
        })
    }

    /// Fails as a full disk does, a little before it is full.
    fn check_room(&self, reserved_len_bytes: u64) -> io::Result<()> {
        let disk = rustix::fs::statvfs(&self.folder)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < reserved_len_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Looks up what is to be read and pins it, in one step as seen by [`Blobs::remove`]: either
    /// `lookup` no longer sees a blob that is being removed, or the removal sees the pin.
    pub(crate) fn pin<T, E>(
        self: &Arc<Self>,
        lookup: impl FnOnce() -> Result<(T, Vec<BlobName>), E>,
    ) -> Result<(T, PinnedBlobs), E> {
        let mut pins = self.pins();
        let (found, names) = lookup()?;
        for name in &names {
            pins.0.entry(name.clone()).or_default().readers += 1;
        }
        drop(pins);
        let blobs = Arc::clone(self);
        Ok((found, PinnedBlobs { blobs, names }))
    }

    /// Unlinks blobs that no row names any more, each as soon as nobody reads it.
    pub(crate) fn remove(&self, names: &[BlobName]) {
        let mut pins = self.pins();
        for name in names {
            match pins.0.get_mut(name) {
                Some(pin) => pin.doomed = true,
                None => self.unlink(name),
            }
        }
    }

    /// Unlinks every blob that is not in `named`; returns how many.
    pub(crate) fn collect_orphans(&self, named: &HashSet<BlobName>) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let known = entry
                .file_name()
                .to_str()
                .is_some_and(|name| named.contains(name));
            if !known {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn unlink(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.path(name)) {
            // Harmless: it stays as an orphan until the folder is opened again.
            tracing::warn!(blob = name, %error, "a blob could not be unlinked");
        }
    }

    fn pins(&self) -> MutexGuard<'_, Pins> {
        // The map is valid at every step, so a panic elsewhere does not spoil it.
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blob under construction: unlinked when dropped, unless a transaction has named it.
pub(crate) struct NewBlob {
    blobs: Arc<Blobs>,
    name: BlobName,
    file: File,
    reserved_len_bytes: u64,
    kept: bool,
}

impl NewBlob {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.blobs.check_room(self.reserved_len_bytes)?;
        self.file.write_all(bytes)
    }

    /// Makes the bytes and the file's name survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()?;
        sync_folder(&self.blobs.folder)
    }

    /// To be called in the transaction that names the blob, before it commits: where a commit fails
    /// without saying whether it took effect, the file has to stay (as an orphan, if it did not).
    pub(crate) fn keep(mut self) -> BlobName {
        self.kept = true;
        self.name.clone()
    }
}

impl Drop for NewBlob {
    fn drop(&mut self) {
        if !self.kept {
            self.blobs.unlink(&self.name);
        }
    }
}

/// Blobs that stay on disk while this lives.
pub(crate) struct PinnedBlobs {
    blobs: Arc<Blobs>,
    names: Vec<BlobName>,
}

impl PinnedBlobs {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.blobs.path(name)
    }
}

impl Drop for PinnedBlobs {
    fn drop(&mut self) {
        let mut pins = self.blobs.pins();
        for name in &self.names {
            let Some(pin) = pins.0.get_mut(name) else {
                continue;
            };
            pin.readers -= 1;
            if pin.readers == 0 {
                let doomed = pin.doomed;
                pins.0.remove(name);
                if doomed {
                    self.blobs.unlink(name);
                }
            }
        }
    }
}

/// Makes the names in a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(folder: &Path) -> Arc<Blobs> {
        Arc::new(Blobs::open(folder.join("blobs")).unwrap())
    }

    fn written(blobs: &Arc<Blobs>) -> BlobName {
        let mut blob = blobs.create(5).unwrap();
        blob.write(b"bytes").unwrap();
        blob.keep()
    }

    #[test]
    fn a_blob_that_nobody_names_is_unlinked() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = blobs(folder.path());
        let blob = blobs.create(0).unwrap();
        let path = blobs.path(&blob.name);
        assert!(path.exists());
        drop(blob);
        assert!(!path.exists());
    }

    #[test]
    fn a_pinned_blob_outlives_its_removal_until_the_last_reader_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = blobs(folder.path());
        let name = written(&blobs);
        let pin = || {
            blobs
                .pin(|| Ok::<_, io::Error>(((), vec![name.clone()])))
                .unwrap()
                .1
        };
        let (first, second) = (pin(), pin());
        blobs.remove(std::slice::from_ref(&name));
        drop(first);
        assert!(second.path(&name).exists());
        drop(second);
        assert!(!blobs.path(&name).exists());
    }

    #[test]
    fn orphans_are_collected_and_named_blobs_stay() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = blobs(folder.path());
        let (named, orphan) = (written(&blobs), written(&blobs));
        let removed = blobs
            .collect_orphans(&HashSet::from([named.clone()]))
            .unwrap();
        assert_eq!(removed, 1);
        assert!(blobs.path(&named).exists());
        assert!(!blobs.path(&orphan).exists());
    }
}
