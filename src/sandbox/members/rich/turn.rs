//! Which resources are rich, and which form of an element each of them has.

use crate::sandbox::members::member::{EVERYBODY, Member};

/// The indexes of the rich ExplanationOfBenefits; none of them has an oddity of `quirks`.
pub(super) const RICH_CLAIMS: [u32; 6] = [10, 33, 34, 37, 38, 39];

/// A rich resource: its member, its number and its turn.
pub(super) struct Rich {
    pub(super) member: Member,
    /// The resource's number on its shelf.
    pub(super) number: u32,
    /// The position among the rich resources of the type, over all members. It decides between several
    /// forms.
    pub(super) turn: u32,
}

impl Rich {
    pub(super) fn new(resource_type: &str, member: &Member, number: u32) -> Option<Rich> {
        let ordinal = match resource_type {
            _ if !member.rich => return None,
            _ if member.number == EVERYBODY => {
                return (number % 4 == 1).then_some(Rich {
                    member: *member,
                    number,
                    turn: number / 4,
                });
            }
            "ExplanationOfBenefit" => RICH_CLAIMS.iter().position(|rich| *rich == number)? as u32,
            "Observation" if number >= 23 => number - 23,
            "Observation" => return None,
            _ if number < 3 => number,
            _ => return None,
        };
        // Neighbouring members have different turns, so that the first resources of three members differ.
        Some(Rich { member: *member, number, turn: ordinal * 3 + member.number % 3 })
    }

    /// The choice that the turn decides on.
    pub(super) fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.turn as usize % choices.len()]
    }
}
