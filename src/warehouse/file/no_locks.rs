//! Whether the file system was seen to give no locks. SQLite calls that a lock somebody else holds.

use std::sync::atomic::{AtomicBool, Ordering};

static NO_LOCKS: AtomicBool = AtomicBool::new(false);

/// Notes that waiting ended because the file system gives no locks.
pub(super) fn note() {
    NO_LOCKS.store(true, Ordering::Relaxed);
}

/// Whether that was seen.
pub(in crate::warehouse) fn is_noted() -> bool {
    NO_LOCKS.load(Ordering::Relaxed)
}
