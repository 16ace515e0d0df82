//! Files on their way into the warehouse.

pub(super) mod files;
mod pages;
