//! What can go wrong on purpose: the faults by name, and what each does to an answer.

pub(super) mod fault;
pub(super) mod respond;
