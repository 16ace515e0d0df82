//! Reads the amounts of claims as they were sent, claim by claim.

use super::{
    kind::{Category, Kind},
    sum::{Level, Place, Sent},
};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{
    Connection, Row, Rows, Statement, fallible_streaming_iterator::FallibleStreamingIterator as _,
    types::ValueRef,
};
use std::collections::HashMap;

const DOING: &str = "cannot read the amounts of claims";

/// A table with amounts, and the place of its rows in a claim.
struct Source {
    level: Level,
    table: &'static str,
    line: &'static str,
    part: &'static str,
    depth: &'static str,
    /// Whether the table's amounts are net amounts of lines, as opposed to adjudications.
    is_net: bool,
}

const fn source(
    level: Level,
    table: &'static str,
    (line, part, depth): (&'static str, &'static str, &'static str),
    is_net: bool,
) -> Source {
    Source { level, table, line, part, depth, is_net }
}

const LINE: (&str, &str, &str) = ("item_index", "0", "1");
const DETAIL: (&str, &str, &str) = ("item_index", "detail_index", "2");
const SUB_DETAIL: (&str, &str, &str) = ("item_index", "detail_index", "3 + sub_detail_index");
const ADDED: (&str, &str, &str) = ("add_item_index", "0", "1");
const ADDED_DETAIL: (&str, &str, &str) = ("add_item_index", "detail_index", "2");
const ADDED_SUB_DETAIL: (&str, &str, &str) =
    ("add_item_index", "detail_index", "3 + sub_detail_index");

const SOURCES: [Source; 14] = [
    source(Level::Total, "explanation_of_benefit_total", ("0", "0", "1"), false),
    source(Level::Claim, "explanation_of_benefit_adjudication", ("0", "0", "1"), false),
    source(Level::Item, "explanation_of_benefit_item_adjudication", LINE, false),
    source(Level::Item, "explanation_of_benefit_item", LINE, true),
    source(Level::Item, "explanation_of_benefit_item_detail_adjudication", DETAIL, false),
    source(Level::Item, "explanation_of_benefit_item_detail", DETAIL, true),
    source(Level::Item, "explanation_of_benefit_item_sub_detail_adjudication", SUB_DETAIL, false),
    source(Level::Item, "explanation_of_benefit_item_sub_detail", SUB_DETAIL, true),
    source(Level::Added, "explanation_of_benefit_add_item_adjudication", ADDED, false),
    source(Level::Added, "explanation_of_benefit_add_item", ADDED, true),
    source(
        Level::Added,
        "explanation_of_benefit_add_item_detail_adjudication",
        ADDED_DETAIL,
        false,
    ),
    source(Level::Added, "explanation_of_benefit_add_item_detail", ADDED_DETAIL, true),
    source(
        Level::Added,
        "explanation_of_benefit_add_item_sub_detail_adjudication",
        ADDED_SUB_DETAIL,
        false,
    ),
    source(Level::Added, "explanation_of_benefit_add_item_sub_detail", ADDED_SUB_DETAIL, true),
];

/// Reads the claim's payment, which has a FHIR element of its own.
const PAYMENT: &str = "SELECT a.connection_id, a.id, 0, 0, 1, 0, payment_amount, payment_currency
     FROM temp.mart_scope CROSS JOIN explanation_of_benefit AS a
       ON a.connection_id = mart_scope.connection_id
     WHERE payment_amount IS NOT NULL ORDER BY mart_scope.connection_id, a.id";

/// Reads Medicare's balances of benefits: each is an amount of the claim under the name of a variable.
///
/// Any other payer's balances are running accounts, which are not amounts of a claim.
const BALANCES: &str = "SELECT a.connection_id, a.explanation_of_benefit_id, 0, 0, 1, financial_index,
       used_money_amount, used_money_currency, type_code, type_system, type_code, NULL, NULL, NULL, NULL
     FROM temp.mart_scope CROSS JOIN explanation_of_benefit_benefit_balance_financial AS a
       ON a.connection_id = mart_scope.connection_id
     WHERE used_money_amount IS NOT NULL
       AND type_code LIKE 'https://bluebutton.cms.gov/resources/variables/%'
     ORDER BY mart_scope.connection_id, a.explanation_of_benefit_id";

impl Source {
    /// The SQL that reads the table's amounts in the order of claims, which is the order of its key.
    fn sql(&self) -> String {
        let Source { table, line, part, depth, .. } = self;
        let values = match self.is_net {
            true => "0, net_amount, net_currency",
            // In the table of totals the position column has another name.
            false if self.level == Level::Total => "total_index, amount, currency",
            false => "adjudication_index, amount, currency",
        };
        let category = match self.is_net {
            true => "",
            false => {
                ", coalesce(category_c4bb_code, category_hl7_code, category_code),
                 category_system, category_code, category_second_system, category_second_code,
                 category_text, category_display"
            }
        };
        let amount = if self.is_net { "net_amount" } else { "amount" };
        format!(
            "SELECT a.connection_id, a.explanation_of_benefit_id, {line}, {part}, {depth}, {values}{category}
             FROM temp.mart_scope CROSS JOIN {table} AS a ON a.connection_id = mart_scope.connection_id
             WHERE {amount} IS NOT NULL
             ORDER BY mart_scope.connection_id, a.explanation_of_benefit_id"
        )
    }
}

/// How the kind of an amount is known: by a category, as a net amount, or as a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Categories,
    Nets,
    Payments,
}

