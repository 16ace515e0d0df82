//! The amounts of claims: what the header states of each kind, what the lines come to, and which counts.
//!
//! Payers name a kind with a CARIN or an HL7 code, an older spelling of these, or a variable of
//! Medicare's ([`kind`]). Of the codes of one kind in one list the preferred code counts (allowed
//! before eligible); amounts under the same code add up. Where a coding of Medicare's says that two
//! amounts of one category are different things, the first of them counts, and some never do. What
//! each of several prior payers paid adds up.
//!
//! The line of revenue center 0001 states the total of a bill's other lines: it is no line to add to
//! them, and speaks for the claim where the header does not.
//!
//! A line's amount is its own, else the sum of its details; a detail's is its own, else the sum of
//! its sub-details. Where both are stated, `config/mart_steps/breakdown.sql` compares them.
//!
//! One pass: every table of amounts is read in the order of its key, claim beside claim, and what a
//! claim comes to ([`sum`]) is written before the next one is read. In SQL the same took four sorts
//! of every amount of a connection, and temporary tables of all stages between them.

mod chosen;
mod kind;
mod read;
mod sum;
#[cfg(test)]
mod tests;
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
    while let Some(claim) = reader.next()? {
        let total_lines = total_lines.get(&claim.key);
        let is_total = |line| total_lines.is_some_and(|lines| lines.contains(&line));
        writer.write(&claim.key, &sum::sum(&claim.sent, is_total))?;
    }
    Ok(())
}
