/// Why a worker ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The buckets cannot be worked with: settings, permissions, or a store without conditional writes.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A transcode neither goes on nor stops, and keeps its thread. Only the end of the process ends it: by
    /// [`std::process::exit`], since a runtime waits for its threads.
    #[error("a transcode does not stop, so that this process has to: start it again")]
    Stuck,
}

/// What a program does with the end of [`run`](crate::run): where a transcode does not stop, the process ends
/// here, since nothing else would end it.
///
/// # Errors
/// Any other reason why the worker ended.
pub fn end_where_stuck(ended: Result<(), Error>) -> Result<(), Error> {
    if let Err(error @ Error::Stuck) = &ended {
        tracing::error!(%error, "worker ended");
        std::process::exit(1);
    }
    ended
}
