//! Which claims stand: replacements, voids, differences, and which reversal takes back which payment.
//!
//! Pure: it takes the claims of one source and what the payer says of their relations, and returns
//! decisions. The order of arrival does not matter. `config/marts/claim.sql` and `claim_lineage.sql`
//! state the rules.

mod claim;
mod decide;
mod difference;
mod graph;
mod kin;
mod made;
mod mark;
mod number;
mod pair;
mod part;
mod repeat;
mod sibling;
mod tables;
#[cfg(test)]
mod tests;

pub(super) use tables::fill;

/// The instant by which versions of a claim are ordered, in microseconds since 1970.
///
/// Of the instants that `created` can mean, it is the nearest to the last update.
pub(super) fn made_at(created: Option<&str>, updated: Option<&str>) -> i64 {
    made::Made::of(created, updated).at
}
