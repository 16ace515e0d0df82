//! Tasks of the runtime that do not come to their end.

use crate::auth::VaultError;
use tokio::task::JoinError;

/// The error of a task that the runtime stopped; a panic of the task is passed on.
pub(super) fn stopped(error: JoinError) -> VaultError {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => VaultError::Stopped,
    }
}
