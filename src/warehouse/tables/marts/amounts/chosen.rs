//! Amounts that several kinds can state: what the plan paid, and what the member owes. Pure.
//!
//! The kinds are in groups, best group first. A line's amount is that of the best group with an amount on
//! the line; the header's amount is chosen likewise. If only the lines state amounts, the lines' amounts are
//! added up, and each line may use another group.

use super::{
    kind::{KINDS, Kind},
    sum::{Amount, Sums, add_up, round},
};

/// Groups of kinds that can stand for each other, best group first; kinds within a group add up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice(&'static [&'static [Kind]]);

/// What the plan paid, apart from the payment element of the claim.
pub(super) const PLAN_PAID: Choice =
    Choice(&[&[Kind::PaidToProvider, Kind::PaidToPatient], &[Kind::Benefit]]);

/// What the member owes.
pub(super) const COST_SHARE: Choice = Choice(&[
    &[Kind::MemberLiability],
    &[Kind::Deductible, Kind::Copay, Kind::Coinsurance],
    &[Kind::PaidByPatient],
]);

impl Choice {
    /// The amount of one line; `None` if it states none of the kinds.
    pub(super) fn of_line(self, money: &[Option<f64>; KINDS]) -> Option<f64> {
        let mut groups = self.0.iter();
        groups.find_map(|kinds| add_up(kinds.iter().filter_map(|kind| money[*kind as usize])))
    }

    /// The amount of all lines together.
    pub(super) fn of_lines(self, lines: &[Amount<'_>]) -> Option<f64> {
        let lines = lines.chunk_by(|a, b| (a.level, a.line) == (b.level, b.line));
        let of_each = lines.filter_map(|line| {
            let mut money = [None; KINDS];
            line.iter().for_each(|it| money[it.kind as usize] = Some(it.amount));
            self.of_line(&money)
        });
        add_up(of_each).map(round)
    }

    /// The amount of the claim: the best group that is stated anywhere, in the header or on a line.
    pub(super) fn of_claim(self, sums: &Sums<'_>) -> Option<f64> {
        self.0.iter().find_map(|kinds| {
            let of_group = || sums.claim.iter().filter(|it| kinds.contains(&it.kind));
            let chosen = match of_group().any(|it| it.header.is_some()) {
                true => add_up(of_group().filter_map(|it| it.amount())),
                false if of_group().any(|it| it.lines.is_some()) => self.of_lines(&sums.lines),
                false => None,
            };
            chosen.map(round)
        })
    }
}
