//! What a sync writes: pages, rejects, cursors, the ledger, and what a finished walk proves.

pub(super) mod abridged;
pub(super) mod absence;
pub(super) mod chain;
pub(super) mod connections;
pub(super) mod consents;
pub(super) mod cursor;
mod files;
pub(super) mod finish;
pub(super) mod ledger;
pub(super) mod left_out;
mod older_version;
pub(super) mod page;
mod page_batch;
mod page_writer;
mod parts;
pub(super) mod quarantine;
pub(super) mod quiet_past;
pub(super) mod reference_queue;
mod resource_store;
pub(super) mod run_ledger;
pub(super) mod seen;
pub(super) mod tally;
pub(super) mod turns;
pub(super) mod type_state;
pub(super) mod walk_counters;
pub(super) mod walk_finish;
pub(super) mod writer;
