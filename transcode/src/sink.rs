//! Where renditions go, and what stands beside them.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is about to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenditionPlan {
    /// `720p`.
    pub name: String,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
}

/// A small file beside the renditions, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// Its name in the renditions' folder: `poster.jpg`, `storyboard.vtt`, …
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A destination for the renditions of one video; the crate brings [`FolderSink`] and
/// [`MemorySink`].
pub trait Sink: Sync {
    /// Opens the place for one rendition, before its first byte. Called once for each; and once
    /// more where all starts anew because a rung could not be copied: then what was written before
    /// is void.
    ///
    /// # Errors
    /// Any error ends the transcode with [`Error::Sink`](crate::Error::Sink).
    fn rendition(&self, plan: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>>;

    /// Takes a file beside the renditions. Called once for each, when all renditions are complete,
    /// on the thread that called [`transcode`](crate::transcode).
    ///
    /// # Errors
    /// Any error ends the transcode with [`Error::Sink`](crate::Error::Sink).
    fn extra(&self, extra: Extra) -> io::Result<()>;
}

/// A destination for one rendition: a fragmented MP4 whose head is known only at the end.
///
/// Calls come in the order of the methods, on the rendition's own thread; one that blocks slows
/// the encoder, and memory stays bounded. Dropping it without `finish` means that the rendition
/// will not be completed.
pub trait RenditionSink: Send {
    /// Reserves the first `head_len_bytes` of the file.
    ///
    /// # Errors
    /// Any error ends the transcode.
    fn begin(&mut self, head_len_bytes: usize) -> io::Result<()>;

    /// Appends a fragment (`moof` and `mdat`).
    ///
    /// # Errors
    /// Any error ends the transcode.
    fn fragment(&mut self, bytes: Vec<u8>) -> io::Result<()>;

    /// Writes the head, exactly as long as was reserved, and completes the file.
    ///
    /// # Errors
    /// Any error ends the transcode.
    fn finish(self: Box<Self>, head: Vec<u8>) -> io::Result<()>;
}

/// Writes `<folder>/<name>.mp4`, and extras beside them; what a failed transcode has written stays there, incomplete.
#[derive(Debug)]
pub struct FolderSink(PathBuf);

impl FolderSink {
    /// Creates the folder if it is not there.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn new(folder: impl AsRef<Path>) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self(folder.as_ref().to_owned()))
    }
}

impl Sink for FolderSink {
    fn rendition(&self, plan: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>> {
        Ok(Box::new(File::create(
            self.0.join(format!("{}.mp4", plan.name)),
        )?))
    }

    fn extra(&self, extra: Extra) -> io::Result<()> {
        fs::write(self.0.join(extra.name), extra.bytes)
    }
}

impl RenditionSink for File {
    fn begin(&mut self, head_len_bytes: usize) -> io::Result<()> {
        self.write_all(&vec![0; head_len_bytes])
    }

    fn fragment(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.write_all(&bytes)
    }

    fn finish(mut self: Box<Self>, head: Vec<u8>) -> io::Result<()> {
        self.rewind()?;
        self.write_all(&head)
    }
}

/// Keeps completed renditions and extras in memory.
#[derive(Debug, Clone, Default)]
pub struct MemorySink(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    files: Vec<NamedFile>,
    extras: Vec<Extra>,
}

/// A rendition's name and its whole file.
type NamedFile = (String, Vec<u8>);

impl MemorySink {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The completed renditions: name and whole file, in the order in which they were completed.
    #[must_use]
    pub fn into_files(self) -> Vec<NamedFile> {
        std::mem::take(&mut self.kept().files)
    }

    /// Takes the extras out, in the order in which they came.
    #[must_use]
    pub fn take_extras(&self) -> Vec<Extra> {
        std::mem::take(&mut self.kept().extras)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for MemorySink {
    fn rendition(&self, plan: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>> {
        Ok(Box::new(MemoryFile {
            name: plan.name.clone(),
            bytes: Vec::new(),
            done: self.clone(),
        }))
    }

    fn extra(&self, extra: Extra) -> io::Result<()> {
        self.kept().extras.push(extra);
        Ok(())
    }
}

struct MemoryFile {
    name: String,
    bytes: Vec<u8>,
    done: MemorySink,
}

impl RenditionSink for MemoryFile {
    fn begin(&mut self, head_len_bytes: usize) -> io::Result<()> {
        self.bytes.resize(head_len_bytes, 0);
        Ok(())
    }

    fn fragment(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    fn finish(mut self: Box<Self>, head: Vec<u8>) -> io::Result<()> {
        self.bytes[..head.len()].copy_from_slice(&head);
        let file = (
            std::mem::take(&mut self.name),
            std::mem::take(&mut self.bytes),
        );
        self.done.kept().files.push(file);
        Ok(())
    }
}
