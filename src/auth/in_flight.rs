//! Refreshes under way in this process.
//!
//! A rotating refresh token is spent once it is sent, and what comes back exists nowhere else until
//! it is stored. So the process waits for the refreshes under way before it ends, whatever ends it:
//! a signal, a time limit, an error or a panic somewhere else.

use std::sync::LazyLock;

use tokio::sync::watch;

static UNDER_WAY: LazyLock<watch::Sender<usize>> = LazyLock::new(watch::Sender::default);
static IS_ENDING: LazyLock<watch::Sender<bool>> = LazyLock::new(watch::Sender::default);

/// A refresh from before its token is sent until the answer is stored; over when dropped.
pub(super) struct InFlight(());

impl InFlight {
    /// Begins a refresh; `None` when the process ends.
    pub(super) fn begin() -> Option<Self> {
        UNDER_WAY.send_modify(|refreshes| *refreshes += 1);
        let begun = Self(());
        // After counting: whoever ends the process either sees it counted or is seen here.
        (!*IS_ENDING.borrow()).then_some(begun)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        UNDER_WAY.send_modify(|refreshes| *refreshes -= 1);
    }
}

/// Turns true when the process ends: then a failed attempt is not repeated.
pub(super) fn ending() -> watch::Receiver<bool> {
    IS_ENDING.subscribe()
}

/// Waits for the refreshes under way, and lets none begin any more.
///
/// To be called last, on the runtime that the refreshes run on.
pub async fn finish_refreshes() {
    IS_ENDING.send_replace(true);
    // The sender is never dropped, so that waiting cannot fail.
    let _ = UNDER_WAY.subscribe().wait_for(|refreshes| *refreshes == 0).await;
}
