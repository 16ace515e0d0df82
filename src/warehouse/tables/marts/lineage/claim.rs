//! A claim, with what is needed to relate it to other claims.

use super::made::Made;

/// The fields of a claim on which its relations to other claims depend.
#[derive(Debug, Clone, Default)]
pub(super) struct Claim {
    pub(super) connection_id: i64,
    pub(super) id: String,
    /// Whether the claim is neither a draft nor entered in error.
    pub(super) is_live: bool,
    pub(super) is_cancelled: bool,
    pub(super) made: Made,
    /// The type of claim: pharmacy, professional and so on.
    pub(super) kind: Option<String>,
    pub(super) patient_id: Option<String>,
    /// First day of service.
    pub(super) day: Option<String>,
    /// Last day of service.
    pub(super) last_day: Option<String>,
    /// The frequency in its type of bill: a digit or a capital letter that says which bill of a stay it
    /// is.
    pub(super) frequency: Option<char>,
    /// Identifies the stay: type of bill without the frequency, provider and day of admission.
    pub(super) stay: Option<String>,
    /// What was dispensed; set for a pharmacy claim, or if all amounts are zero or missing.
    pub(super) fill: Option<Fill>,
    /// The claim's numbers; the number that the mart `claim` shows is the first.
    pub(super) numbers: Vec<Number>,
    /// The id of the Claim resource that this ExplanationOfBenefit explains.
    pub(super) explains: Option<String>,
    /// What the plan paid, in cents.
    pub(super) paid: Option<i64>,
    /// What was charged, in cents.
    pub(super) submitted: Option<i64>,
    /// The currency of the claim's amounts, if stated.
    pub(super) currency: Option<String>,
    /// Whether the claim has amounts and all of them are zero.
    pub(super) is_zero: bool,
    /// The sum of the claim's amounts in cents, each kind counted once.
    pub(super) amounts: i64,
    /// Whether some of the claim's amounts are negative and none is positive.
    pub(super) is_taken_back: bool,
    /// Whether the payer says that this claim voids another claim.
    pub(super) says_void: bool,
    /// Whether the payer says that this claim replaces or voids another claim, or takes money back.
    pub(super) revises: bool,
}

/// The codes of a claim's lines and their quantities without a sign; each list is sorted and joined.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fill {
    pub(super) codes: String,
    pub(super) quantities: String,
}

impl Claim {
    /// A key that sorts versions in the order in which they were made.
    ///
    /// Of two claims made at the same time, a cancelled one sorts before the other, since its last update was
    /// the cancellation. A negative claim sorts after the other.
    pub(super) fn order(&self) -> (i64, bool, Option<i64>, bool, &str) {
        (self.made.at, !self.is_cancelled, self.made.updated, self.is_negative(), &self.id)
    }

    pub(super) fn is_negative(&self) -> bool {
        self.is_taken_back || [self.paid, self.submitted].into_iter().flatten().any(|it| it < 0)
    }

    /// Whether the plan paid nothing for the claim.
    pub(super) fn is_unpaid(&self) -> bool {
        self.paid.unwrap_or(0) == 0
    }

    /// Whether both claims may be the same patient's; true if either names no patient.
    pub(super) fn shares_patient(&self, other: &Claim) -> bool {
        let pair = self.patient_id.as_ref().zip(other.patient_id.as_ref());
        pair.is_none_or(|(one, other)| one == other)
    }

    /// Whether this claim's amounts may be added to those of another claim.
    ///
    /// A missing currency is taken to be the other claim's.
    pub(super) fn shares_currency(&self, other: &Claim) -> bool {
        let pair = self.currency.as_ref().zip(other.currency.as_ref());
        pair.is_none_or(|(one, other)| one.eq_ignore_ascii_case(other))
    }
}

/// How the payer uses a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum NumberKind {
    /// Unique among the payer's claims.
    Unique,
    /// The payer's control number.
    Control,
    Other,
}

/// A number that the payer gave to a claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Number {
    pub(super) kind: NumberKind,
    pub(super) system: Option<String>,
    pub(super) value: String,
}

impl Number {
    /// A number as sent, without blanks around it, and without a slash at the end of its system.
    pub(super) fn new(kind: NumberKind, system: Option<String>, value: &str) -> Number {
        Number { kind, system: system.and_then(plain_system), value: value.trim().to_owned() }
    }
}

/// The system of a number without trailing slashes and blanks; `None` if nothing is left.
fn plain_system(system: String) -> Option<String> {
    let plain = system.trim().trim_end_matches('/');
    (!plain.is_empty()).then(|| plain.to_owned())
}
