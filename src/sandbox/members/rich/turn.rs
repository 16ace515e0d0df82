//! Which resources are rich, and which of several elements each of them has.

use crate::sandbox::members::member::{EVERYBODY, Member};

/// The ExplanationOfBenefits that are rich: none of them has a quirk.
pub(super) const RICH_CLAIMS: [u32; 6] = [10, 33, 34, 37, 38, 39];

/// One rich resource: whose, and which choice it takes.
pub(super) struct Rich {
    pub(super) member: Member,
    /// Its number on its shelf.
    pub(super) number: u32,
    /// Counts the rich resources of a type, over all members.
    pub(super) turn: u32,
}

impl Rich {
    pub(super) fn new(resource_type: &str, member: &Member, number: u32) -> Option<Rich> {
        let ordinal = match resource_type {
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
        // Members take turns first, so that the first resources of three members differ.
        Some(Rich { member: *member, number, turn: ordinal * 3 + member.number % 3 })
    }

    /// One of these, by turn.
    pub(super) fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.turn as usize % choices.len()]
    }
}
