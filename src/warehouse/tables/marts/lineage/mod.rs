//! Which claims stand: replacements, voids, differences, and which reversal takes back which payment.
//!
//! Pure: claims of one source and what the payer says of their relations go in, decisions come out,
//! whatever the order of arrival. `config/marts/claim.sql` and `claim_lineage.sql` state the rules.

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

use decide::{Decisions, decide};
use made::Made;
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
    made: Made,
    /// Pharmacy, professional and so on.
    kind: Option<String>,
    patient_id: Option<String>,
    /// First day of service.
    day: Option<String>,
    /// Last day of service.
    last_day: Option<String>,
    /// How often its type of bill says that the stay is billed: a digit or a capital letter.
    frequency: Option<char>,
    /// The stay that it bills: type of bill without the frequency, provider and day of admission.
    stay: Option<String>,
    /// What was dispensed, of a pharmacy's claim or where no amount tells.
    fill: Option<Fill>,
    /// The number that the claim shows, then its other numbers.
    numbers: Vec<Number>,
    /// The Claim resource that it explains.
    explains: Option<String>,
    /// What the plan paid, in cents.
    paid: Option<i64>,
    /// What was charged, in cents.
    submitted: Option<i64>,
    /// Of its amounts, where one is stated.
    currency: Option<String>,
    /// Its amounts are there and all of them zero.
    is_zero: bool,
    /// What its amounts come to by kind, in cents, each kind counted once.
    amounts: i64,
    /// Some of its amounts are negative and none is positive.
    is_taken_back: bool,
    /// The payer says that it voids another claim.
    says_void: bool,
    /// The payer says that it replaces or voids another claim, or takes money back.
    revises: bool,
}

/// The codes of a claim's lines and their quantities without a sign, each sorted and in one text.
#[derive(Debug, Clone, PartialEq)]
struct Fill {
    codes: String,
    quantities: String,
}

impl Claim {
    /// Versions in the order in which they were made. Of two made at the same time a cancelled claim
    /// is the older one, since its last update is that it was cancelled; a negative one is the newer.
    fn order(&self) -> (i64, bool, Option<i64>, bool, &str) {
        (self.made.at, !self.is_cancelled, self.made.updated, self.is_negative(), &self.id)
    }

    fn is_negative(&self) -> bool {
        self.is_taken_back || [self.paid, self.submitted].into_iter().flatten().any(|it| it < 0)
    }

    /// Whether the plan paid nothing of it.
    fn is_unpaid(&self) -> bool {
        self.paid.unwrap_or(0) == 0
    }

    /// Whether both may be of one patient, as far as they name one.
    fn shares_patient(&self, other: &Claim) -> bool {
        let pair = self.patient_id.as_ref().zip(other.patient_id.as_ref());
        pair.is_none_or(|(one, other)| one == other)
    }

    /// Whether its amounts may be added to those of another claim. A currency that is not stated is
    /// taken to be the other's.
    fn shares_currency(&self, other: &Claim) -> bool {
        let pair = self.currency.as_ref().zip(other.currency.as_ref());
        pair.is_none_or(|(one, other)| one.eq_ignore_ascii_case(other))
    }
}
