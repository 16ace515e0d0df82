//! A claim, as far as its relations to others depend on it.

use super::made::Made;

/// A claim as far as its relations to others depend on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Claim {
    pub(super) connection_id: i64,
    pub(super) id: String,
    /// Neither a draft nor entered in error.
    pub(super) is_live: bool,
    pub(super) is_cancelled: bool,
    pub(super) made: Made,
    /// Pharmacy, professional and so on.
    pub(super) kind: Option<String>,
    pub(super) patient_id: Option<String>,
    /// First day of service.
    pub(super) day: Option<String>,
    /// Last day of service.
    pub(super) last_day: Option<String>,
    /// How often its type of bill says that the stay is billed: a digit or a capital letter.
    pub(super) frequency: Option<char>,
    /// The stay that it bills: type of bill without the frequency, provider and day of admission.
    pub(super) stay: Option<String>,
    /// What was dispensed, of a pharmacy's claim or where no amount tells.
    pub(super) fill: Option<Fill>,
    /// The number that the claim shows, then its other numbers.
    pub(super) numbers: Vec<Number>,
    /// The Claim resource that it explains.
    pub(super) explains: Option<String>,
    /// What the plan paid, in cents.
    pub(super) paid: Option<i64>,
    /// What was charged, in cents.
    pub(super) submitted: Option<i64>,
    /// Of its amounts, where one is stated.
    pub(super) currency: Option<String>,
    /// Its amounts are there and all of them zero.
    pub(super) is_zero: bool,
    /// What its amounts come to by kind, in cents, each kind counted once.
    pub(super) amounts: i64,
    /// Some of its amounts are negative and none is positive.
    pub(super) is_taken_back: bool,
    /// The payer says that it voids another claim.
    pub(super) says_void: bool,
    /// The payer says that it replaces or voids another claim, or takes money back.
    pub(super) revises: bool,
}

/// The codes of a claim's lines and their quantities without a sign, each sorted and in one text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fill {
    pub(super) codes: String,
    pub(super) quantities: String,
}

impl Claim {
    /// Versions in the order in which they were made. Of two made at the same time a cancelled claim
    /// is the older one, since its last update is that it was cancelled; a negative one is the newer.
    pub(super) fn order(&self) -> (i64, bool, Option<i64>, bool, &str) {
        (self.made.at, !self.is_cancelled, self.made.updated, self.is_negative(), &self.id)
    }

    pub(super) fn is_negative(&self) -> bool {
        self.is_taken_back || [self.paid, self.submitted].into_iter().flatten().any(|it| it < 0)
    }

    /// Whether the plan paid nothing of it.
    pub(super) fn is_unpaid(&self) -> bool {
        self.paid.unwrap_or(0) == 0
    }

    /// Whether both may be of one patient, as far as they name one.
    pub(super) fn shares_patient(&self, other: &Claim) -> bool {
        let pair = self.patient_id.as_ref().zip(other.patient_id.as_ref());
        pair.is_none_or(|(one, other)| one == other)
    }

    /// Whether its amounts may be added to those of another claim. A currency that is not stated is
    /// taken to be the other's.
    pub(super) fn shares_currency(&self, other: &Claim) -> bool {
        let pair = self.currency.as_ref().zip(other.currency.as_ref());
        pair.is_none_or(|(one, other)| one.eq_ignore_ascii_case(other))
    }
}

/// What a number is to the payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum NumberKind {
    /// Unique among the payer's claims.
    Unique,
    /// The payer's control number.
    Control,
    Other,
}

/// A number of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Number {
    pub(super) kind: NumberKind,
    pub(super) system: Option<String>,
    pub(super) value: String,
}

impl Number {
    /// A number as sent. Blanks around it are padding, and so is a slash behind its system.
    pub(super) fn new(kind: NumberKind, system: Option<String>, value: &str) -> Number {
        Number { kind, system: system.and_then(plain_system), value: value.trim().to_owned() }
    }
}

/// The system of a number without what some senders write behind it; nothing where it is empty.
fn plain_system(system: String) -> Option<String> {
    let plain = system.trim().trim_end_matches('/');
    (!plain.is_empty()).then(|| plain.to_owned())
}
