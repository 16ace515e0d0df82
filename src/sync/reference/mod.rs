//! Reads by id: what a plan refuses to list, and the proofs of deletion.

pub(super) mod absence;
pub(super) mod by_reference;
mod reads;
