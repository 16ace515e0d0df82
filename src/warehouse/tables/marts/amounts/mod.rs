//! The amounts of claims: what the header states of each kind, what the lines add up to, and which of the
//! two counts.
//!
//! Payers name a kind with a CARIN or an HL7 code, an older spelling of these, or a variable of
//! Medicare's ([`kind`]). If one list has several codes of one kind, the preferred code counts (allowed
//! before eligible); amounts under the same code add up. If Medicare's codings show that two amounts of
//! one category are different things, the first of them counts. An amount whose coding says that it is no
//! amount of its category counts as what the coding says, or not at all. The payments of several prior
//! payers add up. A third party's total in version 3 of Medicare's API is one of them ([`third_party`]).
//!
//! The line of revenue center 0001 states the total of a bill's other lines. It is not added to them; it
//! counts for the claim if the header states nothing.
//!
//! Medicare states some amounts of a claim as balances of a benefit: the deductible of a stay is nowhere
//! else. They count if neither the header nor the lines state the kind.
//!
//! A line's amount is its own, or else the sum of its details; a detail's amount is its own, or else the
//! sum of its sub-details. If both are stated, `config/mart_steps/breakdown.sql` compares them.
//!
//! All is done in one pass: every table of amounts is read in the order of its key, claim by claim, and
//! the sums of a claim ([`sum`]) are written before the next claim is read. The same in SQL took four
//! sorts of all amounts of a connection, and a temporary table after each.

mod chosen;
mod kind;
mod read;
mod sum;
#[cfg(test)]
mod tests;
mod third_party;
mod write;

use crate::warehouse::error::WarehouseError;
use read::ClaimReader;
use rusqlite::Connection;
use write::Writer;

/// Fills `temp.stated_amount`, `temp.claim_amount`, `temp.claim_money` and `temp.line_money` for the
/// claims in scope.
pub(super) fn fill(connection: &Connection) -> Result<(), WarehouseError> {
    let mut statements = read::prepare(connection)?;
    let mut reader = ClaimReader::new(&mut statements)?;
    let total_lines = read::total_lines(connection)?;
    let mut writer = Writer::new(connection)?;
    while let Some(mut claim) = reader.next()? {
        third_party::place(&mut claim.sent);
        let total_lines = total_lines.get(&claim.key);
        let is_total = |line| total_lines.is_some_and(|lines| lines.contains(&line));
        writer.write(&claim.key, &sum::sum(&claim.sent, is_total))?;
    }
    Ok(())
}
