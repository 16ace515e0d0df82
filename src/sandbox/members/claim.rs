//! The facts of one claim: its kind, its version, what was done, what it cost.
//!
//! They are plain numbers and dates; `eob` and its neighbours turn them into FHIR.

use super::element::{Cents, epoch, later};
use super::member::Member;
use super::rng::Rng;
use chrono::NaiveDate;
use std::ops::AddAssign;

/// The five kinds of claims in the CARIN guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Inpatient,
    Outpatient,
    Professional,
    Pharmacy,
    Oral,
}

/// The role of an ExplanationOfBenefit among the versions of its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Original,
    /// The claim replaces the version before it.
    Adjusted,
    /// The claim reverses the version before it, with negative amounts.
    Reversal,
    Preauthorization,
}

use Kind::{Inpatient, Oral, Outpatient, Pharmacy, Professional};
use Role::{Adjusted, Original, Preauthorization, Reversal};

/// Twenty claims, which repeat at higher indexes: all kinds, corrections, two reversals, a chain of three
/// versions.
const SLOTS: [(Kind, Role); 20] = [
    (Inpatient, Original),
    (Professional, Original),
    (Professional, Adjusted),
    (Pharmacy, Original),
    (Outpatient, Original),
    (Oral, Original),
    (Professional, Original),
    (Professional, Reversal),
    (Pharmacy, Original),
    (Professional, Original),
    (Outpatient, Preauthorization),
    (Pharmacy, Original),
    (Pharmacy, Reversal),
    (Pharmacy, Adjusted),
    (Outpatient, Original),
    (Outpatient, Adjusted),
    (Outpatient, Adjusted),
    (Inpatient, Original),
    (Oral, Original),
    (Professional, Original),
];

fn slot(index: u32) -> (Kind, Role) {
    SLOTS[index as usize % SLOTS.len()]
}

/// The facts of one ExplanationOfBenefit.
pub(super) struct Claim {
    pub(super) kind: Kind,
    pub(super) role: Role,
    /// The version before this one.
    pub(super) prior: Option<u32>,
    /// The version after this one, which makes this one void.
    pub(super) replaced_by: Option<u32>,
    pub(super) start: NaiveDate,
    pub(super) end: NaiveDate,
    pub(super) created: NaiveDate,
    pub(super) in_network: bool,
    /// The numbers of the shared resources that the claim names.
    pub(super) organization: u32,
    pub(super) practitioner: u32,
    pub(super) location: u32,
    /// Index into `codes::DIAGNOSES` of the principal diagnosis.
    pub(super) diagnosis: u32,
    /// Index into `codes::DRUGS`.
    pub(super) drug: u32,
    pub(super) lines: Vec<Line>,
}

/// One line of a claim.
pub(super) struct Line {
    /// Index into the codes of the claim's kind.
    pub(super) code: u32,
    pub(super) day: NaiveDate,
    pub(super) quantity: u32,
    pub(super) amounts: Amounts,
}

/// The amounts of a line, or of a claim as the sum of its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) submitted: Cents,
    pub(super) eligible: Cents,
    pub(super) noncovered: Cents,
    pub(super) discount: Cents,
    pub(super) deductible: Cents,
    pub(super) copay: Cents,
    pub(super) coinsurance: Cents,
    pub(super) prior_payer_paid: Cents,
    pub(super) paid_to_provider: Cents,
    pub(super) paid_to_patient: Cents,
    pub(super) member_liability: Cents,
}

impl Amounts {
    fn each_mut(&mut self) -> [&mut Cents; 11] {
        [
            &mut self.submitted,
            &mut self.eligible,
            &mut self.noncovered,
            &mut self.discount,
            &mut self.deductible,
            &mut self.copay,
            &mut self.coinsurance,
            &mut self.prior_payer_paid,
            &mut self.paid_to_provider,
            &mut self.paid_to_patient,
            &mut self.member_liability,
        ]
    }

    /// Two halves that add up to these amounts; the second has any odd cent.
    pub(super) fn halves(&self) -> [Amounts; 2] {
        let mut halves = [*self; 2];
        for amount in halves[0].each_mut() {
            amount.0 /= 2;
        }
        let mut first = halves[0];
        for (rest, half) in halves[1].each_mut().into_iter().zip(first.each_mut()) {
            rest.0 -= half.0;
        }
        halves
    }

    /// The amount that the plan paid, to the provider and the patient.
    pub(super) fn paid(&self) -> Cents {
        Cents(self.paid_to_provider.0 + self.paid_to_patient.0)
    }
}

impl Line {
    /// The price of one unit; the submitted amount is a multiple of it.
    pub(super) fn unit_price(&self) -> Cents {
        Cents(self.amounts.submitted.0 / i64::from(self.quantity))
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, mut other: Amounts) {
        for (sum, addend) in self.each_mut().into_iter().zip(other.each_mut()) {
            sum.0 += addend.0;
        }
    }
}

impl Claim {
    pub(super) fn new(member: &Member, index: u32) -> Claim {
        let (kind, role) = slot(index);
        let root = root(index);
        let mut rng = member.rng("claim", root);
        let start = service_start(member, root);
        let days = if kind == Inpatient { rng.between(2, 9) } else { 0 };
        let end = later(start, days);
        let in_network = !rng.chance(15);
        let mut claim = Claim {
            kind,
            role,
            prior: (index != root).then(|| index - 1),
            replaced_by: Some(index + 1)
                .filter(|next| *next < member.claims && is_version_of_previous(*next)),
            start,
            end,
            created: later(end, rng.between(1, 9) + (index - root) * 11),
            in_network,
            organization: *rng.pick(&member.providers()),
            practitioner: *rng.pick(&member.practitioners()),
            location: *rng.pick(&member.locations()),
            diagnosis: rng.below(12),
            drug: rng.below(6),
            lines: Vec::new(),
        };
        let version = if role == Adjusted { index - root } else { 0 };
        let count = line_count(&mut rng, kind, root);
        claim.lines = (0..count).map(|_| line(&mut rng, &claim, version)).collect();
        if role == Reversal {
            for line in &mut claim.lines {
                line.amounts.each_mut().into_iter().for_each(|amount| amount.0 = -amount.0);
            }
        }
        claim
    }

