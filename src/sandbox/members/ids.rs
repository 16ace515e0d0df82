//! The ids of resources whose types have no special form of id.

use super::member::Member;

/// An id such as `condition-0001`, which recurs with different content in every member's record.
///
/// It is unique only if the server holds all members' records as one. The public samples of this payer have
/// such ids for several members, so a client's key must include the connection.
pub(super) fn slug<const LETTER: char>(member: &Member, index: u32) -> String {
    let word = match LETTER {
        'c' => "condition",
        'i' => "immunization",
        'm' => "medication",
        _ => "Observation",
    };
    match member.unique_ids {
        true => format!("{word}-{:05}-{:04}", member.number, index + 1),
        false => format!("{word}-{:04}", index + 1),
    }
}

/// A UUID whose first part ascends with the index.
pub(super) fn uuid<const TYPE: u32>(member: &Member, index: u32) -> String {
    let mut rng = member.rng("uuid", TYPE * 100_000 + index);
    let first = 0x1000_0000 + index * 0x0001_0001 + TYPE * 0x0100_0000;
    format!("{first:08x}-{}-4{}-a{}-{}", rng.hex(4), rng.hex(3), rng.hex(3), rng.hex(12))
}
