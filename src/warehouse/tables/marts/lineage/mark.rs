//! Marks voids (claims that take another back) and differences (claims that change an amount).

use super::{claim::Claim, decide::Table};
use std::collections::HashSet;

impl Table<'_> {
    /// Tells voids from differences, in the order in which the claims were made.
    ///
    /// The amount that a claim takes back is compared with the amount that stands at that time.
    pub(super) fn mark_voids(&mut self) {
        let claims = self.claims;
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_by(|one, other| claims[*one].order().cmp(&claims[*other].order()));
        for at in order {
            let claim = &claims[at];
            let is_paired = self.made[at].reverses.is_some();
            let changed = match claim.is_live && !claim.says_void && !is_paired {
                true => self.changed_by(at),
                false => None,
            };
            let takes_back = claim.submitted.is_some_and(|cents| cents < 0)
                || claim.paid.is_some_and(|cents| cents < 0)
                    && claim.submitted.is_none_or(|cents| cents <= 0)
                || claim.is_unpaid() && claim.is_taken_back;
            let named = self.kin.named(at);
            // A claim without a price, as under capitation, may be corrected by another one without a
            // price.
            let is_priced = |other: &usize| !claims[*other].is_zero || self.made[*other].is_void;
            let empties = named.iter().any(is_priced)
                && claim.is_zero
                && claim.submitted == Some(0)
                && !claim.is_notice();
            let decision = &mut self.made[at];
            decision.is_difference = changed.is_some();
            decision.is_void =
                claim.says_void || is_paired || changed.is_none() && (takes_back || empties);
            if let Some(older) = changed {
                let base = self.base(older);
                self.changes.insert(at, base);
                *self.changed.entry(base).or_default() += claim.paid.unwrap_or(0);
                if named.is_empty() {
                    self.follows.insert(at, older);
                }
            }
        }
        self.aim_voids();
    }

    /// The claim whose amount this claim only changes, if there is one.
    ///
    /// This claim only changes the amount if it takes back less than what stands, or if it takes back a
    /// difference.
    fn changed_by(&self, at: usize) -> Option<usize> {
        let (claim, named) = (&self.claims[at], self.kin.named(at));
        let paid = claim.paid?;
        let is_undone = |other: &usize| {
            let whole = &self.claims[*other];
            self.made[*other].is_difference
                && claim.shares_currency(whole)
                && whole.paid == Some(-paid)
        };
        let latest = |among: &[usize], fits: &dyn Fn(&usize) -> bool| {
            let fitting = among.iter().copied().filter(fits);
            fitting.max_by(|one, other| self.claims[*one].order().cmp(&self.claims[*other].order()))
        };
        if paid > 0 {
            return latest(named, &is_undone);
        }
        let is_part = |other: &usize| {
            claim.shares_currency(&self.claims[*other])
                && self.stands(*other).is_some_and(|stands| paid < 0 && stands > -paid)
        };
        match named {
            [] if paid < 0 => self.version_before(at).filter(is_part),
            named => latest(named, &is_part),
        }
    }

    /// The claim with which a chain of differences began; any other claim is its own base.
    pub(super) fn base(&self, at: usize) -> usize {
        self.changes.get(&at).copied().unwrap_or(at)
    }

    /// The amount paid for a claim after the differences found so far, in cents.
    fn stands(&self, at: usize) -> Option<i64> {
        let base = self.base(at);
        let changed = self.changed.get(&base).copied().unwrap_or(0);
        self.claims[base].paid.map(|paid| paid.saturating_add(changed))
    }

    /// The version with the same number that stood when this claim was made.
    fn version_before(&self, at: usize) -> Option<usize> {
        let stood = |other: &usize| {
            let claim = &self.claims[*other];
            *other != at
                && !claim.is_cancelled
                && !claim.says_void
                && !claim.is_negative()
                && self.made[*other].reversed_by.is_none()
        };
        let found: Vec<usize> = self.kin.of_number(at).iter().copied().filter(stood).collect();
        self.taken_back(at, &found, false)
    }

    /// Finds the claim that each void takes back, if the void names no claim and no payment was found for it.
    ///
    /// It is one version with the same number, preferably one with the same amounts.
    fn aim_voids(&mut self) {
        let claims = self.claims;
        let mut voids: Vec<usize> = (0..claims.len())
            .filter(|&at| {
                let decision = &self.made[at];
                decision.is_void
                    && decision.reverses.is_none()
                    && claims[at].is_live
                    && !claims[at].is_cancelled
                    && self.kin.named(at).is_empty()
            })
            .collect();
        voids.sort_by(|one, other| claims[*one].order().cmp(&claims[*other].order()));
        let mut taken: HashSet<usize> = HashSet::new();
        for void in voids {
            let group = self.kin.of_number(void);
            if group.is_empty() {
                continue;
            }
            let after = self.kin.stated_after(void);
            let alike = |at: &usize| are_alike(&claims[*at], &claims[void]);
            let stands = |at: &usize| {
                let decision = &self.made[*at];
                !decision.is_void
                    && !decision.is_difference
                    && decision.reversed_by.is_none()
                    && !after.contains(at)
                    && claims[*at].is_notice() == (claims[void].frequency == Some('D'))
                    && !taken.contains(at)
                    // A claim of the same day with other amounts is the correction, and is not taken
                    // back.
                    && (claims[*at].made.is_before(&claims[void].made) || alike(at))
            };
            let mut found: Vec<usize> = group.iter().copied().filter(stands).collect();
            if found.iter().any(alike) {
                found.retain(alike);
            }
            if let Some(older) = self.taken_back(void, &found, false) {
                taken.insert(older);
                self.follows.insert(void, older);
            }
        }
    }
}

/// Whether a void states the same amounts as a claim, with or without their sign, or no amounts.
fn are_alike(claim: &Claim, void: &Claim) -> bool {
    let agree = |one: Option<i64>, other: Option<i64>| {
        one.zip(other).is_none_or(|(one, other)| one.unsigned_abs() == other.unsigned_abs())
    };
    claim.shares_currency(void)
        && agree(claim.paid, void.paid)
        && agree(claim.submitted, void.submitted)
}
