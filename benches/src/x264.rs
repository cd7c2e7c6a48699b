//! What x264 was told, read from what it wrote: each stream's first picture carries its options
//! in a message (SEI) of their own.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// How the message begins.
const MARK: &[u8] = b"x264 - core ";
const OPTIONS: &str = "options: ";
/// Options that say how many threads there are.
const THREADS: [&str; 3] = ["threads=", "lookahead_threads=", "sliced_threads="];

/// The version and options of the encoder that wrote a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct X264 {
    /// `164 r3095 baee400`.
    pub(crate) version: String,
    /// `cabac=1 ref=1 …`.
    pub(crate) options: String,
}

impl X264 {
    /// Reads the message from an MP4 with H.264.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::find(&bytes).with_context(|| format!("{} is none of x264's", path.display()))
    }

    fn find(bytes: &[u8]) -> Option<Self> {
        let at = bytes.windows(MARK.len()).position(|at| at == MARK)?;
        let message = &bytes[at + MARK.len()..];
        let end = message.iter().position(|byte| *byte == 0)?;
        let message = std::str::from_utf8(&message[..end]).ok()?;
        let (version, _) = message.split_once(" - ")?;
        let (_, options) = message.split_once(OPTIONS)?;
        Some(Self {
            version: version.to_owned(),
            options: options.to_owned(),
        })
    }

    /// The value of an option: `2` of `threads=2`.
    pub(crate) fn get(&self, name: &str) -> anyhow::Result<&str> {
        let values = self.options.split(' ').filter_map(|o| o.split_once('='));
        match values.into_iter().find(|(key, _)| *key == name) {
            Some((_, value)) => Ok(value),
            None => bail!("x264 does not tell its {name}: {}", self.options),
        }
    }

    /// Versions and options that differ, as `ours/theirs`. Threads are each side's own choice.
    pub(crate) fn differences(&self, theirs: &Self) -> Vec<String> {
        let is_told = |option: &&str| !THREADS.iter().any(|name| option.starts_with(name));
        let versions = std::iter::once((self.version.as_str(), theirs.version.as_str()));
        let [ours, theirs] = [self, theirs].map(|x264| x264.options.split(' ').filter(is_told));
        let pairs = versions
            .chain(ours.zip(theirs))
            .filter(|(ours, theirs)| ours != theirs);
        pairs
            .map(|(ours, theirs)| format!("{ours}/{theirs}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"\x06\x05x264 - core 164 r3095 - H.264 - Copyleft - options: cabac=1 threads=2 crf=23.0\0mdat";

    #[test]
    fn options_are_found_and_compared() {
        let ours = X264::find(MESSAGE).unwrap();
        assert_eq!(ours.version, "164 r3095");
        assert_eq!(ours.get("threads").unwrap(), "2");
        assert!(ours.get("rc").is_err());
        let theirs = X264 {
            options: "cabac=1 threads=3 crf=24.0".into(),
            ..ours.clone()
        };
        assert_eq!(ours.differences(&theirs), ["crf=23.0/crf=24.0"]);
        assert_eq!(X264::find(b"no message"), None);
    }
}
