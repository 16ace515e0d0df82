//! Files on their way into the warehouse.

mod attachments;
pub(super) mod files;
mod pages;
