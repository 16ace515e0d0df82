//! Which claims stand: replacements, voids, differences, and which reversal takes back which payment.
//!
//! Pure: claims of one source and what the payer says of their relations go in, decisions come out,
//! whatever the order of arrival. `config/marts/claim.sql` and `claim_lineage.sql` state the rules.

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

/// The instant by which versions of a claim are ordered, in microseconds since 1970: of the instants
/// that `created` can mean, the nearest to the last update.
pub(super) fn made_at(created: Option<&str>, updated: Option<&str>) -> i64 {
    made::Made::of(created, updated).at
}
