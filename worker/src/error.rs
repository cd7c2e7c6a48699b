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
