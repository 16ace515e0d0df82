//! Decides which walks a run makes for one connection, and why each other type is left out.
//!
//! `plan` decides and is pure. `survey` and `probe` get the facts for it from the plan and the ledger.

pub(super) mod asked;
pub(super) mod attempt;
mod granted;
pub(super) mod input;
pub(super) mod order;
pub(super) mod part;
pub(super) mod plan;
pub(super) mod probe;
mod proved_for;
mod searches;
pub(super) mod survey;
