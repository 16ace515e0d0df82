//! Faults that move pages while a walk is under way: a page no longer continues the page before it.

use crate::sandbox::{
    faults::fault::Fault,
    server::search::{Page, Search},
    state::State,
};

/// The number of places by which the order is turned on each request, so that a walk meets some claims
/// twice.
const TURN: u64 = 7;

/// The page after the active faults have moved its content.
pub(in crate::sandbox) fn move_page(state: &State, search: &Search, mut page: Page) -> Page {
    if search.entry.name != "ExplanationOfBenefit" {
        return page;
    }
    let member = search.number;
    // If a claim is held back, all later claims come one place earlier.
    let is_deep = page.start + 1 >= 2 * search.count;
    let is_third = page.number == 3;
    for fault in state.faults() {
        match fault {
            Fault::ShiftByDeletion if is_deep && state.move_once(member) => {
                state.withdraw(member, search.entry.name, 0);
                page = search.page_at(state, page.start);
            }
            Fault::ShiftByInsertion if is_deep && state.move_once(member) => {
                page = search.page_at(state, page.start);
            }
            Fault::ShuffledPages => {
                let first = state.next_read().saturating_mul(TURN) % u64::from(page.total.max(1));
                page.indexes = search.rotated(state, &page, first as u32);
            }
            Fault::RepeatedPage if is_third => repeat(state, search, &mut page),
            Fault::RepeatedPageOnce if is_third && state.move_once(member) => {
                repeat(state, search, &mut page);
            }
            Fault::MixedPage if is_third => {
                let own = page.indexes.first().copied();
                repeat(state, search, &mut page);
                page.indexes.pop();
                page.indexes.extend(own);
            }
            Fault::SubstitutedEntry if is_third && page.indexes.len() > 1 => {
                page.indexes[1] = page.indexes[0];
            }
            Fault::ShortPage if is_third => page.indexes.truncate(3),
            Fault::ShortPageOnce if is_third && state.move_once(member) => {
                page.indexes.truncate(3);
            }
            _ => {}
        }
    }
    page
}

/// Replaces the page's content by that of the page before.
fn repeat(state: &State, search: &Search, page: &mut Page) {
    page.indexes = search.page_at(state, page.start.saturating_sub(search.count)).indexes;
}
