//! Whether every line on stderr is to be JSON; a property of the process, as stderr is.

use std::sync::atomic::{AtomicBool, Ordering};

/// The target of what is told whatever is logged: results, failures, hints.
pub(super) const TOLD: &str = "payersync::told";

static WANTED: AtomicBool = AtomicBool::new(false);

/// Decides it.
pub(super) fn want(is_wanted: bool) {
    WANTED.store(is_wanted, Ordering::Relaxed);
}

/// Whether it has been decided so.
pub(super) fn are_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}
