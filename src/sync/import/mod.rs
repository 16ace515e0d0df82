//! Imports files of resources into the warehouse.

mod attachments;
pub(super) mod files;
mod pages;
