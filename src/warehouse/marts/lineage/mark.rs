//! Which claims are voids, which only change an amount, and what they do so to.

use super::{Claim, decide::Table};
use std::collections::HashSet;

impl Table<'_> {
    /// Tells voids from differences.
    pub(super) fn mark_voids(&mut self) {
        for (at, claim) in self.claims.iter().enumerate() {
            let named = self.kin.named(at);
            let is_negative = claim.submitted.is_some_and(|cents| cents < 0)
                || claim.paid.is_some_and(|cents| cents < 0)
                    && claim.submitted.is_none_or(|cents| cents <= 0);
            let is_paired = self.made[at].reverses.is_some();
            let may_differ = claim.is_live
                && !claim.says_void
                && !is_paired
                && claim.paid.is_some_and(|cents| cents < 0);
            let changed = match named {
                [] if may_differ => {
                    self.version_before(at).filter(|other| self.is_part(at, *other))
                }
                _ => None,
            };
            let empties = !named.is_empty() && claim.is_zero && claim.submitted == Some(0);
            let is_difference = may_differ
                && (changed.is_some() || named.iter().any(|other| self.is_part(at, *other)));
            let decision = &mut self.made[at];
            decision.is_difference = is_difference;
            decision.is_void =
                claim.says_void || is_paired || !is_difference && (is_negative || empties);
            self.follows.extend(changed.map(|older| (at, older)));
        }
        self.aim_voids();
    }

    /// Whether less is taken back than was paid: only the change was sent.
    fn is_part(&self, at: usize, of: usize) -> bool {
        let (claim, whole) = (&self.claims[at], &self.claims[of]);
        claim.shares_currency(whole)
            && claim.paid.zip(whole.paid).is_some_and(|(back, paid)| back < 0 && paid > -back)
    }

    /// The version of the same number that stood when a claim was made.
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

    /// Finds what each void takes back that names nothing and has no payment: one version of its
    /// number, by preference one of its own amounts.
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
                    && !taken.contains(at)
                    // A claim of the same day and of other amounts is the correction.
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

/// Whether a void states the amounts of a claim, with or without their sign, or states none.
fn are_alike(claim: &Claim, void: &Claim) -> bool {
    let agree = |one: Option<i64>, other: Option<i64>| {
        one.zip(other).is_none_or(|(one, other)| one.unsigned_abs() == other.unsigned_abs())
    };
    claim.shares_currency(void)
        && agree(claim.paid, void.paid)
        && agree(claim.submitted, void.submitted)
}