    pub(super) fn total(&self) -> Amounts {
        let mut total = Amounts::default();
        for line in &self.lines {
            total += line.amounts;
        }
        total
    }

    /// The claim number of the first version, which all versions share.
    pub(super) fn number(member: &Member, index: u32) -> String {
        format!("{}{:07}", 10 + member.number % 90, 5_921_000 + root(index))
    }
}

fn is_version_of_previous(index: u32) -> bool {
    matches!(slot(index).1, Adjusted | Reversal)
}

/// The index of the first version of the claim that `index` belongs to.
fn root(index: u32) -> u32 {
    let mut root = index;
    while root > 0 && is_version_of_previous(root) {
        root -= 1;
    }
    root
}

fn service_start(member: &Member, root: u32) -> NaiveDate {
    let spread = u64::from(root) * 1700 / u64::from(member.claims.max(1));
    later(epoch(), spread as u32 + member.rng("service", root).below(20))
}

fn line_count(rng: &mut Rng, kind: Kind, root: u32) -> u32 {
    // This claim is as long as the longest in the payer's published samples.
    if root == 17 {
        return 69;
    }
    match kind {
        Inpatient => rng.between(3, 8),
        Outpatient => rng.between(2, 5),
        Professional => rng.between(1, 4),
        Oral => rng.between(1, 3),
        Pharmacy => 1,
    }
}

fn line(rng: &mut Rng, claim: &Claim, version: u32) -> Line {
    let days = (claim.end - claim.start).num_days() as u32;
    let dollars = match claim.kind {
        Inpatient => rng.between(300, 9000),
        Outpatient => rng.between(80, 1500),
        Oral | Professional => rng.between(25, 400),
        Pharmacy => rng.between(4, 260),
    };
    let cents = *rng.pick(&[0, 0, 0, 50, 95, 7]);
    let (code, quantity) = (rng.below(1000), *rng.pick(&[1, 1, 1, 2, 3]));
    let submitted = Cents(i64::from(dollars * 100 + cents) * i64::from(quantity));
    let day = later(claim.start, rng.below(days + 1));
    let amounts = amounts(rng, submitted, claim.in_network, version);
    Line { code, day, quantity, amounts }
}

/// The amounts that follow from a charge. Each further version allows a tenth less.
fn amounts(rng: &mut Rng, submitted: Cents, in_network: bool, version: u32) -> Amounts {
    let allowed_percent = rng.between(55, 90).saturating_sub(version * 10);
    let (deductible, copay) = (rng.chance(15), *rng.pick(&[0, 0, 0, 1000, 2500]));
    let (coinsurance, prior) = (*rng.pick(&[0u32, 0, 10, 20]), rng.chance(6));
    if rng.chance(10) {
        return Amounts {
            submitted,
            noncovered: submitted,
            member_liability: submitted,
            ..Amounts::default()
        };
    }
    let eligible = submitted.percent(allowed_percent);
    let deductible = if deductible { eligible.percent(30) } else { Cents(0) };
    let copay = Cents(copay.min(eligible.0 - deductible.0));
    let rest = Cents(eligible.0 - deductible.0 - copay.0);
    let coinsurance = rest.percent(coinsurance);
    let prior_payer_paid = if prior { rest.percent(5) } else { Cents(0) };
    let member_liability = Cents(deductible.0 + copay.0 + coinsurance.0);
    let paid = Cents(eligible.0 - member_liability.0 - prior_payer_paid.0);
    Amounts {
        submitted,
        eligible,
        noncovered: Cents(0),
        discount: Cents(submitted.0 - eligible.0),
        deductible,
        copay,
        coinsurance,
        prior_payer_paid,
        paid_to_provider: if in_network { paid } else { Cents(0) },
        paid_to_patient: if in_network { Cents(0) } else { paid },
        member_liability,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Member = Member { seed: 1, number: 0, claims: 40, unique_ids: false, rich: true };

    #[test]
    fn a_reversal_takes_back_exactly_what_was_billed() {
        let mut sum = Claim::new(&MEMBER, 6).total();
        sum += Claim::new(&MEMBER, 7).total();
        assert_eq!(sum, Amounts::default());
    }

    #[test]
    fn a_chain_of_three_names_its_neighbours() {
        let chain: Vec<_> = (14..17)
            .map(|index| {
                let claim = Claim::new(&MEMBER, index);
                (claim.prior, claim.replaced_by)
            })
            .collect();
        assert_eq!(chain, [(None, Some(15)), (Some(14), Some(16)), (Some(15), None)]);
    }

    #[test]
    fn halves_come_to_the_whole() {
        for index in 0..40 {
            for line in Claim::new(&MEMBER, index).lines {
                let [mut sum, rest] = line.amounts.halves();
                sum += rest;
                assert_eq!(sum, line.amounts);
            }
        }
    }

    #[test]
    fn what_was_allowed_is_paid_by_somebody() {
        for index in 0..40 {
            let total = Claim::new(&MEMBER, index).total();
            let borne = total.paid().0 + total.member_liability.0 + total.prior_payer_paid.0;
            assert_eq!(borne, total.eligible.0 + total.noncovered.0);
        }
    }
}
