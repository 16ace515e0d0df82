//! Bills that add to earlier ones of the same stay instead of taking their place.
//!
//! The last digit of the type of bill (NUBC, form locator 4) is its frequency. 2 is the first of a stay's
//! interim bills, 3 a continuing one and 4 the last; each has days of its own. 5 bills late charges. 7
//! and 9 replace earlier bills. A, B, C and E are notices, such as of an election, and D cancels a
//! notice: no bill replaces a notice, and no notice replaces a bill.

use super::claim::Claim;

/// Which part of a stay's charges a bill has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// All charges, or those from the beginning.
    Whole,
    /// The charges of a later interim bill, with its first day.
    Days(Option<&'a str>),
    /// Late charges, with their sum in cents: the same sum again is the same late charge.
    Late(Option<i64>),
    /// No charges: a notice, with its frequency.
    Notice(char),
}

impl Claim {
    pub(super) fn part(&self) -> Part<'_> {
        match self.frequency {
            Some('3' | '4') => Part::Days(self.day.as_deref()),
            Some('5') => Part::Late(self.submitted),
            Some(frequency @ ('A' | 'B' | 'C' | 'E')) => Part::Notice(frequency),
            _ => Part::Whole,
        }
    }

    /// Whether the bill adds to an earlier claim, given that the bill names that claim or has its number.
    pub(super) fn adds_to(&self, older: &Claim) -> bool {
        let part = self.part();
        let adds = part != Part::Whole && part != older.part();
        adds && !self.is_negative() && !self.says_void && !self.revises
    }

    /// Whether the bill replaces an earlier claim with the same number.
    pub(super) fn takes_place_of(&self, older: &Claim) -> bool {
        match (self.part(), older.part()) {
            // A correction of a later interim bill leaves the first one as it is.
            (Part::Whole, Part::Whole) => {
                older.frequency != Some('2') || self.frequency == Some('2') || self.covers(older)
            }
            (Part::Whole, Part::Days(_)) => self.frequency != Some('2') && self.covers(older),
            // Another version of the first bill leaves the late charges as they are.
            (Part::Whole, Part::Late(_)) => self.bills_anew() && self.covers(older),
            (newer, older) => newer == older,
        }
    }

    /// Whether the bill replaces everything that was billed for its days.
    pub(super) fn bills_anew(&self) -> bool {
        self.part() == Part::Whole && (self.revises || self.frequency == Some('9'))
    }

    pub(super) fn is_notice(&self) -> bool {
        matches!(self.part(), Part::Notice(_))
    }

    /// Whether the bill is an interim bill of a stay.
    pub(super) fn is_interim(&self) -> bool {
        matches!(self.frequency, Some('2'..='4'))
    }

    /// Whether the bill repeats what an interim bill of the same stay billed: all of its days, and usually
    /// more.
    ///
    /// A replacement (7, 9) states the bill anew from the first day, perhaps with fewer days. A bill with
    /// unknown days repeats nothing.
    pub(super) fn repeats(&self, older: &Claim) -> bool {
        let days = |claim: &Claim| claim.day.clone().zip(claim.last_day.clone());
        let Some((mine, its)) = days(self).zip(days(older)) else { return false };
        let is_later = match mine == its {
            true => older.order() < self.order(),
            // Of bills created on the same day, the longer one is the later one.
            false => !self.made.is_before(&older.made),
        };
        let bills_its_days = match self.bills_anew() {
            true => self.covers(older),
            false => {
                matches!(self.frequency, Some('1'..='4')) && mine.0 <= its.0 && its.1 <= mine.1
            }
        };
        bills_its_days
            && is_later
            && self.kind == older.kind
            && self.shares_patient(older)
            && self.shares_currency(older)
    }

    /// Whether this is a whole bill whose first and last day are known.
    pub(super) fn is_of_a_stay(&self) -> bool {
        self.part() == Part::Whole && self.day.is_some() && self.last_day.is_some()
    }

    /// Whether another claim's first day is within this claim's days. Unknown days count as within.
    pub(super) fn covers(&self, other: &Claim) -> bool {
        other.day.as_ref().is_none_or(|day| {
            self.day.as_ref().is_none_or(|first| first <= day)
                && self.last_day.as_ref().is_none_or(|last| day <= last)
        })
    }
}
