//! Reads by id: of types that a plan refuses to list, and for proofs of deletion.

pub(super) mod absence;
pub(super) mod by_reference;
mod reads;
