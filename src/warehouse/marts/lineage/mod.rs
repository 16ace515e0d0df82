//! Which claims stand: replacements, voids, differences, and which reversal takes back which payment.
//!
//! Pure: claims of one source and what the payer says of their relations go in, decisions come out,
//! whatever the order of arrival. `config/marts/claim.sql` and `claim_lineage.sql` state the rules.

mod decide;
mod graph;
mod number;
mod tables;
#[cfg(test)]
mod tests;

use decide::{Decisions, decide};
use number::{Link, Number, NumberKind, Target};

pub(super) use tables::fill;

/// A claim as far as its relations to others depend on it.
#[derive(Debug, Clone, Default)]
struct Claim {
    connection_id: i64,
    id: String,
    /// Neither a draft nor entered in error.
    is_live: bool,
    is_cancelled: bool,
    /// When the payer made it, then when it was last updated: the order of versions.
    made: (String, String),
    /// Pharmacy, professional and so on.
    kind: Option<String>,
    patient_id: Option<String>,
    /// First day of service.
    day: Option<String>,
    /// The number that the claim shows, then its other numbers.
    numbers: Vec<Number>,
    /// The Claim resource that it explains.
    explains: Option<String>,
    /// What the plan paid, in cents.
    paid: Option<i64>,
    /// What was charged, in cents.
    submitted: Option<i64>,
    /// Its amounts are there and all of them zero.
    is_zero: bool,
    /// The payer says that it voids another claim.
    says_void: bool,
}

impl Claim {
    /// Versions in the order in which they were made. Of two made at the same time a cancelled claim
    /// is the older one.
    fn order(&self) -> (&str, bool, &str, &str) {
        (&self.made.0, !self.is_cancelled, &self.made.1, &self.id)
    }
}
