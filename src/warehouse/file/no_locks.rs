//! Remembers that the file system gives no locks, which SQLite reports as a lock held by somebody else.

use std::sync::atomic::{AtomicBool, Ordering};

static NO_LOCKS: AtomicBool = AtomicBool::new(false);

/// Notes that a wait for a lock ended because the file system gives no locks.
pub(super) fn note() {
    NO_LOCKS.store(true, Ordering::Relaxed);
}

/// Whether a file system without locks was noted.
pub(in crate::warehouse) fn is_noted() -> bool {
    NO_LOCKS.load(Ordering::Relaxed)
}
