//! Writes the sums of a claim's amounts.

use super::{
    chosen::{COST_SHARE, PLAN_PAID},
    kind::{KINDS, Kind},
    read::Key,
    sum::{Currency, Sums, round},
};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, Statement, params};

const DOING: &str = "cannot note the amounts of claims";

/// The kinds that have a column of their own, in the order of the columns.
const COLUMNS: [Kind; 15] = [
    Kind::Submitted,
    Kind::Allowed,
    Kind::Noncovered,
    Kind::Discount,
    Kind::Deductible,
    Kind::Copay,
    Kind::Coinsurance,
    Kind::MemberLiability,
    Kind::PaidByPatient,
    Kind::PriorPayerPaid,
    Kind::PaidToProvider,
    Kind::PaidToPatient,
    Kind::Benefit,
    Kind::DrugCost,
    Kind::Tax,
];

/// The prepared statements.
pub(super) struct Writer<'c> {
    stated: Statement<'c>,
    claim_amount: Statement<'c>,
    claim_money: Statement<'c>,
    line_money: Statement<'c>,
}

impl Writer<'_> {
    pub(super) fn new(connection: &Connection) -> Result<Writer<'_>, WarehouseError> {
        let insert = |table: &str, columns: usize| {
            let marks = vec!["?"; columns].join(", ");
            connection.prepare(&format!("INSERT INTO temp.{table} VALUES ({marks})")).doing(DOING)
        };
        Ok(Writer {
            stated: insert("stated_amount", 9)?,
            claim_amount: insert("claim_amount", 8)?,
            claim_money: insert("claim_money", 7 + COLUMNS.len())?,
            line_money: insert("line_money", 7 + COLUMNS.len())?,
        })
    }

    pub(super) fn write(&mut self, claim: &Key, sums: &Sums<'_>) -> Result<(), WarehouseError> {
        self.write_all(claim, sums).doing(DOING)
    }

    fn write_all(&mut self, claim: &Key, sums: &Sums<'_>) -> rusqlite::Result<()> {
        let (connection_id, id) = claim;
        for it in &sums.stated {
            let (place, kind) = (it.place, it.kind.name());
            self.stated.execute(params![
                connection_id,
                id,
                place.level.name(),
                place.line,
                place.part,
                place.depth,
                kind,
                it.amount,
                it.is_net
            ])?;
        }
        for it in &sums.claim {
            let (kind, amount) = (it.kind.name(), it.amount());
            self.claim_amount.execute(params![
                connection_id,
                id,
                kind,
                it.total,
                it.adjudicated,
                it.header,
                it.lines,
                amount
            ])?;
        }
        let kinds = sums.claim.iter().map(|it| (it.kind, it.amount(), it.currency));
        if let Some((currency, money)) = by_kind(kinds) {
            self.claim_money.raw_bind_parameter(1, connection_id)?;
            self.claim_money.raw_bind_parameter(2, id)?;
            let chosen = [
                PLAN_PAID.of_claim(sums),
                PLAN_PAID.of_lines(&sums.lines),
                COST_SHARE.of_claim(sums),
            ];
            insert_money(&mut self.claim_money, 3, currency, &money, &chosen)?;
        }
        for line in sums.lines.chunk_by(|a, b| (a.level, a.line) == (b.level, b.line)) {
            let kinds = line.iter().map(|it| (it.kind, Some(it.amount), it.currency));
            if let (Some((currency, money)), Some(first)) = (by_kind(kinds), line.first()) {
                self.line_money.raw_bind_parameter(1, connection_id)?;
                self.line_money.raw_bind_parameter(2, id)?;
                self.line_money.raw_bind_parameter(3, first.level.name())?;
                self.line_money.raw_bind_parameter(4, first.line)?;
                let chosen = [PLAN_PAID.of_line(&money).map(round)];
                insert_money(&mut self.line_money, 5, currency, &money, &chosen)?;
            }
        }
        Ok(())
    }
}

/// The amounts by kind, and their currencies; all empty if there are no amounts.
fn by_kind<'a>(
    kinds: impl Iterator<Item = (Kind, Option<f64>, Currency<'a>)>,
) -> Option<(Currency<'a>, [Option<f64>; KINDS])> {
    let mut money = [None; KINDS];
    let mut all: Option<Currency<'a>> = None;
    for (kind, amount, currency) in kinds {
        money[kind as usize] = amount;
        all = Some(all.unwrap_or_default().and(currency));
    }
    Some((all?, money))
}

/// Inserts a row of amounts, from the parameter `from` on: the currency, whether several are mixed, a
/// column per kind, and the amounts chosen among several kinds.
fn insert_money(
    statement: &mut Statement<'_>,
    from: usize,
    currency: Currency<'_>,
    money: &[Option<f64>; KINDS],
    chosen: &[Option<f64>],
) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(from, currency.0)?;
    statement.raw_bind_parameter(from + 1, currency.is_mixed())?;
    for (at, kind) in COLUMNS.iter().enumerate() {
        statement.raw_bind_parameter(from + 2 + at, money[*kind as usize])?;
    }
    for (at, amount) in chosen.iter().enumerate() {
        statement.raw_bind_parameter(from + 2 + COLUMNS.len() + at, amount)?;
    }
    statement.raw_execute().map(drop)
}
