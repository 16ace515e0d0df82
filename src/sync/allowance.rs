//! A limit on the requests of a run: when it is reached, the walks stop between two pages.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Requests that a run may still send.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowance(Option<Arc<AtomicU64>>);

impl Allowance {
    pub(super) fn new(requests: Option<u64>) -> Allowance {
        Allowance(requests.map(|requests| Arc::new(AtomicU64::new(requests))))
    }

    /// Whether there is a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Whether there may be too few requests for this number of walks. If so, the walks take turns, in their
    /// order.
    pub(super) fn is_scarce(&self, walks: usize) -> bool {
        let is_few = |left: &Arc<AtomicU64>| left.load(Ordering::Relaxed) < 2 * walks as u64;
        self.0.as_ref().is_some_and(is_few)
    }

    /// Whether at least this many requests are left.
    pub(super) fn has(&self, requests: u64) -> bool {
        self.0.as_ref().is_none_or(|left| left.load(Ordering::Relaxed) >= requests)
    }

    /// Takes one page's request from the allowance; false if the allowance is used up.
    pub(super) fn take(&self) -> bool {
        let Some(left) = &self.0 else { return true };
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Gives a request back that was taken and not sent.
    pub(super) fn give_back(&self) {
        if let Some(left) = &self.0 {
            left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Allowance;

    #[test]
    fn an_allowance_ends_and_none_does_not() {
        let three = Allowance::new(Some(3));
        assert!(three.has(3) && !three.has(4));
        assert_eq!((0..5).filter(|_| three.take()).count(), 3);
        three.give_back();
        assert!(three.take() && !three.take());
        let endless = Allowance::new(None);
        assert!(!endless.is_scarce(1000) && endless.has(1000));
        let ten = Allowance::new(Some(10));
        assert!(ten.is_scarce(6) && !ten.is_scarce(5));
        assert_eq!((0..5).filter(|_| endless.take()).count(), 5);
    }
}
