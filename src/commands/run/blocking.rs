//! Work of the daemon that may wait for the disk, while its other tasks go on.

use crate::commands::failure::Failure;
use tokio::task::spawn_blocking;

/// Runs `work`, which may wait for the disk, on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(Failure::bug("the runtime stops", error)),
    }
}
