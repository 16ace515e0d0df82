//! The payer's FHIR server: routes, searches, pages, and the connections that carry them.

mod binary;
pub(super) mod bundle;
mod capability;
pub(in crate::sandbox) mod kept_texts;
pub(super) mod line;
pub(super) mod outcome;
pub(super) mod record;
pub(super) mod resource_text;
pub(super) mod routes;
pub(super) mod search;
mod time_range;
