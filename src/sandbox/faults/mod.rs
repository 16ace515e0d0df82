//! The faults that can be switched on, and what each does to an answer.

pub(super) mod fault;
pub(super) mod respond;
