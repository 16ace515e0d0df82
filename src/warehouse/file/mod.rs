//! The SQLite file itself: opened, locked, migrated, backed up, restored, purged; and the access log.
//!
//! Nothing here knows pages, walks or views.

pub(super) mod access_chain;
pub(super) mod access_log;
pub(super) mod backup;
pub(super) mod connect;
pub(super) mod copies;
pub(super) mod metrics_files;
pub(super) mod moving;
mod moving_copy;
mod named;
pub(super) mod no_locks;
pub(super) mod open;
pub(super) mod partial;
pub(super) mod place;
pub(super) mod purge;
mod purge_mark;
mod removal;
pub(super) mod schema;
pub(super) mod seal;
pub(super) mod seal_error;
pub(super) mod staging;
pub(super) mod waiting;
pub(super) mod without_locks;
