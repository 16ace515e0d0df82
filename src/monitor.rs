//! Events out of the core.
//!
//! The core never prints and never draws: it tells a monitor what happens, and the command that
//! runs decides what a person sees of it. No event carries a value of a resource or of a URL.

use crate::outcome::WalkState;

/// The events of a run, for whoever shows or logs them.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A walk asks for its first page.
    WalkStarted {
        /// The connection's name.
        connection: &'a str,
        /// FHIR resource type.
        resource_type: &'a str,
        /// Pages that an earlier run has stored already; 0 for a fresh walk.
        pages_before: u64,
    },
    /// A page is stored.
    PageStored {
        /// The connection's name.
        connection: &'a str,
        /// FHIR resource type.
        resource_type: &'a str,
        /// Resources stored or found unchanged so far in this walk.
        resources_seen: u64,
        /// How many resources the server declares (`Bundle.total`), if it does.
        declared_total: Option<u64>,
    },
    /// A request is about to be repeated.
    Retrying {
        /// The connection's name.
        connection: &'a str,
        /// FHIR resource type.
        resource_type: &'a str,
        /// Why the request is repeated, for people.
        why: &'a str,
        /// The wait before the request is repeated.
        delay: std::time::Duration,
    },
    /// A walk ended, in whatever state.
    WalkFinished {
        /// The connection's name.
        connection: &'a str,
        /// FHIR resource type.
        resource_type: &'a str,
        /// State of the walk.
        state: WalkState,
        /// Why the walk is not complete, if it is not.
        detail: Option<&'a str>,
        /// Resources seen in this walk.
        resources_seen: u64,
    },
    /// A normalised table is being filled again from the stored resources.
    Rebuilding {
        /// The table.
        table: &'a str,
        /// Resources done so far.
        resources_done: u64,
        /// Resources to do.
        resources_total: u64,
    },
}

/// Receives the events: a terminal, a log, a test.
pub trait Monitor: Send + Sync {
    /// Takes one event; must not block for long.
    fn event(&self, event: Event<'_>);
}

/// A monitor that ignores every event.
pub struct Silent;

impl Monitor for Silent {
    fn event(&self, _event: Event<'_>) {}
}
