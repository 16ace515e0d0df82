//! Whether every line on stderr is JSON. The setting is global, as stderr is.

use std::sync::atomic::{AtomicBool, Ordering};

/// The target of messages that are shown at every log level: results, failures, hints.
pub(super) const TOLD: &str = "payersync::told";

static WANTED: AtomicBool = AtomicBool::new(false);

/// Sets whether lines on stderr are JSON.
pub(super) fn want(is_wanted: bool) {
    WANTED.store(is_wanted, Ordering::Relaxed);
}

/// Whether lines on stderr are JSON.
pub(super) fn are_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}
