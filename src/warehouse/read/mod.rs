//! Reads for the commands, over connections that cannot write.

pub(super) mod history;
mod last_run;
pub(super) mod metrics;
pub(super) mod query;
pub(super) mod read_only;
pub(super) mod reader;
pub(super) mod snapshot;
pub(super) mod standing;
pub(super) mod status;
