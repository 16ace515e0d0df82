//! What the faults do to a page.
//!
//! Four moments, one file each: to what the page holds (`moving`), instead of the page (`answer`),
//! to the Bundle before it is written (`change`), to its bytes (`write`). Never decides what a
//! healthy page is.

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

/// A page that is asked for.
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

    /// Whether this is that page of the walk in which most faults act.
    fn is_claims_page(&self, number: u32) -> bool {
        self.of_claims() && self.page.number == number
    }

    /// Whether this is that page or a later one.
    fn is_deep(&self) -> bool {
        self.of_claims() && self.page.number >= 3
    }

    /// Whether a walk begins: the request names no place to go on from.
    fn begins_walk(&self) -> bool {
        self.of_claims() && self.search.pairs.get("_after").is_none()
    }

    /// The faults that are switched on, in the order of the table.
    fn faults(&self) -> Vec<Fault> {
        let on = self.state.faults();
        Fault::ALL.iter().copied().filter(|fault| on.contains(fault)).collect()
    }
}
