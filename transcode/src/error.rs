//! What can go wrong, split by who has to act.

use std::io;

use crate::media_error::MediaError;

/// Why a probe or a transcode did not finish.
///
/// The variants are split by who has to act: the uploader ([`Error::Input`]), whoever runs the
/// source or the destination ([`Error::Source`], [`Error::Sink`]), the caller
/// ([`Error::Cancelled`]) or this crate's authors ([`Error::Libav`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file itself cannot become a video. Trying again gives the same answer.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The bytes of the original could not be read: network, storage, permissions. May pass.
    #[error("the original could not be read: {0}")]
    Source(#[source] io::Error),
    /// The destination refused bytes. May pass.
    #[error("the output could not be written: {0}")]
    Sink(#[source] io::Error),
    /// The caller's [`CancelToken`](crate::CancelToken) was set.
    #[error("the transcode was cancelled")]
    Cancelled,
    /// libav refused something that a sound input and configuration never make it refuse.
    #[error(transparent)]
    Libav(#[from] MediaError),
}

impl Error {
    /// Whether the same file will fail in the same way however often it is tried.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Error::Input(_))
    }

    /// Whether the cause may be that the process was short of memory: what else goes on in it may have caused
    /// it then, and the same file succeed alone.
    #[must_use]
    pub fn may_be_for_want_of_memory(&self) -> bool {
        matches!(
            self,
            Error::Input(InputError::IndexTooLarge | InputError::TooMuchMemory) | Error::Libav(_)
        )
    }

    /// Whether it was storage that did not answer for as long as it was asked: the file has nothing to do
    /// with it. A source and a sink say so by [`io::ErrorKind::TimedOut`]; ours over HTTP does.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Error::Source(error) | Error::Sink(error) => error.kind() == io::ErrorKind::TimedOut,
            _ => false,
        }
    }

    /// One sentence for the person who uploaded the file, without a path, URL or library's name.
    #[must_use]
    pub fn user_message(&self) -> String {
        match self {
            Error::Input(reason) => reason.to_string(),
            Error::Source(_) => "The original could not be read from storage.".into(),
            Error::Sink(_) => "The result could not be written to storage.".into(),
            Error::Cancelled => "The work on this video was stopped.".into(),
            Error::Libav(_) => "The video could not be processed.".into(),
        }
    }
}

/// What is wrong with a file; `Display` is a sentence for its uploader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// No allowed container was recognised.
    #[error("The file is not a video that can be read.")]
    NotAVideo,
    /// A container without a video stream; cover art does not count.
    #[error("The file has no video stream.")]
    NoVideo,
    /// No decoder for the video stream.
    #[error("The video is coded as “{codec}”, which cannot be decoded.")]
    UnsupportedCodec {
        /// libav's short name of the codec.
        codec: String,
    },
    /// More streams, or more samples in a table, than libav is allowed to keep.
    #[error("The file's index is too large: it lists too many streams or too many pictures.")]
    IndexTooLarge,
    /// The process may not have as much memory as this takes; what else it does has its part in that.
    #[error("The video takes more memory to process than there is.")]
    TooMuchMemory,
    /// Sound or picture is encrypted.
    #[error("The file is encrypted: it can only be used without its copy protection.")]
    Encrypted,
    /// Dolby Vision without a base layer that other screens can show (profiles 5 and 10.0).
    #[error(
        "The video is Dolby Vision of profile {profile}, which only Dolby Vision screens can show: \
         export it as HDR10, HLG or SDR."
    )]
    DolbyVisionOnly {
        /// The profile.
        profile: u8,
    },
    /// A video stream from which not one picture came out.
    #[error("Not one picture of the file's video could be decoded.")]
    Undecodable,
    /// Less than nine tenths of the declared duration could be decoded.
    #[error(
        "The file is incomplete: it announces {declared_s} s of video, but only {decoded_s} s are in it: \
         upload it again, whole."
    )]
    Incomplete {
        /// What the container announces, in whole seconds.
        declared_s: u64,
        /// What came out, in whole seconds.
        decoded_s: u64,
    },
    /// A limit of [`Limits`](crate::Limits) was passed.
    #[error("The video exceeds a limit: {what} is {found}, and at most {limit} is allowed.")]
    Limit {
        /// What is limited, with its unit.
        what: &'static str,
        /// What the file has, or what it had come to when the limit was passed.
        found: u64,
        /// The limit in force.
        limit: u64,
    },
}

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
