//! What the faults do to a page.
//!
//! Three moments: instead of the page, to the Bundle before it is written, to its bytes. Never
//! decides what a healthy page is.

use super::bundle::Bundle;
use super::data::TypeEntry;
use super::line::Wire;
use super::outcome;
use super::search::{Page, Search};
use super::state::State;
use axum::http::StatusCode;
use axum::response::Response;

/// A page that is asked for.
pub(super) struct Asking<'a> {
    pub(super) state: &'a State,
    pub(super) search: &'a Search,
    pub(super) page: &'a Page,
    /// The member's number.
    pub(super) number: u32,
    pub(super) token: &'a str,
}

pub(super) fn refused_type(_state: &State, _entry: &TypeEntry) -> Option<Response> {
    None
}

pub(super) fn instead_of_page(_asking: &Asking<'_>, _wire: &Wire) -> Option<Response> {
    None
}

pub(super) fn change_page(_asking: &Asking<'_>, _bundle: &mut Bundle) {}

pub(super) fn write_page(_asking: &Asking<'_>, bundle: &Bundle, _wire: &Wire) -> Response {
    outcome::body(StatusCode::OK, outcome::FHIR_JSON, bundle.to_string())
}
