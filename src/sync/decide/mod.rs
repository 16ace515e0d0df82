//! What a run will ask of one connection, and why not the rest.
//!
//! `plan` decides and is pure; `survey` and `probe` ask the plan and the ledger what it decides by.

pub(super) mod asked;
pub(super) mod input;
pub(super) mod order;
pub(super) mod part;
pub(super) mod plan;
pub(super) mod probe;
mod proved_for;
pub(super) mod survey;
