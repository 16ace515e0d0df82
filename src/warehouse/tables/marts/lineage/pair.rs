//! Finds the payment that each reversal takes back.

use super::{claim::Claim, decide::Table, part::Part};
use std::collections::HashMap;

/// Where a reversal looks for its payment; the places are searched in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among the claims that the reversal names.
    Named,
    Number,
    Family,
    /// Among the claims of the same day and amounts, if the reversal names nothing.
    Day,
}

const PLACES: [Place; 4] = [Place::Named, Place::Number, Place::Family, Place::Day];

impl Table<'_> {
    /// Finds the payment that each negative claim takes back.
    ///
    /// Every reversal searches one place before any searches the next, so that a payment that is named
    /// takes precedence over one that only looks alike.
    pub(super) fn pair_reversals(&mut self) {
        let claims = self.claims;
        let mut reversals: Vec<usize> =
            (0..claims.len()).filter(|&at| claims[at].is_live && takes_back(&claims[at])).collect();
        reversals.sort_by(|one, other| claims[*one].order().cmp(&claims[*other].order()));
        let (mut family, mut day): (HashMap<_, Vec<usize>>, HashMap<_, Vec<usize>>) =
            Default::default();
        for (at, claim) in claims.iter().enumerate() {
            family.entry(self.kin.families[at]).or_default().push(at);
            if let Some(key) = day_and_amounts(claim) {
                day.entry(key).or_default().push(at);
            }
        }
        for place in PLACES {
            for &reversal in &reversals {
                if self.made[reversal].reverses.is_some() {
                    continue;
                }
                let relatives = &family[&self.kin.families[reversal]];
                let among = match place {
                    Place::Named => self.kin.named(reversal),
                    Place::Number => self.kin.of_number(reversal),
                    Place::Family => relatives,
                    Place::Day => match day_and_amounts(&claims[reversal]) {
                        Some(key) if relatives.len() == 1 && is_charged_back(&claims[reversal]) => {
                            day[&key].as_slice()
                        }
                        _ => &[][..],
                    },
                };
                if let Some(payment) = self.payment_of(reversal, place, among) {
                    self.made[reversal].reverses = Some(payment);
                    self.made[payment].reversed_by = Some(reversal);
                }
            }
        }
    }

    /// The payment with the opposite amount that a reversal takes back.
    fn payment_of(&self, reversal: usize, place: Place, among: &[usize]) -> Option<usize> {
        let claims = self.claims;
        let back = &claims[reversal];
        let fits = |at: &usize| {
            let claim = &claims[*at];
            *at != reversal
                && claim.is_live
                // A cancelled reversal takes back no claim that stands.
                && (claim.is_cancelled || !back.is_cancelled)
                && self.made[*at].reversed_by.is_none()
                && is_opposite(claim, back)
                && are_of_one_fill(claim, back, place)
                && claim.shares_currency(back)
        };
        let mut found: Vec<usize> = among.iter().copied().filter(fits).collect();
        if found.is_empty() {
            return None;
        }
        if place != Place::Named {
            let after = self.kin.stated_after(reversal);
            found.retain(|at| !after.contains(at));
        }
        if place == Place::Day && found.iter().any(|at| self.is_corrected(*at, reversal)) {
            found.retain(|at| self.is_corrected(*at, reversal));
        }
        self.taken_back(reversal, &found, place == Place::Named)
    }

    /// Whether a claim has a correction that came with the reversal or after it.
    ///
    /// A reversal that names no claim then belongs to this claim, and not to an equal one without correction.
    fn is_corrected(&self, at: usize, reversal: usize) -> bool {
        let made = self.claims[reversal].made;
        self.kin
            .successors(at)
            .any(|other| other != reversal && !self.claims[other].made.is_before(&made))
    }

    /// Which of several claims a reversal or void takes back.
    ///
    /// It is the last claim that was certainly made before the reversal. If there is none, it is the first
    /// claim that may have been made before the reversal, such as a claim of the same day.
    ///
    /// A claim that was certainly made later is a correction, and is taken back only by name. So is a
    /// claim of the same day, if the payer names another claim that is not stored.
    pub(super) fn taken_back(&self, by: usize, among: &[usize], is_named: bool) -> Option<usize> {
        let claims = self.claims;
        let made = claims[by].made;
        // Of the bills of one stay, it takes back the bill of its own days.
        let is_part = among.iter().any(|at| claims[*at].part() != Part::Whole);
        let is_of_day = |at: &usize| claims[*at].day == claims[by].day;
        let is_told = is_part && among.iter().any(is_of_day);
        let among: Vec<usize> =
            among.iter().copied().filter(|at| !is_told || is_of_day(at)).collect();
        let by_order =
            |one: &usize, other: &usize| claims[*one].order().cmp(&claims[*other].order());
        let may_follow = |at: &usize| {
            is_named || !made.is_before(&claims[*at].made) && !self.kin.unresolved.earlier[by]
        };
        let found = || among.iter().copied();
        found()
            .filter(|at| claims[*at].made.is_before(&made))
            .max_by(by_order)
            .or_else(|| found().filter(may_follow).min_by(by_order))
    }
}

/// Whether a claim takes money back: the plan's, or if the plan paid nothing, the member's.
fn takes_back(claim: &Claim) -> bool {
    claim.paid.is_some_and(|paid| paid < 0) || claim.is_unpaid() && claim.is_taken_back
}

/// Whether one claim takes back what the other states. If the plan paid nothing, all amounts count.
fn is_opposite(claim: &Claim, back: &Claim) -> bool {
    match back.is_unpaid() {
        true => claim.is_unpaid() && claim.paid == back.paid && claim.amounts == -back.amounts,
        false => claim.paid.zip(back.paid).is_some_and(|(paid, back)| paid == -back),
    }
}

/// Whether the drugs that both claims dispensed allow `back` to take `claim` back.
///
/// If `back` states no amount, drugs and quantities must agree, unless `back` names `claim` or has the same
/// number.
fn are_of_one_fill(claim: &Claim, back: &Claim, place: Place) -> bool {
    let is_told = back.is_unpaid() && back.amounts == 0;
    let fills = claim.fill.as_ref().zip(back.fill.as_ref());
    match place {
        Place::Named | Place::Number => !(is_told && claim.is_taken_back),
        Place::Family | Place::Day if is_told => {
            !claim.is_taken_back
                && fills.map_or(place == Place::Family, |(one, other)| one == other)
        }
        Place::Family => true,
        Place::Day => fills.is_none_or(|(one, other)| one.codes == other.codes),
    }
}

/// What a payment and its reversal have in common: day, patient, type of claim and charge.
type DayAndAmounts<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<u64>);

fn day_and_amounts(claim: &Claim) -> Option<DayAndAmounts<'_>> {
    let submitted = claim.submitted.map(i64::unsigned_abs);
    let (patient, kind) = (claim.patient_id.as_deref(), claim.kind.as_deref());
    claim.day.as_deref().map(|day| (day, patient, kind, submitted))
}

fn is_charged_back(claim: &Claim) -> bool {
    claim.submitted.is_some_and(|cents| cents < 0) || claim.is_unpaid() && claim.is_taken_back
}