/// A statement that reads amounts in the order of claims.
pub(super) struct Read<'c> {
    level: Level,
    naming: Naming,
    statement: Statement<'c>,
}

/// The statements that read all amounts in scope.
pub(super) fn prepare(connection: &Connection) -> Result<Vec<Read<'_>>, WarehouseError> {
    let mut reads = Vec::new();
    for source in &SOURCES {
        let naming = if source.is_net { Naming::Nets } else { Naming::Categories };
        let statement = connection.prepare(&source.sql()).doing(DOING)?;
        reads.push(Read { level: source.level, naming, statement });
    }
    for (sql, level, naming) in [
        (BALANCES, Level::Balance, Naming::Categories),
        (PAYMENT, Level::Payment, Naming::Payments),
    ] {
        let statement = connection.prepare(sql).doing(DOING)?;
        reads.push(Read { level, naming, statement });
    }
    Ok(reads)
}

/// A claim: the connection, and the id of the resource.
pub(super) type Key = (i64, String);

/// The lines that state the total of their claim's other lines.
pub(super) fn total_lines(
    connection: &Connection,
) -> Result<HashMap<Key, Vec<i64>>, WarehouseError> {
    let mut lines: HashMap<Key, Vec<i64>> = HashMap::new();
    let mut statement =
        connection.prepare("SELECT connection_id, id, line FROM temp.total_line").doing(DOING)?;
    let mut rows = statement.query([]).doing(DOING)?;
    while let Some(row) = rows.next().doing(DOING)? {
        let key = (row.get(0).doing(DOING)?, row.get(1).doing(DOING)?);
        lines.entry(key).or_default().push(row.get(2).doing(DOING)?);
    }
    Ok(lines)
}

/// A claim's key and its amounts.
pub(super) struct Claim {
    pub(super) key: Key,
    pub(super) sent: Vec<Sent>,
}

/// Reads one claim after another from all statements.
pub(super) struct ClaimReader<'s> {
    cursors: Vec<Cursor<'s>>,
}

struct Cursor<'s> {
    level: Level,
    naming: Naming,
    rows: Rows<'s>,
}

impl<'s> ClaimReader<'s> {
    pub(super) fn new(reads: &'s mut [Read<'_>]) -> Result<ClaimReader<'s>, WarehouseError> {
        let mut cursors = Vec::new();
        for Read { level, naming, statement } in reads {
            let mut rows = statement.query([]).doing(DOING)?;
            rows.advance().doing(DOING)?;
            cursors.push(Cursor { level: *level, naming: *naming, rows });
        }
        Ok(ClaimReader { cursors })
    }

    /// The next claim that has amounts.
    pub(super) fn next(&mut self) -> Result<Option<Claim>, WarehouseError> {
        let Some((connection_id, id)) = self.cursors.iter().filter_map(Cursor::claim).min() else {
            return Ok(None);
        };
        let mut claim = Claim { key: (connection_id, id.to_owned()), sent: Vec::new() };
        for cursor in &mut self.cursors {
            while cursor.claim() == Some((claim.key.0, &claim.key.1)) {
                claim.sent.extend(cursor.sent().doing(DOING)?);
                cursor.rows.advance().doing(DOING)?;
            }
        }
        Ok(Some(claim))
    }
}

impl Cursor<'_> {
    /// The key of the claim in the next row.
    fn claim(&self) -> Option<(i64, &str)> {
        let row = self.rows.get()?;
        match (row.get_ref(0), row.get_ref(1)) {
            (Ok(ValueRef::Integer(connection_id)), Ok(id)) => {
                Some((connection_id, id.as_str().unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// The amount in the next row; `None` if its kind is not known.
    fn sent(&self) -> rusqlite::Result<Option<Sent>> {
        let Some(row) = self.rows.get() else { return Ok(None) };
        let text = |at: usize| text(row, at);
        let (meaning, detail) = match self.naming {
            Naming::Categories => {
                let codings = [(text(9)?, text(10)?), (text(11)?, text(12)?)];
                let category = Category { code: text(8)?, codings, texts: [text(13)?, text(14)?] };
                (category.meaning(), category.detail())
            }
            Naming::Nets => (Some((Kind::Submitted, super::kind::NET)), ""),
            Naming::Payments => (Some((Kind::Payment, 0)), ""),
        };
        let Some((kind, preference)) = meaning else { return Ok(None) };
        Ok(Some(Sent {
            place: Place {
                level: self.level,
                line: row.get(2)?,
                part: row.get(3)?,
                depth: row.get(4)?,
            },
            kind,
            preference,
            detail: detail.to_owned(),
            position: row.get(5)?,
            amount: row.get(6)?,
            currency: text(7)?.map(|currency| currency.trim_matches(' ').to_ascii_uppercase()),
        }))
    }
}

fn text<'r>(row: &'r Row<'_>, at: usize) -> rusqlite::Result<Option<&'r str>> {
    Ok(row.get_ref(at)?.as_str_or_null()?)
}
