//! Refreshes under way in this process.
//!
//! A rotating refresh token is spent once it is sent, and the new token exists nowhere else until
//! it is stored. So the process waits for the refreshes under way before it ends, whether it ends by a
//! signal, a time limit, an error or a panic somewhere else.

use std::sync::LazyLock;

use tokio::sync::watch;

static REFRESHES: LazyLock<Refreshes> = LazyLock::new(Refreshes::default);

/// How many refreshes are under way, and whether no more may begin.
#[derive(Default)]
struct Refreshes {
    under_way: watch::Sender<usize>,
    is_ending: watch::Sender<bool>,
}

/// A refresh under way: it begins before its token is sent. Dropping this value, after the answer is stored,
/// ends the refresh.
pub(crate) struct InFlight<'a>(&'a Refreshes);

impl Refreshes {
    fn begin(&self) -> Option<InFlight<'_>> {
        self.under_way.send_modify(|refreshes| *refreshes += 1);
        let begun = InFlight(self);
        // `is_ending` is read after counting: either `finish` waits for this refresh, or it does not begin.
        (!*self.is_ending.borrow()).then_some(begun)
    }

    async fn finish(&self) {
        self.is_ending.send_replace(true);
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.under_way.subscribe().wait_for(|refreshes| *refreshes == 0).await;
    }
}

impl InFlight<'static> {
    /// Begins a refresh; `None` once the process has begun to end.
    pub(crate) fn begin() -> Option<Self> {
        REFRESHES.begin()
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|refreshes| *refreshes -= 1);
    }
}

/// Turns true once the process has begun to end. A failed attempt is then not repeated.
pub(crate) fn ending() -> watch::Receiver<bool> {
    REFRESHES.is_ending.subscribe()
}

/// Lets no further refresh begin, and waits for those under way.
///
/// Must be called last, on the runtime that runs the refreshes.
pub async fn finish_refreshes() {
    REFRESHES.finish().await;
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn the_end_waits_for_what_has_begun_and_lets_nothing_begin() {
        let refreshes = Refreshes::default();
        let (one, two) = (refreshes.begin().unwrap(), refreshes.begin().unwrap());
        let mut end = std::pin::pin!(refreshes.finish());
        let mut context = Context::from_waker(Waker::noop());
        let mut is_over = || end.as_mut().poll(&mut context).is_ready();
        assert!(!is_over());
        assert!(refreshes.begin().is_none());
        drop(one);
        assert!(!is_over());
        drop(two);
        assert!(is_over());
    }
}
