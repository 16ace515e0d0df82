//! Applies the faults to a page.
//!
//! There is one file for each step: `moving` changes what the page holds, `answer` replaces the page,
//! `change` alters the Bundle before it is written, and `write` alters its bytes. A healthy page is made
//! elsewhere.

mod answer;
mod change;
mod gzip_bomb;
mod merged;
mod moving;
mod old_cursor;
mod write;

pub(in crate::sandbox) use answer::{
    instead_of_page, refused_type, throttle_transient, unreadable,
};
pub(in crate::sandbox) use change::change_page;
pub(in crate::sandbox) use merged::speak_of_another_patient;
pub(in crate::sandbox) use moving::move_page;
pub(in crate::sandbox) use write::write_page;

use super::fault::Fault;
use crate::sandbox::{
    server::search::{Page, Search},
    state::State,
};

/// The request for a page.
pub(crate) struct Asking<'a> {
    pub(crate) state: &'a State,
    pub(crate) search: &'a Search,
    pub(crate) page: &'a Page,
    /// The member's number.
    pub(crate) number: u32,
    pub(crate) token: &'a str,
}

impl Asking<'_> {
    fn of_claims(&self) -> bool {
        self.search.entry.name == "ExplanationOfBenefit"
    }

    /// Whether this is the page of this number in a walk of ExplanationOfBenefit, where most faults act.
    fn is_claims_page(&self, number: u32) -> bool {
        self.of_claims() && self.page.number == number
    }

    /// Whether this is page 3 or a later page in a walk of ExplanationOfBenefit.
    fn is_deep(&self) -> bool {
        self.of_claims() && self.page.number >= 3
    }

    /// Whether the request begins a walk: it has no cursor.
    fn begins_walk(&self) -> bool {
        self.of_claims() && self.search.pairs.get("_after").is_none()
    }

    /// The active faults, in the order of the table.
    fn faults(&self) -> Vec<Fault> {
        let on = self.state.faults();
        Fault::ALL.iter().copied().filter(|fault| on.contains(fault)).collect()
    }
}
